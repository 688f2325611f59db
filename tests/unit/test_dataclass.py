"""Each class is made twice, here and by the standard library: nobody shall see a difference but the time."""

import copy
import dataclasses
import pickle
from collections.abc import Callable
from dataclasses import field
from types import SimpleNamespace
from typing import Any

import pytest

from auditor.dataclass import dataclass

QUICK, STANDARD = (
    SimpleNamespace(name="quick", made=dataclass),
    SimpleNamespace(name="standard", made=dataclasses.dataclass),
)


def classes(decorate: Callable[..., Any]) -> SimpleNamespace:
    @decorate(frozen=True, slots=True)
    class Point:
        x: int
        y: int = 2
        tags: list[str] = field(default_factory=list)

    @decorate(frozen=True, slots=True)
    class Named(Point):
        name: str = field(default="", compare=False)
        hidden: str = field(default="s", repr=False, kw_only=True)

    @decorate(frozen=True, slots=True, kw_only=True)
    class Named2:
        a: int
        b: int = 0

    @decorate(frozen=True, slots=True)
    class One:
        only: int

    @decorate(frozen=True, slots=True)
    class Nothing:
        """Without fields."""

    @decorate(slots=True)
    class Open:
        number: int = 1
        made: list[int] = field(default_factory=list, init=False)
        double: int = field(init=False)

        def __post_init__(self) -> None:
            self.double = 2 * self.number

    @decorate(frozen=True, slots=True, eq=False)
    class Same:
        x: int = 1

    @decorate(frozen=True, slots=True)
    class Hashed:
        x: int
        fields: dict[str, int] = field(default_factory=dict, hash=False)

    @decorate(frozen=True, slots=True)
    class Own:
        x: int

        def __repr__(self) -> str:
            return "own"

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Own)

        def __hash__(self) -> int:
            return 7

    return SimpleNamespace(**{name: each for name, each in locals().items() if isinstance(each, type)})


@pytest.fixture(params=[QUICK, STANDARD], ids=lambda each: each.name)
def made(request: pytest.FixtureRequest) -> SimpleNamespace:
    return classes(request.param.made)


def test_the_arguments(made: SimpleNamespace) -> None:
    point = made.Point(1)
    assert (point.x, point.y, point.tags) == (1, 2, [])
    assert made.Point(1).tags is not point.tags
    assert made.Point(x=1, y=3, tags=["a"]) == made.Point(1, 3, ["a"])
    assert (made.Named(1, name="n", hidden="q").hidden, made.Named2(a=1).b, made.Nothing()) == ("q", 0, made.Nothing())
    opened = made.Open(4)
    assert (opened.number, opened.made, opened.double) == (4, [], 8)


@pytest.mark.parametrize("times", [1, 2])
def test_wrong_arguments_are_told_in_the_words_of_python(made: SimpleNamespace, times: int) -> None:
    for _ in range(times):  # the first call writes the method
        with pytest.raises(TypeError, match=r"Point\.__init__\(\) missing 1 required positional argument: 'x'"):
            made.Point()
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'z'"):
        made.Point(1, z=1)
    with pytest.raises(TypeError, match=r"takes 1 positional argument but 2 were given"):
        made.Named2(1)


def test_what_is_equal(made: SimpleNamespace) -> None:
    assert made.Point(1) == made.Point(1)
    assert made.Point(1) != made.Point(2)
    assert made.Point(1) != made.Named(1)
    assert made.Named(1, name="a") == made.Named(1, name="b")
    assert made.One(1) == made.One(1)
    assert made.One(1) != 1
    assert made.Same() != made.Same()
    assert made.Own(1) == made.Own(2)
    assert made.Open(1) == made.Open(1)


def test_what_has_a_hash(made: SimpleNamespace) -> None:
    assert len({made.One(1), made.One(1), made.One(2), made.Nothing(), made.Nothing()}) == 3
    assert hash(made.Hashed(1, {"a": 1})) == hash(made.Hashed(1, {"a": 2}))
    assert hash(made.Own(3)) == 7
    assert len({made.Same(), made.Same()}) == 2
    for each in (made.Open(), made.Point(1)):  # one may change, the other has a list
        with pytest.raises(TypeError, match="unhashable"):
            hash(each)


def test_how_it_is_shown(made: SimpleNamespace) -> None:
    name = f"{classes.__qualname__}.<locals>"
    assert repr(made.Point(1)) == f"{name}.Point(x=1, y=2, tags=[])"
    assert repr(made.Named(1, name="n")) == f"{name}.Named(x=1, y=2, tags=[], name='n')"
    assert repr(made.Nothing()) == f"{name}.Nothing()"
    assert repr(made.Own(1)) == "own"
    around = made.Point(1)
    around.tags.append(around)
    assert repr(around) == f"{name}.Point(x=1, y=2, tags=[...])"


def test_what_is_frozen_stays_as_it_is(made: SimpleNamespace) -> None:
    point = made.Point(1)
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'x'"):
        point.x = 2
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot delete field 'x'"):
        del point.x
    opened = made.Open()
    opened.number = 5
    assert opened.number == 5
    with pytest.raises(AttributeError):
        opened.other = 5


def test_the_functions_of_the_standard_library(made: SimpleNamespace) -> None:
    point = made.Point(1, 2, ["a"])
    assert [each.name for each in dataclasses.fields(made.Named)] == ["x", "y", "tags", "name", "hidden"]
    assert dataclasses.replace(point, y=5) == made.Point(1, 5, ["a"])
    assert dataclasses.asdict(point) == {"x": 1, "y": 2, "tags": ["a"]}
    assert made.Point.__match_args__ == ("x", "y", "tags")
    assert made.Point.__slots__ == ("x", "y", "tags")
    assert copy.deepcopy(point) == point
    assert copy.copy(made.Open(3)) == made.Open(3)


@dataclass(frozen=True, slots=True)
class Kept:
    x: int
    y: tuple[int, ...] = ()


@dataclass(slots=True)
class Changed:
    x: int = 0


@pytest.mark.parametrize("each", [Kept(1), Kept(1, (2,)), Changed(3)])
def test_it_is_pickled(each: object) -> None:
    assert pickle.loads(pickle.dumps(each, pickle.HIGHEST_PROTOCOL)) == each  # noqa: S301 our own


def test_other_options_are_the_standard_librarys() -> None:
    @dataclass(frozen=True, slots=True, order=True)
    class Ordered:
        x: int

    @dataclass
    class Plain:
        x: int

    assert Ordered(1) < Ordered(2)
    assert Plain(1) == Plain(1)
    assert "x" in vars(Plain(1))


def test_an_init_of_its_own_is_kept() -> None:
    @dataclass(slots=True)
    class Own:
        x: int

        def __init__(self) -> None:
            self.x = 9

    assert Own().x == 9


def test_a_method_is_written_once() -> None:
    @dataclass(frozen=True, slots=True)
    class Late:
        x: int

    before = Late.__init__
    Late(1)
    written = Late.__init__
    Late(2)
    assert before is not written is Late.__init__
