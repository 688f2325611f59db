"""One moment, told by all: ledger, status, metrics, reports, dashboard, report files, whatever happened before."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.audit.agreement import compare
from tests.unit.audit.lifetime import KINDS, POLICIES, Lifetime

NAMES = st.sampled_from(sorted(KINDS))
KEYS = st.sampled_from(["default/a", "default/b", "other/a"])
SPECS = st.fixed_dictionaries(
    {"n": st.sampled_from([1, 2, 3, 6, 7, "many"])}, optional={"a": st.just("x"), "b": st.just("y")}
)
FLAG = st.booleans()
STEPS = st.one_of(
    st.tuples(st.just("write"), NAMES, KEYS, SPECS),
    st.tuples(st.just("write"), NAMES, KEYS, SPECS),
    st.tuples(st.just("delete"), NAMES, KEYS),
    st.tuples(st.just("edit"), st.integers(0, len(POLICIES) - 1)),
    st.tuples(st.just("excuse")),
    st.tuples(st.just("read"), NAMES, FLAG),
    st.tuples(st.just("install"), NAMES, FLAG),
    st.tuples(st.just("follow"), NAMES, FLAG),
    st.tuples(st.just("move"), st.sampled_from([3, 20, 70, 26 * 60, 70 * 60])),
    st.tuples(st.just("stop")),
    st.tuples(st.just("start")),
)
FLAGS = {"read": "may", "install": "there", "follow": "wanted"}


def live(life: Lifetime, steps: list[tuple[Any, ...]]) -> None:
    for name, *arguments in steps:
        if name in FLAGS:
            getattr(life, name)(arguments[0], **{FLAGS[name]: arguments[1]})
        else:
            getattr(life, name)(*arguments)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder: Path = tmp_path_factory.mktemp("agree")
    return f"sqlite:///{folder / 'history.db'}"


THINGS, WIDGETS = sorted(KINDS)
WRONG = ("write", THINGS, "default/a", {"n": 6, "a": "x", "b": "y"})
RIGHT = ("write", THINGS, "default/a", {"n": 1})
OTHER = ("write", WIDGETS, "other/a", {"n": 3})
LIVES: dict[str, list[tuple[Any, ...]]] = {
    "it could not be evaluated": [("write", THINGS, "default/a", {"n": "many"}), ("move", 20), RIGHT],
    "it was repaired": [WRONG, ("move", 20), RIGHT],
    "it was excused": [WRONG, OTHER, ("excuse",)],
    "it was deleted while nobody watched": [
        WRONG,
        ("move", 70),
        ("stop",),
        ("delete", THINGS, "default/a"),
        ("move", 70),
    ],
    "its policies went while nobody watched": [
        WRONG,
        ("move", 70),
        ("stop",),
        ("edit", len(POLICIES) - 1),
        ("move", 70),
    ],
    "its policies are others": [WRONG, OTHER, ("move", 20), ("edit", 2)],
    "its kind is gone": [WRONG, OTHER, ("move", 20), ("install", THINGS, False)],
    "its kind went while nobody watched": [WRONG, ("move", 20), ("stop",), ("install", THINGS, False)],
    "its kind is left out": [WRONG, OTHER, ("move", 20), ("follow", THINGS, False)],
    "its kind cannot be read": [WRONG, OTHER, ("move", 20), ("read", THINGS, False), RIGHT],
    "its kind cannot be read since the start": [WRONG, OTHER, ("move", 20), ("stop",), ("read", THINGS, False)],
    "its kind can be read again": [
        WRONG,
        ("stop",),
        ("read", THINGS, False),
        ("start",),
        RIGHT,
        ("read", THINGS, True),
    ],
}


@pytest.mark.parametrize("name", LIVES)
def test_a_life_in_which_numbers_might_differ(url: str, name: str) -> None:
    """With passes in reports, too: and after a moment of rest, so that there is something to be remembered."""
    life = Lifetime(url, passes=True)
    try:
        live(life, LIVES[name][:2])
        life.rest()
        live(life, LIVES[name][2:])
        compare(life)
    finally:
        life.close()


@settings(max_examples=max(1, settings().max_examples // 8), deadline=None)
@given(steps=st.lists(STEPS, max_size=14), passes=FLAG)
def test_all_tell_the_same_of_one_moment(url: str, steps: list[tuple[Any, ...]], *, passes: bool) -> None:
    life = Lifetime(url, passes)
    try:
        live(life, steps)
        compare(life)
    finally:
        life.close()
