"""Single stories of shards, step by step: each is one rule of the protocol."""

from dataclasses import dataclass, field

from auditor.cluster.lease.calls import Delete, List, Update
from auditor.cluster.lease.durations import Durations
from auditor.cluster.lease.membership import Membership
from tests.unit.cluster.lease.world import Runner, World

DURATIONS = Durations()
KEYS = tuple(f"key-{n}" for n in range(40))


@dataclass(slots=True)
class Member:
    membership: Membership
    runner: Runner
    permits: list[str] = field(default_factory=list)

    @property
    def keys(self) -> set[str]:
        return {k for k in KEYS if self.membership.trusted() and self.membership.ownership.owns(k)}


class Story:
    def __init__(self) -> None:
        self.world = World()
        self.calls: list[object] = []

    def join(self, identity: str) -> Member:
        clock, permits = self.world.clock(1.0), list[str]()
        membership = Membership(
            namespace="default",
            group="shards",
            identity=identity,
            durations=DURATIONS,
            clock=clock,
            wall=clock.wall,
            in_use=lambda: permits,
        )
        return Member(membership, Runner(self.world, clock, membership.round, lambda: 0.0), permits)

    def play(self, *members: Member) -> None:
        for member in members:
            member.runner.begin()
            while not member.runner.idle:
                self.answer(member)

    def answer(self, member: Member) -> None:
        self.calls.append(type(member.runner._call))
        member.runner.arrive()
        member.runner.deliver()

    def wait(self, seconds: float, *members: Member) -> None:
        """Members play their rounds meanwhile."""
        end = self.world.now + seconds
        while self.world.now < end:
            self.world.now = min(self.world.now + 2, end)
            self.play(*members)

    def settled(self, *names: str) -> list[Member]:
        members = [self.join(name) for name in names]
        self.play(*members)
        self.wait(22, *members)
        assert set().union(*(m.keys for m in members)) == set(KEYS)
        assert sum(len(m.keys) for m in members) == len(KEYS)
        assert all(m.keys for m in members)
        return members


def test_steady_state_is_two_calls_a_round() -> None:
    story = Story()
    members = story.settled("a", "b")
    story.calls.clear()
    story.wait(10, *members)
    assert story.calls == [Update, List] * 10


def test_who_joins_owns_nothing_for_the_time_of_a_lease() -> None:
    story = Story()
    member = story.join("a")
    story.play(member)
    story.wait(14, member)
    assert not member.keys
    story.wait(3, member)
    assert member.keys == set(KEYS)


def test_gainer_waits_for_the_loser_and_the_loser_stops_first() -> None:
    story = Story()
    (a,) = story.settled("a")
    b = story.join("b")
    story.play(b)
    while not b.membership.members:  # until b takes part, by its own view
        story.wait(2, a, b)
    story.play(b)
    assert a.keys == set(KEYS)
    assert not b.keys
    story.play(a)  # sees it
    left = a.keys
    assert set() < left < set(KEYS), "it has stopped before it says so"
    story.play(b)
    assert not b.keys, "nobody has said so"
    a.runner.begin()
    a.runner.arrive()  # it is published, and a does not know that yet
    story.play(b)
    assert b.keys == set(KEYS) - left
    assert a.keys == left


def test_a_write_under_way_holds_the_key() -> None:
    story = Story()
    (a,) = story.settled("a")
    b = story.join("b")
    story.play(b)
    story.wait(20, b)  # a is silent: it would hand over now
    assert not a.keys  # its trust has ended
    a.permits.append(KEYS[0])
    before = len(story.calls)
    story.play(a)
    assert len(story.calls) == before, "it does not say that it has stopped, because it has not"
    a.permits.clear()
    story.play(a)
    assert len(story.calls) > before


def test_a_view_is_not_published_while_a_lost_key_is_written() -> None:
    story = Story()
    (a,) = story.settled("a")
    b = story.join("b")
    story.play(b)
    for _ in range(12):
        story.wait(2, a, b)
        a.permits[:] = KEYS
    assert a.keys < set(KEYS)
    assert not b.keys
    a.permits.clear()
    story.play(a, b)
    assert a.keys | b.keys == set(KEYS)


def test_trust_counts_from_the_begin_of_a_round_and_needs_a_whole_one() -> None:
    story = Story()
    (a,) = story.settled("a")
    begun = story.world.now
    a.runner.begin()
    story.answer(a)  # the update
    story.world.now += 9
    story.answer(a)  # the list
    assert a.keys
    story.world.now = begun + 10
    assert not a.keys

    (a,) = story.settled("b")  # another world in the same one: a is silent from now on
    story.world.now += 9
    a.runner.begin()
    story.answer(a)
    story.world.now += 2
    story.answer(a)  # confirmed after the trust had ended
    assert not a.keys
    story.play(a)
    assert not a.keys, "it joins anew"


def test_first_round_that_takes_too_long_does_not_count() -> None:
    story = Story()
    a = story.join("a")
    a.runner.begin()
    story.answer(a)
    story.world.now += 11
    story.answer(a)
    assert not a.membership.trusted()


def test_who_is_silent_loses_its_keys_after_the_lease() -> None:
    story = Story()
    a, b = story.settled("a", "b")
    story.wait(9, a)
    assert b.keys
    story.wait(5, a)
    assert not b.keys  # by its own clock
    assert a.keys < set(KEYS)  # and a waits for longer than that
    story.wait(6, a)
    assert a.keys == set(KEYS)


def test_who_leaves_is_not_waited_for() -> None:
    story = Story()
    a, b = story.settled("a", "b")
    b.membership.leave()
    assert not b.keys
    b.runner.begin(b.membership.release())
    story.answer(b)
    story.play(a, a)
    assert a.keys == set(KEYS)


def test_a_lease_that_was_deleted_may_have_claimed_anything() -> None:
    story = Story()
    a, b = story.settled("a", "b")
    del story.world.server.leases[b.membership.name]
    story.play(a)
    assert not a.keys
    story.wait(14, a)
    assert not a.keys
    story.wait(4, a)
    assert a.keys == set(KEYS)


def test_deleted_after_a_renewal_that_nobody_saw() -> None:
    """b was silent for nearly the lease, renews, and is deleted before a looks again."""
    story = Story()
    a, b = story.settled("a", "b")
    story.play(b, a)
    story.world.now += 8
    story.play(a)
    story.play(b)
    del story.world.server.leases[b.membership.name]
    assert b.keys
    story.world.now += 7.5
    story.play(a, a)
    assert b.keys
    assert not a.keys & b.keys


def test_time_of_joining_counts_from_the_first_list() -> None:
    """b renews and is deleted while the first round of a takes long: a has never seen it."""
    story = Story()
    (b,) = story.settled("b")
    a = story.join("a")
    a.runner.begin()
    story.answer(a)
    story.world.now += 8.5
    story.play(b)
    del story.world.server.leases[b.membership.name]
    story.answer(a)
    for _ in range(17):
        story.world.now += 0.5
        story.play(a, a)
        assert not a.keys & b.keys
    assert b.keys
    story.wait(10, a)
    assert a.keys == set(KEYS)


def test_who_lost_its_lease_joins_with_another_name() -> None:
    story = Story()
    a, b = story.settled("a", "b")
    name = b.membership.name
    del story.world.server.leases[name]
    story.play(b)
    assert not b.keys
    story.wait(40, a, b)
    assert b.membership.name != name
    assert b.keys
    assert a.keys | b.keys == set(KEYS)
    assert not a.keys & b.keys


def test_leases_of_the_dead_are_deleted_by_one_of_the_others() -> None:
    story = Story()
    a, b, dead = story.settled("a", "b", "dead")
    story.wait(20, a, b)
    assert dead.membership.name in story.world.server.leases
    story.wait(20, a, b)
    assert dead.membership.name not in story.world.server.leases
    assert story.calls.count(Delete) == 1
    assert a.keys | b.keys == set(KEYS), "nobody waits for it again"
