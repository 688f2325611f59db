"""Objects to ask about: by hand those that meet the edges, generated those that nobody thought of. Always the same."""

from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from auditor.json import Json, JsonObject

T = TypeVar("T")

_SCALARS = st.none() | st.booleans() | st.integers(-5, 20) | st.sampled_from(["", "a", "prod", "10", "x y"])
_SPEC = st.fixed_dictionaries(
    {},
    optional={
        "n": st.integers(-3, 12) | _SCALARS,
        "s": st.sampled_from(["", "a", "prod", "registry.example.com/app:1"]) | _SCALARS,
        "flag": st.booleans() | _SCALARS,
        "l": st.lists(st.integers(0, 3) | _SCALARS, max_size=3) | _SCALARS,
        "m": st.dictionaries(st.sampled_from("abc"), _SCALARS, max_size=2) | _SCALARS,
        "items": st.lists(
            st.fixed_dictionaries({}, optional={"name": st.sampled_from("abc"), "cpu": st.integers(0, 20)}), max_size=3
        ),
    },
)

BY_HAND: tuple[JsonObject, ...] = (
    {},
    {"n": 3, "s": "prod", "flag": True, "l": [1, 2], "m": {"a": 1}, "items": [{"name": "a", "cpu": 2}]},
    {"n": 11, "s": "", "flag": False, "l": [], "m": {}, "items": []},
    {"n": "3", "s": 3, "flag": "true", "l": {}, "m": []},
    {"n": None, "s": None, "flag": None, "l": None, "m": None},
    {"n": 2.5, "s": "line\nbreak", "l": [None, "a", 1.0]},
    {"n": 9223372036854775807, "s": "ü" * 20, "m": {"a b": 1}},
    {"n": 0, "s": "  padded  "},
)


def generate(strategy: st.SearchStrategy[T], count: int) -> list[T]:
    """The first examples of the strategy, without their shrinking."""
    found: list[T] = []

    @settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(value: T) -> None:
        found.append(value)

    collect()
    return found


def specs(count: int) -> list[Json]:
    return [*BY_HAND, *generate(_SPEC, count)]
