"""Whose the conversion section of a CRD is to be."""

import pytest

from auditor.cluster.discovery import CrdKind
from auditor.cluster.discovery.crd import read_crd
from auditor.engine.convert import Conversion
from auditor.json import JsonObject
from auditor.webhooks.registration import Address
from auditor.webhooks.registration.sections import (
    Turn,
    decide,
    describe_debt,
    describe_loss,
    find_section_drift,
    is_ours,
    leads_to_us,
    make_patch,
    make_section,
)

NAME = "things.example.com"
ADDRESS = Address(authorities=b"pem")
MANAGER = "auditor-registration"


def crd(
    *served: str, stored: tuple[str, ...] = (), storage: str = "", section: JsonObject | None = None, **metadata: object
) -> JsonObject:
    served = served or ("v1", "v2")
    storage = storage or served[0]
    return {
        "metadata": {"name": NAME, "uid": "1", **metadata},
        "spec": {
            "group": "example.com",
            "names": {"plural": "things", "kind": "Thing"},
            "conversion": section or {"strategy": "None"},
            "versions": [{"name": v, "served": True, "storage": v == storage} for v in served],
        },
        "status": {"storedVersions": [*(stored or (storage,))]},
    }


def kind(*served: str, **more: object) -> CrdKind:
    return read_crd(crd(*served, **more))  # type: ignore[arg-type]


def conversion(*versions: str) -> Conversion:
    steps = [{"from": a, "to": b, "jq": "."} for a in versions for b in versions if a != b]
    spec = {"resource": {"group": "example.com", "resource": "things"}, "steps": steps}
    return Conversion.compile({"metadata": {"name": NAME}, "spec": spec})


OURS = make_section(NAME, ADDRESS)
THEIRS = {"strategy": "Webhook", "webhook": {"clientConfig": {"url": "https://x"}, "conversionReviewVersions": ["v1"]}}


@pytest.mark.parametrize(
    ("of", "by", "ours", "turn", "reason"),
    [
        (kind(), conversion("v1", "v2"), False, Turn.SET, "Registered"),
        (kind(section=OURS), conversion("v1", "v2"), True, Turn.SET, "Registered"),
        # Before the second version comes: from its first moment on it is converted.
        (kind("v1"), conversion("v1", "v2"), False, Turn.SET, "Registered"),
        (kind("v1", "v2", "v3"), conversion("v1", "v2"), False, Turn.LEAVE, "VersionsNotCovered"),
        (kind("v1", "v2", stored=("v0", "v1")), conversion("v1", "v2"), False, Turn.LEAVE, "VersionsNotCovered"),
        (kind(section=THEIRS), conversion("v1", "v2"), False, Turn.LEAVE, "OtherWebhook"),
        (kind(deletionTimestamp="2026-01-01T00:00:00Z"), conversion("v1", "v2"), False, Turn.LEAVE, "CrdTerminating"),
        (kind(section=THEIRS), None, False, Turn.LEAVE, "NotOurs"),
        (kind(section=OURS), None, True, Turn.REMOVE, "Removed"),
        (kind(section=OURS, stored=("v1", "v2")), None, True, Turn.LEAVE, "StillNeeded"),
        (kind(section=OURS, stored=("v2",)), None, True, Turn.LEAVE, "StillNeeded"),
    ],
)
def test_decisions(of: CrdKind, by: Conversion | None, ours: bool, turn: Turn, reason: str) -> None:
    decision = decide(of, by, ours=ours)
    assert (decision.turn, decision.reason) == (turn, reason)
    assert decision.good is (reason in ("Registered", "Removed", "NotOurs"))


def test_a_conversion_that_does_not_compile_is_not_gone() -> None:
    for stored in (("v1",), ("v1", "v2")):
        decision = decide(kind(section=OURS, stored=stored), None, ours=True, broken=True)
        assert (decision.turn, decision.reason, decision.good) == (Turn.LEAVE, "NotCompiled", False)


def test_ours_is_what_leads_to_us_or_what_we_wrote() -> None:
    without_bundle = make_section(NAME, Address(authorities=b""))
    for section in (OURS, without_bundle):
        assert is_ours(crd(section=section), ADDRESS)
        assert leads_to_us(kind(section=section), ADDRESS)
    assert not is_ours(crd(section=THEIRS), ADDRESS)
    assert not leads_to_us(kind(section=THEIRS), ADDRESS)
    assert not is_ours(crd(), ADDRESS)
    assert not leads_to_us(kind(), ADDRESS)
    moved: JsonObject = {"f:spec": {"f:conversion": {"f:webhook": {"f:clientConfig": {"f:url": {}}}}}}
    assert is_ours(crd(section=THEIRS, managedFields=[{"manager": MANAGER, "fieldsV1": moved}]), ADDRESS)
    assert not is_ours(crd(section=THEIRS, managedFields=[{"manager": "argocd", "fieldsV1": moved}]), ADDRESS)


def test_drift_of_a_section() -> None:
    assert find_section_drift(crd(section=OURS), OURS) == []
    assert find_section_drift(crd(), OURS) == [
        "spec.conversion.strategy",
        "spec.conversion.webhook.clientConfig",
        "spec.conversion.webhook.conversionReviewVersions",
    ]
    bare = make_section(NAME, Address(authorities=b""))
    assert find_section_drift(crd(section=OURS), bare) == []
    assert find_section_drift(crd(section=bare), OURS) == ["spec.conversion.webhook.clientConfig"]


def test_a_patch_is_for_that_crd_and_says_nothing_else() -> None:
    assert make_patch(crd(), OURS) == {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": NAME, "uid": "1"},
        "spec": {"conversion": OURS},
    }
    assert "spec" not in make_patch(crd(), None)


def test_debt_and_loss_in_words() -> None:
    assert describe_debt(kind()) == ""
    assert "may be stored in v1" in describe_debt(kind(storage="v2", stored=("v1", "v2")))
    assert describe_loss(kind("v1")) == ""
    assert "clients that use v2" in describe_loss(kind())
    assert "still stored" not in describe_loss(kind())
    assert "still stored in v1 are read as v2" in describe_loss(kind(storage="v2", stored=("v1", "v2")))
