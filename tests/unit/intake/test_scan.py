"""What a scan finds, what it could not look at, and what it says of the rest."""

from pathlib import Path

import pytest

from auditor.errors import UsageError
from auditor.intake.coverage import NO_OBJECT, NO_POLICY
from auditor.intake.found import Scan
from auditor.intake.prepare import prepare
from auditor.intake.scan import scan
from auditor.json import Json, JsonObject
from tests.unit.intake.files import MATCH, NOW, crd, judge, policy, results, thing, write
from tests.unit.intake.test_fuzz import REVIEW

SMALL = policy("small", [{"jq": ".spec.size < 5", "message": "too large"}])


def told(folder: Path, text: str) -> list[str]:
    """What is said of a file that holds this."""
    file = folder / "o.yaml"
    file.write_text(text)
    found = scan([str(file)], prepare([write(folder / "p.json", SMALL)]), time=NOW)
    assert found.incomplete is bool(found.unreadable)
    return [str(each).removeprefix(f"{folder}/") for each in found.unreadable]


def test_a_broken_document_among_good_ones(tmp_path: Path) -> None:
    (line,) = told(tmp_path, "apiVersion: v1\nkind: A\nmetadata: {name: a}\n---\nfoo: [bar\n---\n{}\n"[:-3])
    assert line.startswith("o.yaml:6:1: a bracket that is never closed")


@pytest.mark.parametrize(
    ("text", "foreign"),
    [
        ("on: push\njobs: {}", True),
        ("metadata: {name: a}", False),
        ("spec: {size: 1}", False),
        ("kind: A", False),
        ("resources: [a.yaml]", False),
        ("- 1", False),
        ("foo: [bar", False),
    ],
)
def test_settings_of_other_programs_in_a_folder_of_objects(tmp_path: Path, text: str, foreign: bool) -> None:
    """They leave nothing open, unless somebody names them or there is nothing else. What may have been meant does."""
    policies = prepare([write(tmp_path / "p.json", SMALL)])
    folder = tmp_path / "folder"
    folder.mkdir()
    other = folder / "b.yaml"
    other.write_text(text)
    assert scan([str(folder)], policies, time=NOW).incomplete
    for number in range(7 if foreign else 1):
        (folder / f"c{number}.yaml").write_text(text)
    (folder / "a.yaml").write_text("apiVersion: v1\nkind: A\nmetadata: {name: a}\n")
    found = scan([str(folder)], policies, time=NOW)
    assert (not found.incomplete) is foreign
    told = [each for each in found.warnings if "taken for no Kubernetes object" in each]
    assert len(told) == foreign
    assert all(f"{other}:1, " in each and each.endswith(" and 3 more") for each in told)
    assert scan([str(folder / "a.yaml"), str(other)], policies, time=NOW).incomplete


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1", "1: has no apiVersion and no kind: not a Kubernetes object"),
        ("resources: [a.yaml]", "1: has no apiVersion and no kind: not a Kubernetes object (a kustomization?"),
        (
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization",
            "1: has no metadata.name: the API server would not take it (a kustomization? Scan what",
        ),
        ("- 1", "1: is no Kubernetes object, which has apiVersion, kind and metadata.name"),
        ("# nothing\n\nkind: A\napiVersion: v1", "3: has no metadata.name: the API server would not take it"),
        ("kind: A\napiVersion: a/b/c\nmetadata: {name: a}", "2: apiVersion: 'a/b/c' is neither VERSION"),
        ("kind: A\napiVersion: v1\nmetadata: x", "3: metadata: must be an object"),
        ("kind: A\napiVersion: v1\nmetadata:\n  labels:\n    a/b: 1", "5: metadata.labels.a~1b: must be a text, not 1"),
        ("kind: A\napiVersion: v1\nmetadata: {name: a, finalizers: [1]}", "3: metadata.finalizers: must be a list"),
        ("kind: List\napiVersion: v1\nitems: 7", "3: items: must be a list of objects"),
        ("kind: List\napiVersion: v1\nitems:\n- 7", "4: items.0: is no Kubernetes object"),
        ("kind: List\napiVersion: v1\nitems: []", ""),
        ("", ""),
        ("kind: AdmissionReview\napiVersion: admission.k8s.io/v1", "1: request: must be an object"),
    ],
)  # fmt: skip
def test_what_is_no_object(tmp_path: Path, text: str, line: str) -> None:
    lines = told(tmp_path, text)
    assert len(lines) == bool(line)
    assert all(each.startswith(f"o.yaml:{line}") for each in lines)


def test_lists_are_taken_apart(tmp_path: Path) -> None:
    """Also Lists in Lists; each object knows its own lines."""
    prepared = prepare([write(tmp_path / "p.json", SMALL)])
    file = tmp_path / "o.yaml"
    file.write_text(
        "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ThingList\n  items:\n"
        "  - apiVersion: example.com/v1\n    kind: Thing\n    metadata: {name: a}\n    spec:\n      size: 7\n"
    )
    found = scan([str(file)], prepared, time=NOW)
    ((judged, finding),) = found.findings()
    assert (judged.place.line, judged.position_of(finding).line) == (7, 11)


def test_a_kind_that_its_crd_spells_otherwise(tmp_path: Path) -> None:
    """The plural that is guessed of `thing` and `Things` is that of Thing, and no API server takes either."""
    found = judge(tmp_path, [SMALL, crd("v1")], [{**thing(), "kind": "thing"}, {**thing(), "kind": "Things"}])
    assert [str(each).partition(": ")[2] for each in found.unreadable] == [
        "there is no kind thing in example.com: Thing is meant",
        "there is no kind Things in example.com: Thing is meant",
    ]


def gadgets() -> JsonObject:
    found = crd("v1")
    names = {"kind": "Gadget", "plural": "gadgets"}
    return {**found, "metadata": {"name": "gadgets.example.com"}, "spec": {**found["spec"], "names": names}}


@pytest.mark.parametrize("typed", ["Gadgt", "Gadgeet", "Gadgat", "gadgte", "Agdget"])
def test_a_kind_with_a_slip_in_it(tmp_path: Path, typed: str) -> None:
    gadget = {**thing(), "kind": typed}
    found = judge(tmp_path, [SMALL, gadgets()], [gadget])
    assert [str(each).partition(": ")[2] for each in found.unreadable] == [
        f"no CRD that is known has a kind {typed} in example.com: did you mean Gadget?"
    ]
    assert found.incomplete


@pytest.mark.parametrize("other", ["GadgetClass", "Gadgets2", "Gadge", "Widget", "TCPGadget"])
def test_what_may_be_a_kind_of_its_own(tmp_path: Path, other: str) -> None:
    """The CRDs at hand are not all of the group."""
    found = judge(tmp_path, [SMALL, gadgets()], [{**thing(), "kind": other}])
    assert not found.unreadable


def test_a_version_that_is_not_served(tmp_path: Path) -> None:
    found = judge(tmp_path, [SMALL, crd("v1")], [thing(version="v9")])
    assert [str(each) for each in found.unreadable] == [
        f"{tmp_path}/objects.json:1: the CRD of Thing (example.com) serves no version v9; served: v1"
    ]


def test_crds_among_the_objects_count(tmp_path: Path) -> None:
    schema: JsonObject = {"type": "object", "properties": {"size": {"type": "integer", "default": 7}}}
    found = judge(tmp_path, [SMALL], [thing(), crd("v1", schema=schema)])
    assert results(found) == [("small/r0", "fail", "too large")]
    assert [(each.kind, each.known) for each in found.coverage.kinds if each.kind == "Thing"] == [("Thing", True)]
    broken = judge(tmp_path, [SMALL], [thing(), crd("v1", schema={"type": "objct"})])
    assert "objects.json:3: CustomResourceDefinition" in str(broken.unreadable[0])
    assert broken.incomplete


def test_an_admission_review(tmp_path: Path) -> None:
    """It is judged as what it asks; the findings are at the lines of the object that it carries."""
    review = {**REVIEW, "request": {**REVIEW["request"], "object": thing(size=9), "oldObject": thing(size=9)}}
    found = judge(tmp_path, [policy("small", [{"jq": ".spec.size < 5"}], enforcement="Deny")], [review])
    ((judged, finding),) = found.findings()
    assert not finding.blocks  # the old object had it, too
    assert judged.position_of(finding).line == 1


def test_what_is_stored_of_a_file(tmp_path: Path) -> None:
    """Without a namespace it goes to `default`, and its status is dropped."""
    definition = crd("v1")
    definition["spec"]["versions"][0]["subresources"] = {"status": {}}
    written = {**thing(), "metadata": {"name": "a"}, "status": {"ready": True}}
    rules = [{"jq": '.status == null and .metadata.namespace == "default"'}]
    assert judge(tmp_path, [policy(rules=rules), definition], [written]).counts["pass"] == 1


def test_built_in_kinds_have_their_namespace(tmp_path: Path) -> None:
    match = {
        "resourceRules": [
            {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps", "namespaces"], "operations": ["*"]}
        ]
    }
    rules = [{"jq": '(.kind == "Namespace") == (.metadata.namespace == null)'}]
    objects = [{"apiVersion": "v1", "kind": kind, "metadata": {"name": "a"}} for kind in ("ConfigMap", "Namespace")]
    found = judge(tmp_path, [policy(rules=rules, match=match)], objects, into=Scan(passes=True))
    assert found.counts["pass"] == 2
    assert [each.subject.namespace for each in found.judged] == ["default", ""]


def coverage(found: Scan) -> dict[str, list[tuple[str, str]]]:
    cover = found.coverage
    return {
        "gaps": [(gap.rule, gap.reason) for gap in cover.gaps for _ in gap.examples],
        "policies": [(each.policy.policy.name, each.reason) for each in cover.policies(found.engine)],
        "kinds": [(each.kind, f"{each.evaluated}/{each.present}") for each in cover.kinds],
    }


def other(kind: str) -> JsonObject:
    return {**thing(), "kind": kind}


def test_coverage_is_honest(tmp_path: Path) -> None:
    def match(**changes: Json) -> JsonObject:
        return {"resourceRules": [{**MATCH["resourceRules"][0], **changes}]}

    written = [
        policy("user", [{"cel": "request.userInfo.username == 'jane'"}, {"jq": ".spec.size < 5"}]),
        policy("error", [{"jq": ".spec.missing < 5 | error"}], match=match(resources=["wrongs"])),
        policy("updates", [{"jq": "true"}], match=match(operations=["UPDATE", "DELETE"])),
        policy("elsewhere", [{"jq": "true"}], match=match(resources=["gadgets"])),
        policy("labelled", [{"jq": "true"}], match={**MATCH, "objectSelector": {"matchLabels": {"a": "b"}}}),
    ]
    found = judge(tmp_path, written, [thing(size=3), other("Wrong"), other("Odd"), other("Odd")])
    assert coverage(found) == {
        "gaps": [
            ("user/r0", "it asks for the user"),
            ("", "a rule could not be evaluated"),
            ("", NO_POLICY),
            ("", NO_POLICY),
        ],
        "policies": [
            ("user", ""),
            ("error", ""),
            ("updates", "for DELETE, UPDATE only: an object is judged here as one that is created"),
            ("elsewhere", NO_OBJECT),
            ("labelled", "the objects of its kinds are not those that it names or selects"),
        ],
        "kinds": [("Odd", "0/2"), ("Thing", "0/1"), ("Wrong", "0/1")],
    }
    assert found.counts == {"pass": 1, "fail": 0, "warn": 0, "error": 1, "skip": 0}
    assert found.incomplete


def test_warnings(tmp_path: Path) -> None:
    exception = {
        "apiVersion": "auditor.dev/v1",
        "kind": "PolicyException",
        "metadata": {"name": "e", "namespace": "here"},
        "spec": {
            "policies": ["small"],
            "owner": "me",
            "reason": "until the move is done",
            "expires": "2026-05-01T00:00:00Z",
        },
    }
    excusable = policy("small", [{"jq": ".spec.size < 5"}], exceptions={"namespaceSelector": {}})
    found = judge(tmp_path, [excusable, exception], [thing(size=7)])
    assert found.warnings == ["PolicyException here/e expired at 2026-05-01T00:00:00+00:00: it excuses nothing"]
    assert found.counts["fail"] == 1
    assert judge(tmp_path, [SMALL], [other("Odd")]).warnings == ["no policy matches any of these objects"]
    assert judge(tmp_path, [SMALL], []).warnings == [f"no object in {tmp_path}/objects.json"]


def test_a_path_that_leads_nowhere(tmp_path: Path) -> None:
    prepared = prepare([write(tmp_path / "p.json", SMALL)])
    with pytest.raises(UsageError, match="nowhere: no such file"):
        scan([str(tmp_path / "p.json"), "nowhere"], prepared, time=NOW)


def test_a_folder_without_objects(tmp_path: Path) -> None:
    prepared = prepare([write(tmp_path / "p.json", SMALL)])
    folder = tmp_path / "empty"
    folder.mkdir()
    with pytest.raises(UsageError, match="holds no file that ends in"):
        scan([str(folder)], prepared, time=NOW)
    found = scan([write(tmp_path / "o.json", thing(size=1)), str(folder)], prepared, time=NOW)
    assert [str(each) for each in found.unreadable] == [f"{folder}: holds no file that ends in .yaml, .yml, .json"]
    assert found.objects == 1
