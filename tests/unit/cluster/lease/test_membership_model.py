"""Whatever happens: no key has two owners that may write; and when it ends, each key has exactly one."""

from collections import Counter
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from auditor.cluster.lease.durations import Durations
from auditor.cluster.lease.membership import VIEW, Membership
from tests.unit.cluster.lease.world import Runner, World

DURATIONS = Durations()
MEMBERS = ("a", "b", "c")
KEYS = tuple(f"key-{n}" for n in range(5))
RATES = st.floats(0.95, 1.05)
MEMBER = st.sampled_from(MEMBERS)


@dataclass(slots=True)
class Member:
    membership: Membership
    runner: Runner
    permits: set[str] = field(default_factory=set)

    def may_write(self, key: str) -> bool:
        """It owns it, or has a permit from when it did."""
        if self.runner.stopped or not self.membership.trusted():
            return False
        return self.membership.ownership.owns(key) or key in self.permits


def join(world: World, identity: str, rate: float) -> Member:
    clock, permits = world.clock(rate), set[str]()
    membership = Membership(
        namespace="default",
        group="shards",
        identity=identity,
        durations=DURATIONS,
        clock=clock,
        wall=clock.wall,
        in_use=lambda: list(permits),
    )
    # With a view to publish there is no pause, as in Sharding.
    runner = Runner(world, clock, membership.round, lambda: 0.0 if membership.unsettled else DURATIONS.retry)
    return Member(membership, runner, permits)


class Shards(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.members: dict[str, Member] = {}
        self.joined = 0

    @initialize(rates=st.tuples(RATES, RATES, RATES), settled=st.booleans())
    def begin(self, rates: tuple[float, ...], settled: bool) -> None:
        for name, rate in zip(MEMBERS, rates, strict=True):
            self.members[name] = join(self.world, name, rate)
        if settled:
            self.run_well(22.0)

    @rule(seconds=st.sampled_from([0.01, 0.5, 1.0, 2.0, 4.0, 9.0, 16.0]))
    def time_passes(self, seconds: float) -> None:
        self.world.now += seconds

    @rule(seconds=st.sampled_from([2.0, 5.0, 12.0, 20.0]), out=st.none() | MEMBER)
    def all_goes_well(self, seconds: float, out: str | None) -> None:
        self.run_well(seconds, out)

    @rule(name=MEMBER, arrives=st.booleans())
    def step(self, name: str, arrives: bool) -> None:
        runner = self.members[name].runner
        runner.step()
        if arrives and runner.calling:
            runner.arrive()

    @rule(name=MEMBER)
    def arrive(self, name: str) -> None:
        if self.members[name].runner.calling:
            self.members[name].runner.arrive()

    @rule(name=MEMBER, how=st.sampled_from(["lost", "done", "later"]))
    def fail(self, name: str, how: str) -> None:
        if self.members[name].runner.calling:
            self.members[name].runner.fail(done=how == "done", later=how == "later")

    @precondition(lambda self: self.world.stray)
    @rule(index=st.integers(0, 9))
    def stray_call_lands(self, index: int) -> None:
        self.world.land(index)

    @rule(name=MEMBER)
    def freeze_or_thaw(self, name: str) -> None:
        self.members[name].runner.frozen ^= True

    @rule(name=MEMBER, key=st.sampled_from(KEYS))
    def take_or_return_permit(self, name: str, key: str) -> None:
        member = self.members[name]
        if key in member.permits:
            member.permits.remove(key)
        elif not member.runner.frozen and member.may_write(key):
            member.permits.add(key)

    @rule(name=MEMBER)
    def stop_and_start_another(self, name: str) -> None:
        member = self.members[name]
        if member.runner.frozen:
            return
        member.membership.leave()
        if member.runner.idle and not member.permits:
            member.runner.begin(member.membership.release())
            if member.runner.calling:
                member.runner.arrive()
        member.runner.stopped = True
        self.joined += 1
        self.members[name] = join(self.world, f"{name}{self.joined}", member.runner.clock.rate)

    @rule(how=st.sampled_from(["delete", "label", "garbage"]), name=MEMBER)
    def somebody_edits(self, how: str, name: str) -> None:
        lease = self.members[name].membership.name
        if how == "delete":
            self.world.server.leases.pop(lease, None)
        elif how == "label":
            self.world.server.edit(lease, lambda found: found["metadata"]["labels"].update(team="blue"))
        else:
            self.world.server.edit(lease, lambda found: found["metadata"]["annotations"].pop(VIEW, None))

    @invariant()
    def never_two(self) -> None:
        for key in KEYS:
            owners = [name for name, member in self.members.items() if member.may_write(key)]
            assert len(owners) <= 1, f"{owners} own {key} at {self.world.now}"

    def run_well(self, seconds: float, out: str | None = None) -> None:
        end = self.world.now + seconds
        while self.world.now < end:
            for name, member in self.members.items():
                if name == out or member.runner.frozen:
                    continue
                for _ in range(6):
                    member.runner.step()
                    if member.runner.calling:
                        member.runner.arrive()
                self.never_two()
            self.world.now += 0.5

    def teardown(self) -> None:
        """Faults end: each key has one owner within the time of two leases (of who has gone, and of who joins anew)."""
        if not self.members:
            return
        self.world.stray.clear()
        for member in self.members.values():
            member.runner.frozen = False
            member.permits.clear()
        self.run_well((2 * DURATIONS.lease + 4 * DURATIONS.retry) / 0.95 + 1)
        owners = Counter(key for key in KEYS for member in self.members.values() if member.may_write(key))
        assert owners == dict.fromkeys(KEYS, 1)
        assert all(len(member.membership.members) == len(MEMBERS) for member in self.members.values())


TestShards = Shards.TestCase
TestShards.settings = settings(max_examples=30, stateful_step_count=40, deadline=None)
