"""Replacements in a text that remember where everything came from."""

from collections.abc import Iterable

from auditor.dataclass import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    start: int
    end: int
    text: str


class EditedText:
    """A text with edits that do not overlap. An offset inside of a replacement comes from where that begins."""

    def __init__(self, text: str, edits: Iterable[Edit]) -> None:
        parts: list[str] = []
        self._origins: list[tuple[int, int, bool]] = [(0, 0, False)]
        at = length = 0
        for edit in sorted(set(edits)):
            parts += (text[at : edit.start], edit.text)
            length += edit.start - at
            self._origins.append((length, edit.start, True))
            length += len(edit.text)
            self._origins.append((length, edit.end, False))
            at = edit.end
        parts.append(text[at:])
        self.text = "".join(parts)

    def origin(self, offset: int) -> int:
        """The offset in the original text."""
        start, origin, replaced = next(o for o in reversed(self._origins) if o[0] <= offset)
        return origin if replaced else origin + offset - start


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """Counting from 1, in characters."""
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def offset_of(text: str, line: int, column: int) -> int:
    """The inverse; the start for a place that is not in the text, such as the library's for none at all."""
    lines = text.split("\n")
    if not (1 <= line <= len(lines) and 1 <= column <= len(lines[line - 1]) + 1):
        return 0
    return sum(len(each) + 1 for each in lines[: line - 1]) + column - 1
