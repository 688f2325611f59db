"""Both formats of what would happen hold the same."""

import json

from auditor.errors import InputError
from auditor.intake.impact.crd import CrdChange
from auditor.intake.impact.decisions import Refusal, Replay
from auditor.intake.impact.policies import Example, Fate, Impact, PolicyImpact
from auditor.model.subject import Subject
from auditor.report.impact import Foreseen, table
from auditor.report.impact import json as as_json
from tests.unit.intake.files import crd, thing
from tests.unit.intake.once.cluster import established

SUBJECT = Subject("example.com/v1", "Thing", "things", "here", "a\x1b[2J", "u")


def foreseen() -> Foreseen:
    one = PolicyImpact("small", "small", True, matched=7, violating=2, refused=1, recreated=2, warned=3, changed=4)
    one.findings.update({Fate.NEW: 5, Fate.FIXED: 6})
    one.places["Thing", "here"] = 2
    one.examples[Fate.NEW] = [Example(SUBJECT, "r0", "/spec/size", "too\nlarge")]
    impact = Impact({"small": one}, objects=9, refused=2, unread=[InputError("gizmos: forbidden")])
    refusal = Refusal("2026", "CREATE", "jane", "Thing", "here", "b", ("small",), "too large")
    replay = Replay(decisions=4, refused=1, admitted=2, redacted=1, examples=[refusal])
    change = CrdChange(established(crd("v1", "v1beta1")), crd("v2", schema={"type": "string"}))
    change.judge(thing(size=1))
    return Foreseen(impact, replay, [change.impact])


def test_both_tell_the_same() -> None:
    found = foreseen()
    document = json.loads(as_json.write(found))
    text = table.write(found)
    (policy,) = document["cluster"]["policies"]
    assert policy["findings"] == {"new": 5, "still": 0, "fixed": 6}
    assert "5 new, 0 still, 6 fixed; 2 objects newly in violation" in text
    assert (policy["objects"]["refusedAtUpdate"], policy["objects"]["refusedAtCreation"]) == (1, 2)
    assert "refused     1 at the next update, 2 if they were created anew" in text
    assert document["cluster"]["unread"] == ["gizmos: forbidden"]
    assert "not read: gizmos: forbidden" in text
    assert document["decisions"]["refused"] == 1
    assert "4 decisions: 1 admitted then would be refused" in text
    (definition,) = document["crds"]
    assert "storedVersions has v1" in definition["refusals"][0]
    assert "storedVersions has v1" in text
    for each in definition["invalid"]["at"]:
        assert f"{each['version']} {each['path']}: {each['what']}" in text
    assert (document["refuses"], document["incomplete"]) == (True, True)


def test_nothing_acts_on_a_terminal() -> None:
    text = table.write(foreseen())
    assert "\x1b" not in text
    assert "/spec/size: too large" in text


def test_what_makes_the_exit_code() -> None:
    assert not Foreseen().refuses
    assert not Foreseen(Impact(), Replay()).incomplete
    assert Foreseen(decisions=Replay(errors=1)).incomplete
    assert Foreseen(Impact({"p": PolicyImpact("p", "p", False, errors=1)})).incomplete
