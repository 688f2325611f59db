"""Which rights cover which: held against the plain meaning of RBAC, atom by atom."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from auditor.model.rights import Atom, Right, list_excess, list_uncovered

GROUPS, RESOURCES, VERBS, NAMES = (
    ("", "a.example"),
    ("pods", "jars", "jars/status"),
    ("get", "list", "patch"),
    ("x", "y"),
)


def some(values: tuple[str, ...], *, least: int = 1, wild: bool = True) -> st.SearchStrategy[tuple[str, ...]]:
    plain = st.lists(st.sampled_from(values), min_size=least, unique=True).map(tuple)
    return st.one_of(plain, st.just(("*",))) if wild else plain


RIGHTS = st.lists(
    st.builds(
        Right,
        group=st.sampled_from((*GROUPS, "*")),
        resources=some(RESOURCES),
        verbs=some(VERBS),
        names=some(NAMES, least=0, wild=False),
        namespace=st.sampled_from(("", "ours")),
    ),
    max_size=3,
)
QUESTIONS = [
    (verb, group, resource, name, namespace)
    for verb, group, resource, name, namespace in product(VERBS, GROUPS, RESOURCES, ("x", "y", "z"), ("ours", "theirs"))
]


def allows(rights: list[Right], question: tuple[str, str, str, str, str]) -> bool:
    """As the API server decides it."""
    verb, group, resource, name, namespace = question
    return any(
        {verb, "*"} & set(each.verbs)
        and each.group in (group, "*")
        and {resource, "*"} & set(each.resources)
        and (not each.names or name in each.names)
        and each.namespace in ("", namespace)
        for each in rights
    )


@given(RIGHTS, RIGHTS)
def test_what_is_uncovered_and_the_rest_is_all(wanted: list[Right], there: list[Right]) -> None:
    left = list_uncovered(wanted, there)
    for question in QUESTIONS:
        assert allows(wanted, question) <= allows([*there, *left], question)
        assert allows(left, question) <= allows(wanted, question)
    assert list_uncovered(wanted, [*there, *left]) == []


@given(RIGHTS)
def test_nothing_is_missing_of_itself_and_nothing_too_much(rights: list[Right]) -> None:
    assert list_uncovered(rights, rights) == []
    assert list_excess(rights, rights) == []
    assert list_uncovered([], rights) == []
    assert list_uncovered(rights, []) == rights


def test_who_may_list_sees_all_of_it() -> None:
    needed = [Right(group="", resources=("pods",), verbs=("list",))]
    more = Right(group="", resources=("pods",), verbs=("get", "list", "watch", "delete"))
    assert list_excess([more], needed) == [Right(group="", resources=("pods",), verbs=("delete",))]


def test_only_what_is_left_is_told() -> None:
    wanted = Right(group="a", resources=("x", "y"), verbs=("get", "list"), names=("one", "two"), why="it is so")
    there = [Right(group="a", resources=("x",), verbs=("*",)), Right(group="a", resources=("y",), verbs=("get",))]
    assert list_uncovered([wanted], there) == [
        Right(group="a", resources=("y",), verbs=("list",), names=("one", "two"), why="it is so")
    ]


def test_a_subresource_of_all() -> None:
    assert Atom("get", "", "*/scale").covers(Atom("get", "", "pods/scale"))
    assert not Atom("get", "", "*/scale").covers(Atom("get", "", "pods"))
    assert not Atom("get", "", "pods").covers(Atom("get", "", "pods/scale"))
    assert Atom("get", "", "*").covers(Atom("get", "", "pods/scale"))


def test_a_name_or_a_namespace_is_less_than_all() -> None:
    one, ours = Atom("get", "", "pods", "one"), Atom("get", "", "pods", namespace="ours")
    assert not one.covers(Atom("get", "", "pods"))
    assert not ours.covers(Atom("get", "", "pods"))
    assert Atom("get", "", "pods").covers(one)
