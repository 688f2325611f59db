"""Charts as inline SVG. They are drawn for who sees; the tables beside them say the same to everybody.

Colours are classes of the style sheet, so that they follow light, dark and print.
"""

import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import Final
from zoneinfo import ZoneInfo

from auditor.model.policy import Severity
from auditor.report.compliance.cells import Percent, show
from auditor.report.compliance.tree import Compliance, Point, SeverityLine

WIDTH: Final = 720
HEIGHT: Final = 320
LEFT: Final = 76
BOTTOM: Final = 40
TOP: Final = 20
RADIUS: Final = 52


def draw_gauge(percent: float | None) -> str:
    """A ring that is full at 100 per cent, and not there where nothing was evaluated."""
    around = 2 * math.pi * RADIUS
    told = show(Percent(percent))
    arc = ""
    if percent is not None:
        arc = (
            f'<circle class="arc {grade(percent)}" cx="64" cy="64" r="{RADIUS}" transform="rotate(-90 64 64)"'
            f' stroke-dasharray="{around * percent / 100:.2f} {around:.2f}"/>'
        )
    word = "–" if percent is None else f"{percent:g}%"  # noqa: RUF001
    return (
        f'<svg class="gauge" viewBox="0 0 128 128" role="img" aria-label="Compliance: {told}">'
        f'<circle class="ring" cx="64" cy="64" r="{RADIUS}"/>{arc}'
        f'<text class="big" x="64" y="72" text-anchor="middle">{word}</text></svg>'
    )


def grade(percent: float) -> str:
    """Green only where nothing fails."""
    return "good" if percent == 100 else "fair" if percent >= 90 else "poor"


def draw_trend(points: Sequence[Point]) -> str:
    """Compliance at the end of each period: a line with gaps where nothing was counted, never a zero."""
    values = [None if each.results is None else each.results.percent for each in points]
    known = [value for value in values if value is not None]
    if not known:
        return ""
    floor = _floor(min(known))
    parts = list(_grid(floor, points))
    for run in _runs(values):
        line = " ".join(f"{_x(i, len(values)):.1f},{_y(value, floor):.1f}" for i, value in run)
        if len(run) > 1:
            first, last = (f"{_x(i, len(values)):.1f}" for i in (run[0][0], run[-1][0]))
            parts.append(f'<polygon class="area" points="{first},{HEIGHT - BOTTOM} {line} {last},{HEIGHT - BOTTOM}"/>')
            parts.append(f'<polyline class="line" points="{line}"/>')
        for i, value in run:
            told = f"{escape(str(points[i].period))}: {show(Percent(value))}"
            parts.append(
                f'<circle class="dot" cx="{_x(i, len(values)):.1f}" cy="{_y(value, floor):.1f}" r="6">'
                f"<title>{told}</title></circle>"
            )
    said = ", ".join(show(Percent(value)) if value is not None else "not known" for value in values)
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Compliance by period: {said}">'
        f"{''.join(parts)}</svg>"
    )


def _floor(lowest: float) -> int:
    """So that a change of a point can be seen; the axis says where it begins."""
    return next(floor for floor in (95, 90, 80, 50, 0) if lowest >= floor)


def _grid(floor: int, points: Sequence[Point]) -> Iterator[str]:
    for step in range(6):
        value = floor + (100 - floor) * step / 5
        y = _y(value, floor)
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - 12}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text class="tick" x="{LEFT - 6}" y="{y + 7:.1f}" text-anchor="end">{value:g}%</text>'
    for i in range(len(points)):
        yield from _tick_at(i, points)


def _tick_at(i: int, points: Sequence[Point]) -> Iterator[str]:
    """Below each period, or each third where there are many: the texts have no room otherwise."""
    if len(points) <= 5 or i % 3 == (len(points) - 1) % 3:
        x = _x(i, len(points))
        anchor = "end" if i and i == len(points) - 1 else "middle"
        yield f'<text class="tick" x="{x:.1f}" y="{HEIGHT - 10}" text-anchor="{anchor}">{_tick(points[i])}</text>'


def _tick(point: Point) -> str:
    period = point.period
    start = period.start.astimezone(ZoneInfo(period.zone))
    length = (period.end - period.start).days
    return start.strftime("%H:%M" if length < 1 else "%b %Y" if period.months else "%d %b")


def _x(i: int, count: int) -> float:
    return LEFT + 16 + (WIDTH - LEFT - 44) * (i / (count - 1) if count > 1 else 0.5)


def _y(value: float, floor: int) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * (value - floor) / (100 - floor)


def _runs(values: Sequence[float | None]) -> Iterator[list[tuple[int, float]]]:
    run: list[tuple[int, float]] = []
    for i, value in enumerate(values):
        if value is None:
            if run:
                yield run
            run = []
        else:
            run.append((i, value))
    if run:
        yield run


def draw_movement(points: Sequence[Point]) -> str:
    """Opened and reopened findings above the line, resolved ones below it."""
    moved = [each.flow for each in points]
    most = max((max(m.opened + m.reopened, m.resolved) for m in moved if m is not None), default=0)
    if not most:
        return ""
    middle, room = (HEIGHT - BOTTOM) / 2 + 6, (HEIGHT - BOTTOM) / 2 - 30
    width = min(28.0, (WIDTH - LEFT) / len(points) * 0.6)
    parts = [f'<line class="axis" x1="{LEFT}" x2="{WIDTH - 12}" y1="{middle}" y2="{middle}"/>']
    for i, (point, each) in enumerate(zip(points, moved, strict=True)):
        x = _x(i, len(points)) - width / 2
        parts += _tick_at(i, points)
        if each is None:
            continue
        up, down = (room * count / most for count in (each.opened + each.reopened, each.resolved))
        told = f"{escape(str(point.period))}: {each.opened} opened, {each.reopened} reopened, {each.resolved} resolved"
        parts.append(
            f'<g><title>{told}</title><rect class="up" x="{x:.1f}" y="{middle - up:.1f}" width="{width:.1f}"'
            f' height="{up:.1f}" rx="2"/><rect class="down" x="{x:.1f}" y="{middle:.1f}" width="{width:.1f}"'
            f' height="{down:.1f}" rx="2"/></g>'
        )
        parts.append(_label(x + width / 2, middle - up - 5, each.opened + each.reopened))
        parts.append(_label(x + width / 2, middle + down + 21, each.resolved))
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
        f' aria-label="Findings opened and resolved by period">{"".join(parts)}</svg>'
    )


def _label(x: float, y: float, count: int) -> str:
    return f'<text class="tick" x="{x:.1f}" y="{y:.1f}" text-anchor="middle">{count}</text>' if count else ""


def draw_severities(lines: Sequence[SeverityLine]) -> str:
    """Open violations, the worst first, as bars of one scale."""
    counts = [(each.severity, 0 if each.open is None else each.open.violations) for each in lines]
    most = max((count for _, count in counts), default=0)
    if not most:
        return ""
    step = (HEIGHT - TOP) // max(len(counts), 1)
    parts = [_bar(severity, count, most, i * step + TOP) for i, (severity, count) in enumerate(counts)]
    said = ", ".join(f"{count} {severity}" for severity, count in counts)
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Open violations: {said}">'
        f"{''.join(parts)}</svg>"
    )


def _bar(severity: Severity, count: int, most: int, y: int) -> str:
    room = WIDTH - 108 - 90
    width = max(room * count / most, 2.0 if count else 0.0)
    return (
        f'<text class="tick" x="96" y="{y + 30}" text-anchor="end">{severity}</text>'
        f'<rect class="fill-{severity}" x="108" y="{y + 8}" width="{width:.1f}" height="30" rx="4"/>'
        f'<text class="count" x="{108 + width + 8:.1f}" y="{y + 30}">{count}</text>'
    )


def draw_all(report: Compliance) -> Sequence[tuple[str, str]]:
    """With a heading each; those without anything to show are left out."""
    drawn = (
        ("Compliance", draw_trend(report.trend)),
        ("Findings opened ▲ and resolved ▼", draw_movement(report.trend)),
        ("Open violations by severity", draw_severities(report.severities)),
    )
    return [each for each in drawn if each[1]]
