from datetime import timedelta

from auditor.audit.rounds import Rounds


def test_kind_by_kind_within_the_interval() -> None:
    now, asked = 0.0, list[tuple[float, str, str]]()
    rounds = Rounds(timedelta(seconds=60), lambda kind, reason: asked.append((now, kind, reason)), clock=lambda: now)
    rounds.ask_due()
    for kind in ("a", "b", "c"):
        rounds.note(kind)
    for second in range(1, 121):
        now = float(second)
        rounds.ask_due()
    assert asked == [(20.0 * (turn + 1), "abc"[turn % 3], "resync") for turn in range(6)]


def test_what_was_just_judged_waits_and_what_is_gone_is_not_asked() -> None:
    now, asked = 0.0, list[str]()
    rounds = Rounds(timedelta(seconds=60), lambda kind, _: asked.append(kind), clock=lambda: now)
    rounds.note("a")
    rounds.note("b")
    now = 35.0
    rounds.note("a")
    rounds.forget("b")
    now = 94.0
    rounds.ask_due()
    assert asked == []
    now = 96.0
    rounds.ask_due()
    assert asked == ["a"]
