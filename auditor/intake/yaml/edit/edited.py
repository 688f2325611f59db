"""Changes to a text: lines that come and go, and parts of a list in brackets. Nothing here knows what they mean."""

import re
from typing import Final

from auditor.dataclass import dataclass

_COMMENT: Final = re.compile(r"[ \t]*#[^\n]*\n\Z")


@dataclass(frozen=True, slots=True)
class Edit:
    start: int
    end: int
    text: str


class EditedText:
    """The last line of YAML is ended."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.edits: list[Edit] = []

    def put(self, start: int, end: int, text: str) -> None:
        self.edits.append(Edit(start, end, text))

    def remove_flow(self, spans: list[tuple[int, int]], gone: set[int]) -> None:
        """With the comma behind them; from the end of the list with the comma before them."""
        keep = [i for i in range(len(spans)) if i not in gone]
        for i in gone:
            if i < keep[-1]:
                self.put(spans[i][0], spans[i + 1][0], "")
        if keep[-1] < len(spans) - 1:
            self.put(spans[keep[-1]][1], spans[-1][1], "")

    def remove_lines(self, spans: list[tuple[int, int]], gone: set[int]) -> None:
        """Each with the comment behind it, and those above it, except above the first: they may be about all."""
        text = self.text
        kept = next(i for i in range(len(spans)) if i not in gone)
        begins = text.rfind("\n", 0, spans[0][0]) + 1
        if kept and text[begins : spans[0][0]].strip(" "):  # behind a dash: the first that stays moves up to there
            stop, following = self._stop(spans[kept - 1][1]), spans[kept][0]
            commented = bool(text[stop:following].strip())
            self.put(spans[0][0], stop if commented else following, "\n" if commented else "")
            gone = {i for i in gone if i > kept}
        for i in sorted(gone):
            start, end = spans[i]
            line = text.rfind("\n", 0, start) + 1
            if i:
                line = self._with_comments(line, start - line, spans[i - 1][1])
            self.put(line, self._stop(end), "")

    def _stop(self, end: int) -> int:
        """Where the line ends in which the content does."""
        return end if self.text[end - 1] == "\n" else self.line_end(end) + 1

    def _with_comments(self, line: int, column: int, after: int) -> int:
        """Where the comments begin that stand directly above, in the same column."""
        while line > after:
            above = self.text.rfind("\n", 0, line - 1) + 1
            written = self.text[above:line]
            if above <= after or not _COMMENT.fullmatch(written) or written.index("#") != column:
                break
            line = above
        return line

    def add_lines(self, after: int, column: int, texts: list[str]) -> None:
        """Below the line in which the content before ends; a comment at its end stays there."""
        at = after
        whole = "".join(f"{' ' * column}{each}\n" for each in texts)
        if not (at and self.text[at - 1] == "\n"):  # else a block scalar that keeps the empty lines behind it
            at = self.text.index("\n", at) + 1
        self.put(at, at, whole)

    def line_end(self, at: int) -> int:
        return self.text.index("\n", at)
