"""How a document is written, so that what is put into it is written in the same way."""

from auditor.dataclass import dataclass
from auditor.intake.yaml.edit.tree import Node


@dataclass(frozen=True, slots=True)
class Style:
    """How a document is written."""

    json: bool = False
    step: int = 2
    """Columns from a mapping to the one in it; in JSON 0: all in one line."""
    dash: int = 0
    """Columns from a mapping to the dashes of a list in it."""
    tab: bool = False
    """JSON that is indented by tabs, `step` of them."""
    spaced: bool = True
    """JSON in one line with a space behind commas and colons."""
    literal: bool = True
    """Texts of several lines have lines of their own; not where a comment follows in the same line."""


def find_style(text: str, root: Node, *, json: bool) -> Style:
    """By the first place that shows each habit."""
    if json:
        first = next((e.start for e in root.entries or ()), 0)
        line = text[text.rfind("\n", 0, first) + 1 : first]
        step = 0 if line.strip(" \t") else len(line)
        return Style(json=True, step=step, tab="\t" in line, spaced='": ' in text or ": " in text)
    step = dash = 0
    found_dash = False
    for node in root.walk():
        if node.flow or not node.entries:
            continue
        column = column_of(text, node.entries[0].start)
        for entry in node.entries:
            value = entry.value
            if value.entries and not value.flow and not step:
                step = column_of(text, value.entries[0].start) - column
            if value.dashes and not found_dash:
                found_dash, dash = True, column_of(text, value.dashes[0]) - column
    return Style(step=step if step > 0 else 2, dash=max(dash, 0))


def column_of(text: str, at: int) -> int:
    return at - (text.rfind("\n", 0, at) + 1)
