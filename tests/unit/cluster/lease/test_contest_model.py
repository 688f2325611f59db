"""Whatever happens: never two that may write at one time, and before long somebody may."""

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from auditor.cluster.lease.contest import Contest, Token
from auditor.cluster.lease.durations import Durations
from auditor.json import JsonObject
from tests.unit.cluster.lease.world import Runner, World

DURATIONS = Durations()
MEMBERS = ("a", "b", "c")
RATES = st.floats(0.95, 1.05)
MEMBER = st.sampled_from(MEMBERS)


@dataclass(slots=True)
class Member:
    contest: Contest
    runner: Runner
    gained: list[Token] = field(default_factory=list)

    @property
    def may_write(self) -> bool:
        return not self.runner.stopped and self.contest.leading() is not None


def join(world: World, name: str, *, rate: float = 1.0, offset: float = 0.0) -> Member:
    clock = world.clock(rate, offset)
    contest = Contest(
        namespace="default", name="leader", identity=name, durations=DURATIONS, clock=clock, wall=clock.wall
    )
    member = Member(contest, Runner(world, clock, contest.round, contest.pause))
    contest.gained = member.gained.append
    return member


class Elections(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.members: dict[str, Member] = {}
        self.joined = 0
        self.tokens: list[Token] = []

    @initialize(
        rates=st.tuples(RATES, RATES, RATES), offsets=st.tuples(*[st.floats(0, 1e6)] * 3), released=st.booleans()
    )
    def begin(self, rates: tuple[float, ...], offsets: tuple[float, ...], released: bool) -> None:
        if released:  # as a chart would ship it
            metadata: JsonObject = {"name": "leader", "namespace": "default"}
            spec = {"holderIdentity": "", "leaseDurationSeconds": 1}
            self.world.server.put({"metadata": metadata, "spec": spec}, uid="shipped")
        for name, rate, offset in zip(MEMBERS, rates, offsets, strict=True):
            self.members[name] = join(self.world, name, rate=rate, offset=offset)

    @rule(seconds=st.sampled_from([0.01, 0.5, 1.0, 2.0, 4.0, 9.0, 16.0]))
    def time_passes(self, seconds: float) -> None:
        self.world.now += seconds

    @rule(seconds=st.sampled_from([2.0, 5.0, 12.0, 20.0]), out=st.none() | MEMBER)
    def all_goes_well(self, seconds: float, out: str | None) -> None:
        """But for one, who is silent meanwhile."""
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

    @rule(name=MEMBER)
    def stop_and_start_another(self, name: str) -> None:
        """One that hangs in a call gives nothing back; any other does, if the server hears of it."""
        member = self.members[name]
        if member.runner.frozen:
            return
        member.contest.lose("stopped")
        if member.runner.idle:
            member.runner.begin(member.contest.release())
            if member.runner.calling:
                member.runner.arrive()
        member.runner.stopped = True
        self.joined += 1
        self.members[name] = join(self.world, f"{name}{self.joined}", rate=member.runner.clock.rate)

    @rule(
        how=st.sampled_from(["delete", "clear holder", "other holder", "garbage", "label", "own holder"]), name=MEMBER
    )
    def somebody_edits(self, how: str, name: str) -> None:
        def change(lease: JsonObject) -> None:
            match how:
                case "clear holder":
                    lease["spec"]["holderIdentity"] = ""
                case "other holder":
                    lease["spec"] |= {"holderIdentity": "stranger", "leaseDurationSeconds": 2}
                case "garbage":
                    lease["spec"] = {"holderIdentity": 7, "leaseDurationSeconds": -3, "renewTime": "yesterday"}
                case "label":
                    lease["metadata"]["labels"] = {"team": "blue"}
                case "own holder":
                    lease["spec"]["holderIdentity"] = self.members[name].contest.identity

        if how == "delete":
            self.world.server.leases.pop("leader", None)
        else:
            self.world.server.edit("leader", change)

    @invariant()
    def never_two(self) -> None:
        writers = [name for name, member in self.members.items() if member.may_write]
        assert len(writers) <= 1, f"{writers} may write at {self.world.now}"
        for name in writers:
            term = self.members[name].contest.term
            assert term is not None
            if not self.tokens or self.tokens[-1] != term.token:
                assert all(term.token.version > old.version for old in self.tokens)
                self.tokens.append(term.token)

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
            self.world.now += 0.25

    def teardown(self) -> None:
        """Faults end: somebody leads within the time of a lease, by the slowest clock, and some rounds."""
        if not self.members:
            return
        self.world.stray.clear()
        for member in self.members.values():
            member.runner.frozen = False
        self.run_well((DURATIONS.lease + 3 * DURATIONS.retry) / 0.95 + 1)
        assert sum(member.may_write for member in self.members.values()) == 1


TestElections = Elections.TestCase
TestElections.settings = settings(max_examples=50, stateful_step_count=40, deadline=None)
