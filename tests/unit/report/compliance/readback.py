"""Reads the tables back out of what was written, as whoever gets the file would."""

import csv as csv_module
import html as html_module
import io
import re
from html.parser import HTMLParser

Tables = dict[str, list[list[str]]]
"""By section: the rows, without heads."""


def read_csv(text: str) -> Tables:
    found: Tables = {}
    for name, *cells in csv_module.reader(io.StringIO(text)):
        found.setdefault(name, []).append([cell.removeprefix("'") for cell in cells])
    return {name: rows[1:] for name, rows in found.items() if name != "report"}


def read_markdown(text: str, names: dict[str, str]) -> Tables:
    """`names`: of sections, by their titles."""
    found: Tables = {}
    section = ""
    for line in text.splitlines():
        if line.startswith("## "):
            section = names[line.removeprefix("## ")]
            found[section] = []
        elif line.startswith("| ") and section:
            cells = re.split(r"(?<!\\) \| ", line.removeprefix("| ").removesuffix(" |"))
            found[section].append([html_module.unescape(re.sub(r"\\(.)", r"\1", cell)) for cell in cells])
    return {name: rows[2:] for name, rows in found.items()}


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tables: Tables = {}
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._rows: list[list[str]] | None = None
        self._cell: list[str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.tags.append((tag, named))
        if tag == "table":
            self._rows = self.tables.setdefault(str(named["data-section"]), [])
        elif tag == "tr" and self._rows is not None:
            self._rows.append([])
        elif tag in ("td", "th"):
            self._cell = []

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th") and self._rows is not None and self._cell is not None:
            self._rows[-1].append("".join(self._cell))
            self._cell = None
        elif tag == "table":
            self._rows = None

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(data)


def read_html(text: str) -> tuple[Tables, list[tuple[str, dict[str, str | None]]]]:
    """And all tags with their attributes."""
    page = _Page()
    page.feed(text)
    page.close()
    return {name: rows[1:] for name, rows in page.tables.items()}, page.tags
