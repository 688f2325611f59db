"""Pages of objects of any size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.cluster.paging import FIRST, GROWTH, PAGE_BYTES, Paging


def limits(paging: Paging, each: int, pages: int) -> list[int]:
    """What each of so many pages was asked for, of objects of one size."""
    found = []
    for _ in range(pages):
        found.append(paging.limit)
        paging.note(paging.limit, paging.limit * each)
    return found


@pytest.mark.parametrize(
    ("each", "expected"),
    [
        (1_000, [16, 64, 256, 500, 500]),
        (100_000, [16, 40, 40, 40, 40]),
        (1_500_000, [16, 2, 2, 2, 2]),
        (2 * PAGE_BYTES, [16, 1, 1, 1, 1]),
    ],
)
def test_pages_grow_as_far_as_the_objects_allow(each: int, expected: list[int]) -> None:
    assert limits(Paging(500), each, 5) == expected


def test_never_more_than_was_wished() -> None:
    assert limits(Paging(3), 10, 3) == [3, 3, 3]


def test_after_a_token_has_expired_they_are_wider() -> None:
    paging = Paging(500)
    limits(paging, 100_000, 3)
    paging.widen()
    assert limits(paging, 100_000, 2) == [400, 400]


def test_a_page_without_objects_tells_nothing_of_their_size() -> None:
    paging = Paging(500)
    paging.note(0, 100)
    assert paging.limit == FIRST * GROWTH


@given(st.integers(1, 1000), st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 10**9))))
def test_every_page_asks_for_something_and_none_for_too_much(most: int, pages: list[tuple[int, int]]) -> None:
    paging = Paging(most)
    for objects, size in pages:
        paging.note(objects, size)
        assert 1 <= paging.limit <= most
        if objects:
            assert paging.limit == 1 or paging.limit * (size // objects) <= PAGE_BYTES
