"""Rendezvous hashing: everybody finds the same owner, and who comes or goes moves its own keys alone."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from auditor.cluster.lease.ownership import NOTHING, make_ownership, moved, owner_of

NAMES = st.lists(st.text("abcdef", min_size=1, max_size=4), min_size=2, max_size=6, unique=True)


@given(NAMES, st.text(), st.data())
def test_who_goes_moves_its_own_keys_alone(names: list[str], key: str, data: st.DataObject) -> None:
    view = tuple(sorted(names))
    gone = data.draw(st.sampled_from(view))
    owner, after = owner_of(key, view), owner_of(key, tuple(n for n in view if n != gone))
    assert owner == owner_of(key, tuple(reversed(view)))
    assert after == owner or owner == gone


def test_keys_are_shared_evenly_and_always_alike() -> None:
    view = ("shards-0a", "shards-1b", "shards-2c", "shards-3d")
    shares = Counter(owner_of(f"db.example.com/databases/ns-{n}/db", view) for n in range(4000))
    assert all(850 < share < 1150 for share in shares.values())
    # Not to change: two versions of the program share keys while one replaces the other.
    assert [owner_of(f"key-{n}", view) for n in range(4)] == ["shards-2c", "shards-0a", "shards-0a", "shards-1b"]


@given(NAMES, NAMES, st.text())
def test_claims_of_others_and_of_what_is_not_known(names: list[str], theirs: list[str], key: str) -> None:
    view, me = tuple(sorted(names)), names[0]
    other = next(n for n in names if n != me)
    alone = make_ownership(me, view, [])
    assert alone.owns(key) == (owner_of(key, view) == me)
    their_view = tuple(sorted({*theirs, other}))
    beside = make_ownership(me, view, [(other, their_view), ("joining", ())])
    assert beside.owns(key) == (alone.owns(key) and owner_of(key, their_view) != other)
    assert not make_ownership(me, view, [(other, None)]).owns(key)
    assert not make_ownership(me, (), []).owns(key)


@given(NAMES, NAMES, st.text())
def test_narrowed_owns_what_falls_to_it_in_both_views(names: list[str], theirs: list[str], key: str) -> None:
    me, one, two = names[0], tuple(sorted(names)), tuple(sorted({*theirs, names[0]}))
    narrow = make_ownership(me, one, []).narrowed(two)
    assert narrow.owns(key) == (owner_of(key, one) == me == owner_of(key, two))
    assert not narrow.narrowed(()).owns(key)
    assert NOTHING.narrowed(one) is NOTHING


def test_moved() -> None:
    keys = [f"key-{n}" for n in range(20)]
    before, after = make_ownership("a", ("a",), []), make_ownership("a", ("a", "b"), [])
    gained, lost = moved(keys, before, after)
    assert gained == set()
    assert lost == {key for key in keys if owner_of(key, ("a", "b")) == "b"}
    assert moved(keys, after, before) == (lost, gained)
