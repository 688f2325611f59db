"""Single stories of one election, step by step."""

from auditor.cluster.lease.calls import Create, Get, Update
from auditor.cluster.lease.contest import Contest
from auditor.cluster.lease.durations import Durations
from auditor.cluster.lease.record import read
from tests.unit.cluster.lease.world import Runner, World

DURATIONS = Durations()


class Story:
    """Members whose calls are answered at once, unless a test does it by hand."""

    def __init__(self, *, shipped: bool = True) -> None:
        self.world = World()
        if shipped:
            metadata = {"name": "leader", "namespace": "default"}
            spec = {"holderIdentity": "", "leaseDurationSeconds": 1, "leaseTransitions": 4}
            self.world.server.put({"metadata": metadata, "spec": spec}, uid="shipped")
        self.calls: list[object] = []

    def join(self, name: str) -> tuple[Contest, Runner]:
        clock = self.world.clock(1.0)
        contest = Contest(
            namespace="default", name="leader", identity=name, durations=DURATIONS, clock=clock, wall=clock.wall
        )
        return contest, Runner(self.world, clock, contest.round, contest.pause)

    def play(self, runner: Runner) -> None:
        """One whole round."""
        runner.begin()
        while not runner.idle:
            self.calls.append(type(runner._call))
            runner.arrive()
            runner.deliver()

    def wait(self, seconds: float) -> None:
        self.world.now += seconds

    @property
    def holder(self) -> str:
        return read(self.world.server.leases["leader"]).holder


def test_a_lease_that_was_given_back_is_taken_at_once() -> None:
    story = Story()
    contest, runner = story.join("a")
    story.play(runner)
    assert contest.leading()
    assert contest.term is not None
    assert contest.term.token.transitions == 5
    assert contest.term.token.version == int(read(story.world.server.leases["leader"]).version)


def test_steady_state_is_one_call_each() -> None:
    story = Story()
    (_, leading), (_, waiting) = story.join("a"), story.join("b")
    story.play(leading)
    story.play(waiting)
    story.calls.clear()
    for _ in range(5):
        story.wait(2)
        story.play(leading)
        story.play(waiting)
    assert story.calls == [Update, Get] * 5


def test_who_creates_the_lease_waits_for_its_time() -> None:
    story = Story(shipped=False)
    contest, runner = story.join("a")
    story.play(runner)
    assert story.calls == [Get, Create]
    story.wait(14.9)
    story.play(runner)
    assert not contest.leading()
    story.wait(0.1)
    story.play(runner)
    assert contest.leading()


def test_trust_counts_from_the_question_not_from_the_answer() -> None:
    for late in (False, True):
        story = Story()
        contest, runner = story.join("a")
        story.play(runner)
        if late:  # the same of a renewal
            runner.begin()
        else:
            contest.lose("for the test")
            runner.begin()
        runner.arrive()
        story.wait(9)
        runner.deliver()
        assert contest.leading()
        story.wait(1)
        assert not contest.leading()


def test_answer_after_the_end_of_the_term_comes_too_late() -> None:
    story = Story()
    contest, runner = story.join("a")
    lost: list[str] = []
    contest.lost = lost.append
    story.play(runner)
    first = contest.term
    story.wait(9)
    runner.begin()
    runner.arrive()
    story.wait(2)
    runner.deliver()
    assert contest.leading() is None
    assert len(lost) == 1
    story.play(runner)  # nobody else has taken it: a new term, with a new token
    assert first is not None
    assert contest.term is not None
    assert contest.term.token.version > first.token.version
    assert contest.term.token.transitions == first.token.transitions + 1


def test_who_was_frozen_hears_that_it_has_lost_before_it_does_anything() -> None:
    story = Story()
    contest, runner = story.join("a")
    lost: list[str] = []
    contest.lost = lost.append
    story.play(runner)
    story.wait(11)
    assert contest.leading() is None
    runner.begin()  # its call has not even been answered
    assert len(lost) == 1


def test_who_leads_creates_a_deleted_lease_again_and_goes_on() -> None:
    story = Story()
    contest, runner = story.join("a")
    story.play(runner)
    before = contest.term
    story.world.server.leases.clear()
    story.play(runner)
    assert story.holder == "a"
    assert contest.leading()
    assert before is not None
    assert contest.term is not None
    assert contest.term.token == before.token


def test_who_went_on_in_a_new_lease_need_not_wait_after_a_gap() -> None:
    story = Story()
    contest, runner = story.join("a")
    story.play(runner)
    story.world.server.leases.clear()
    story.play(runner)
    story.wait(11)
    assert not contest.leading()
    story.play(runner)
    assert contest.leading(), "nobody has taken it meanwhile, and nobody else can lead"


def test_who_does_not_lead_any_more_does_not_go_on_in_a_new_lease() -> None:
    story = Story()
    contest, runner = story.join("a")
    story.play(runner)
    story.wait(11)
    story.world.server.leases.clear()
    story.play(runner)
    assert story.holder == "a"
    story.wait(2)
    story.play(runner)
    assert contest.leading() is None, "somebody may have created it, and have lost it again"


def test_creating_without_an_answer_does_not_shorten_the_wait() -> None:
    story = Story()
    contest, runner = story.join("a")
    story.play(runner)
    story.wait(9)
    story.world.server.leases.clear()
    runner.begin()  # renew
    runner.arrive()
    runner.deliver()  # conflict: look
    runner.arrive()
    runner.deliver()  # gone: create
    runner.fail(done=True)
    runner.deliver()
    story.wait(20)
    story.play(runner)
    story.play(runner)
    assert contest.leading() is None, "it is ours, but of a time that nobody knows anything of"


def test_taking_over_without_an_answer_is_found_out() -> None:
    story = Story()
    contest, runner = story.join("a")
    runner.begin()
    runner.arrive()
    runner.deliver()  # free: take it
    runner.fail(done=True)
    runner.deliver()
    assert contest.leading() is None
    story.wait(2)
    story.play(runner)
    assert contest.leading()


def test_tokens_grow_after_a_deletion_too() -> None:
    story = Story()
    (first, one), (second, two) = story.join("a"), story.join("b")
    story.play(one)
    story.play(two)
    assert first.term is not None
    story.world.server.leases.clear()
    story.play(two)  # creates it, waits
    story.play(one)  # finds it taken
    assert first.leading() is None
    story.wait(15)
    story.play(two)
    assert second.term is not None


def test_release_is_for_who_held_it() -> None:
    story = Story(shipped=False)
    contest, runner = story.join("a")
    story.play(runner)  # created, not to be used yet: whoever led before may still do
    runner.begin(contest.release())
    assert runner.idle
    assert story.holder == "a"
    story.wait(15)
    story.play(runner)
    contest.lose("stopped")
    runner.begin(contest.release())
    runner.arrive()
    runner.deliver()
    assert read(story.world.server.leases["leader"]).released


def test_numbers_that_somebody_wrote_into_it_are_not_waited_for_without_end() -> None:
    story = Story()
    spec = {"holderIdentity": "stranger", "leaseDurationSeconds": 2_000_000_000}
    story.world.server.edit("leader", lambda lease: lease.update(spec=spec))
    contest, runner = story.join("a")
    story.play(runner)
    story.wait(3599)
    story.play(runner)
    assert not contest.leading()
    story.wait(1)
    story.play(runner)
    assert contest.leading()
