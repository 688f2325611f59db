"""Changes to the text of a document, so that it means another value and is otherwise as its author wrote it.

Comments, order, quotes and indentation of what did not change stay byte for byte. What cannot be kept is written anew,
the smallest node around it only; what cannot be done without a guess is refused. Whoever edits reads the result again.
"""

from auditor.intake.yaml.edit.changes import UnfitError, find_edits
from auditor.intake.yaml.edit.source import SourceText

__all__ = ["SourceText", "UnfitError", "find_edits"]
