"""What a section has measured: figures with their spread, and how some of them grow. They travel as JSON."""

import math
import statistics
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field

from auditor.json import JsonObject


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table. Less is better, and the goal is the most that the median may be."""

    what: str
    unit: str
    values: tuple[float, ...]
    """One of each round, in the unit."""
    goal: float | None = None
    loops: float | None = None
    """Of CPU times: the median in calibration loops of the same minute."""

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def missed(self) -> bool:
        return self.goal is not None and self.median > self.goal


@dataclass(frozen=True, slots=True)
class Growth:
    """One line of a table whose columns are `points` of what grows: policies, objects, findings."""

    what: str
    unit: str
    along: str
    points: tuple[int, ...]
    values: tuple[float, ...]
    """The median of the rounds, at each point."""

    @property
    def exponent(self) -> float | None:
        """By which the value follows what grows: 0 not at all, 1 in proportion, 2 with its square. None where a value
        is nothing."""
        if min(self.values) <= 0:
            return None
        x, y = ([math.log(each) for each in some] for some in (self.points, self.values))
        return statistics.linear_regression(x, y).slope

    @property
    def each(self) -> float:
        """What one more adds, from the first point to the last."""
        return (self.values[-1] - self.values[0]) / (self.points[-1] - self.points[0])


@dataclass(frozen=True, slots=True)
class Found:
    """Of one section."""

    figures: tuple[Figure, ...] = ()
    growths: tuple[Growth, ...] = ()
    notes: tuple[str, ...] = ()
    loop: float = 0.0
    """Seconds of the calibration loop while it ran."""
    seconds: float = 0.0
    """That the section took."""
    texts: dict[str, str] = field(default_factory=dict)
    """Facts for the head of the page, such as versions of other programs."""

    def dump(self) -> JsonObject:
        return asdict(self)

    @classmethod
    def load(cls, found: JsonObject) -> "Found":
        def tuples(each: JsonObject) -> JsonObject:
            return {name: tuple(value) if isinstance(value, list) else value for name, value in each.items()}

        return cls(
            figures=tuple(Figure(**tuples(each)) for each in found["figures"]),
            growths=tuple(Growth(**tuples(each)) for each in found["growths"]),
            notes=tuple(found["notes"]),
            loop=found["loop"],
            seconds=found["seconds"],
            texts=found["texts"],
        )


@dataclass(slots=True)
class Notebook:
    """Into which a section writes. Each figure is shown at once, for those who wait."""

    unit: float
    """Seconds of the calibration loop."""
    figures: list[Figure] = field(default_factory=list)
    growths: list[Growth] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)

    def cpu(self, what: str, seconds: Iterable[float], unit: str = "ms", goal: float | None = None) -> None:
        """`goal` is in the unit."""
        values = tuple(seconds)
        self.put(
            what, (each * SECONDS[unit] for each in values), unit, goal, loops=statistics.median(values) / self.unit
        )

    def wall(self, what: str, seconds: Iterable[float], unit: str = "ms", goal: float | None = None) -> None:
        self.put(f"{what}, wall", (each * SECONDS[unit] for each in seconds), unit, goal)

    def put(
        self, what: str, values: Iterable[float], unit: str, goal: float | None = None, *, loops: float | None = None
    ) -> None:
        figure = Figure(what, unit, tuple(values), goal, loops)
        self.figures.append(figure)
        self.say(f"{what}: {show(figure.median)} {unit}{' MISSED' if figure.missed else ''}")

    def grow(self, what: str, unit: str, along: str, found: dict[int, float]) -> None:
        growth = Growth(what, unit, along, tuple(found), tuple(found.values()))
        self.growths.append(growth)
        self.say(f"{what} by {along}: {', '.join(f'{n}: {show(value)}' for n, value in found.items())} {unit}")

    def say(self, text: str) -> None:
        print(f"  {text}", flush=True)


SECONDS = {"s": 1.0, "ms": 1e3, "us": 1e6}


def show(value: float) -> str:
    """Three digits that count: more is noise."""
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{digits}f}"
