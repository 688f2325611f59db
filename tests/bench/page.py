"""The tables, as Markdown."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from tests.bench.figure import Figure, Found, Growth, show

HEAD = ("what", "unit", "min", "median", "max", "rounds", "goal", "loops")
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    found: Found | None = None
    trouble: str = ""


def render(facts: Mapping[str, str], sections: Sequence[Section]) -> str:
    return "\n".join(_lines(facts, sections)).strip() + "\n"


def put_between_markers(page: Path, text: str) -> None:
    """Nothing else of the page changes."""
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{page} has no lines {BEGIN} and {END} to write between")
    page.write_text(f"{before}{begin}\n\n{text}\n{end}{after}")


def _lines(facts: Mapping[str, str], sections: Sequence[Section]) -> Iterator[str]:
    texts = {name: text for each in sections if each.found for name, text in each.found.texts.items()}
    yield from _table(("measured", "with"), ((f"**{name}**", text) for name, text in {**facts, **texts}.items()))
    for section in sections:
        yield f"### {section.title}"
        yield ""
        if section.found is None:
            yield f"**{section.trouble}**"
            yield ""
            continue
        if section.found.figures:
            yield from _table(HEAD, map(_row, section.found.figures))
        for along, growths in groupby(section.found.growths, key=lambda each: (each.along, each.points)):
            name, points = along
            growing = (f"by {name}", "unit", *(f"{point:,}" for point in points), "exponent", "each")
            yield from _table(growing, map(_grown, growths))
        for note in section.found.notes:
            yield note
            yield ""


def _row(figure: Figure) -> tuple[str, ...]:
    goal = "" if figure.goal is None else f"{show(figure.goal)}{' **missed**' if figure.missed else ''}"
    return (
        figure.what,
        figure.unit,
        show(min(figure.values)),
        f"**{show(figure.median)}**",
        show(max(figure.values)),
        str(len(figure.values)),
        goal,
        "" if figure.loops is None else show(figure.loops),
    )


def _grown(growth: Growth) -> tuple[str, ...]:
    exponent = "" if growth.exponent is None else f"{growth.exponent:.2f}"
    return (growth.what, growth.unit, *map(show, growth.values), exponent, _per_one(growth))


def _per_one(growth: Growth) -> str:
    """In a unit in which it is no long fraction."""
    smaller = {"MB": ("B", 1e6), "s": ("us", 1e6), "ms": ("us", 1e3), "us": ("us", 1.0)}
    unit, factor = smaller.get(growth.unit, (growth.unit, 1.0))
    return f"{show(growth.each * factor)} {unit}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""
