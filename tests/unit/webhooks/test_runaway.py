"""A rule that would take minutes: it alone is an error, in seconds, and nobody else waits for it."""

import threading

from auditor.json import JsonObject
from tests.unit.webhooks.making import SMALL, ask, open_door, review, rules, thing

TOO_LONG = "object.spec.members.all(m, object.spec.members.all(n, !object.spec.text.contains('aab')))"
"""10,000 times through a text of 1 MB: 3 minutes."""
STOPPED = ("took longer than", "did not answer in the time that was left")
"""By its own limit, of CPU time; or, on a busy machine, by that of the request, which is time as it goes by."""
LONG = review(thing({"members": list(range(99)), "text": "a" * 1_000_000, "size": 9}))


def test_the_others_are_answered_and_its_neighbours_are_judged() -> None:
    door = open_door(rules(SMALL, {"cel": TOO_LONG}))
    answers: list[JsonObject] = []
    runaway = threading.Thread(target=lambda: answers.append(ask(door, LONG)))
    runaway.start()
    others = 0
    while runaway.is_alive():
        assert ask(door, review(thing({"members": [], "text": "", "size": 1})))["allowed"] is True
        others += 1
    runaway.join()
    (answer,) = answers
    assert answer["allowed"] is False
    message = answer["status"]["message"]
    assert "sizes/r0: spec.size: too big" in message
    assert "sizes/r1: could not be evaluated" in message
    assert any(stopped in message for stopped in STOPPED), message
    assert others > 50, "the interpreter was held"
