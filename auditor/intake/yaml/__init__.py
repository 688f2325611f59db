"""Text to documents, as kubectl reads them: YAML 1.1 by the rules of Kubernetes' own parser, JSON and JSON streams.

Three differences, all of them errors instead of silence: a key that stands twice in one mapping, content that kubectl
would skip (after `...`, or behind a complete value), and bytes that are no text.
"""

from auditor.intake.yaml.document import Document, DocumentError, Position, Positions
from auditor.intake.yaml.read import read_documents

__all__ = ["Document", "DocumentError", "Position", "Positions", "read_documents"]
