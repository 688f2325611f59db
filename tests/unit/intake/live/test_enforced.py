"""Since when rules deny, out of the status of a policy."""

from datetime import UTC, datetime

from auditor.intake.live.enforced import read_since
from auditor.json import Json, JsonObject


def policy(since: Json, *, generation: int = 2, spoken_of: int = 2) -> JsonObject:
    return {
        "metadata": {"name": "p", "generation": generation},
        "status": {"observedGeneration": spoken_of, "enforcedSince": since},
    }


def test_by_rule() -> None:
    since = [{"rule": "a", "time": "2026-11-21T12:00:00Z"}, {"rule": "b", "time": "2026-11-20T00:00:00Z"}]
    assert read_since(policy(since)) == {
        "a": datetime(2026, 11, 21, 12, tzinfo=UTC),
        "b": datetime(2026, 11, 20, tzinfo=UTC),
    }


def test_a_status_of_an_earlier_generation_says_nothing() -> None:
    """What the rule is now, it may be since a moment ago only."""
    since = [{"rule": "a", "time": "2026-11-21T12:00:00Z"}]
    assert read_since(policy(since, generation=3)) == {}


def test_what_cannot_be_read_is_left_out() -> None:
    wrong: list[Json] = [
        "x",
        {"rule": "a"},
        {"rule": "a", "time": "some day"},
        {"rule": "a", "time": "2026-11-21"},
        None,
    ]
    assert read_since(policy(wrong)) == {}
    assert read_since({"metadata": {"generation": 1}}) == {}
