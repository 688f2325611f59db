"""What is asked of files: of which objects, by whom, for what, and what was before."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from auditor.errors import UsageError
from auditor.intake.files import find_sources
from auditor.intake.found import Scan
from auditor.intake.load import read_items
from auditor.intake.prepare import prepare
from auditor.intake.question import Question, read_user
from auditor.intake.scan import scan
from auditor.json import JsonObject
from auditor.model.finding import Result
from auditor.model.request import Operation, User
from tests.unit.intake.files import NOW, crd, policy, results, thing, write

SIZES = policy("sizes", [{"jq": ".spec.size < 5", "message": "too large"}])
USERS = policy("users", [{"cel": "request.userInfo.username == 'jane' || 'ops' in request.userInfo.groups"}])
SCHEMA = {
    "type": "object",
    "required": ["size"],
    "properties": {
        "size": {"type": "integer", "maximum": 7, "default": 1},
        "fixed": {"type": "string", "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "is fixed"}]},
        "items": {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}}}},
    },
}


def ask(
    folder: Path,
    objects: Sequence[JsonObject],
    *,
    policies: Sequence[JsonObject] = (SIZES,),
    old: Sequence[JsonObject] = (),
    crds: Sequence[JsonObject] = (),
    **asked: Any,
) -> Scan:
    prepared = prepare(
        [write(folder / "policies.json", *policies)], [write(folder / "crds.json", *crds)] if crds else []
    )
    before = list(read_items([write(folder / "old.json", *old)], [])) if old else []
    question = Question(old=before, **asked)
    return scan([write(folder / "objects.json", *objects)], prepared, time=NOW, question=question)


@pytest.mark.parametrize("kind", ["Thing", "thing", "things", "things.example.com", "things.v1.example.com", "THINGS"])
def test_kinds_as_kubectl_names_them(tmp_path: Path, kind: str) -> None:
    other = {**thing("x"), "kind": "Other"}
    assert ask(tmp_path, [thing("a", size=9), other], kinds=[kind]).objects == 1


def test_other_kinds_and_namespaces_are_left_out(tmp_path: Path) -> None:
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "here"}}
    found = ask(tmp_path, [thing("a", size=9), space], namespaces=["here"])
    assert found.objects == 1
    none = ask(tmp_path, [thing("a", size=9)], kinds=["others.example.com"])
    assert (none.objects, none.warnings) == (0, [f"no object that was asked for in {tmp_path}/objects.json"])


def test_what_is_left_out_is_still_around(tmp_path: Path) -> None:
    peers = policy(
        "peers",
        [{"jq": "$lookups.peers | length == 1"}],
        lookups=[{"name": "peers", "resource": {"group": "example.com", "resource": "things"}}],
    )
    there = {**thing("b"), "metadata": {"name": "b", "namespace": "there"}}
    found = ask(tmp_path, [thing("a"), there], policies=[peers], namespaces=["here"])
    assert found.counts == {"pass": 1, "fail": 0, "warn": 0, "error": 0, "skip": 0}


@pytest.mark.parametrize(
    ("user", "result"), [("jane", Result.PASS), ("joe", Result.FAIL), ("joe,ops", Result.PASS), ("", None)]
)
def test_users(tmp_path: Path, user: str, result: Result | None) -> None:
    found = ask(tmp_path, [thing()], policies=[USERS], user=read_user(user) if user else None)
    assert [name for name, count in found.counts.items() if count] == ([result] if result else [])
    assert found.percent == (100 if result else 0)


def test_groups_of_users() -> None:
    assert read_user("jane, ops") == User(username="jane", groups=("ops", "system:authenticated"))
    account = read_user("system:serviceaccount:shop:robot")
    assert account.groups == ("system:serviceaccounts", "system:serviceaccounts:shop", "system:authenticated")


def test_updates_are_forgiven_what_was_there(tmp_path: Path) -> None:
    """existing: Audit, as at the door; what is not among the old objects is created."""
    denied = policy("sizes", [{"jq": ".spec.size < 5"}], enforcement="Deny")
    found = ask(tmp_path, [thing("a", size=9), thing("b", size=9)], policies=[denied], old=[thing("a", size=8)])
    assert [finding.blocks for _, finding in found.findings()] == [False, True]
    grown = policy("grown", [{"jq": "$old == null or .spec.size >= $old.spec.size", "message": "it shrank"}])
    found = ask(tmp_path, [thing("a", size=1), thing("b", size=1)], policies=[grown], old=[thing("a", size=8)])
    assert [(judged.subject.name, finding.message) for judged, finding in found.findings()] == [("a", "it shrank")]


def test_an_update_needs_its_old_object(tmp_path: Path) -> None:
    found = ask(tmp_path, [thing("a"), thing("b")], old=[thing("a")], operation=Operation.UPDATE)
    (error,) = found.unreadable
    assert str(error) == f"{tmp_path}/objects.json:3: there is no old object of this kind and name to update"


def test_the_old_object_is_converted(tmp_path: Path) -> None:
    match = {
        "resourceRules": [
            {"apiGroups": ["example.com"], "apiVersions": ["v2"], "resources": ["things"], "operations": ["*"]}
        ]
    }
    same = policy("same", [{"jq": ".apiVersion == $old.apiVersion"}], match=match)
    found = ask(
        tmp_path, [thing("a", version="v2")], policies=[same], old=[thing("a", version="v1")], crds=[crd("v1", "v2")]
    )
    assert found.counts["pass"] == 1
    refused = ask(
        tmp_path,
        [thing("a", version="v2")],
        policies=[same],
        old=[thing("a", version="v1")],
        crds=[crd("v1", "v2", strategy="Webhook")],
    )
    assert "its old object: " in str(refused.unreadable[0])


def test_deletions(tmp_path: Path) -> None:
    found = ask(tmp_path, [thing("a", size=9)], operation=Operation.DELETE)
    assert results(found) == [("sizes/r0", "fail", "too large")]


def test_objects_are_held_against_their_crds(tmp_path: Path) -> None:
    items = [{"name": "x"}, {"nam": "y"}]
    found = ask(tmp_path, [thing("a", size=9, items=items, other=1), thing("b")], crds=[crd(schema=SCHEMA)])
    told = {
        (name, finding.path)
        for name, finding in ((n[0], f[1]) for n, f in zip(results(found), found.findings(), strict=True))
    }
    assert told == {
        ("sizes/r0", "/spec/size"),
        ("schema/invalid", "/spec/size"),
        ("schema/unknown", "/spec/items/1/nam"),
        ("schema/unknown", "/spec/other"),
    }
    assert any("is name meant?" in message for _, _, message in results(found))


def test_transition_rules_are_asked_of_updates(tmp_path: Path) -> None:
    old, new = thing("a", fixed="x"), thing("a", fixed="y")
    assert not results(ask(tmp_path, [new], crds=[crd(schema=SCHEMA)]))
    assert results(ask(tmp_path, [new], old=[old], crds=[crd(schema=SCHEMA)]))[0][0] == "schema/invalid"


def test_mutations_come_before_schemas(tmp_path: Path) -> None:
    repair = {**SIZES, "spec": {**SIZES["spec"], "mutate": [{"name": "m", "jq": ".spec.size = 1"}]}}
    assert not results(ask(tmp_path, [thing("a", size=99)], policies=[repair], crds=[crd(schema=SCHEMA)]))


def test_a_kind_without_its_crd_is_a_gap(tmp_path: Path) -> None:
    other = {**thing("x"), "kind": "Other"}
    found = ask(tmp_path, [thing("a"), other], crds=[crd(schema=SCHEMA)])
    assert ("Other", "schema", "its CRD is not among those that were given") in {
        (gap.kind, gap.rule, gap.reason) for gap in found.coverage.gaps
    }
    assert found.incomplete
    (told,) = found.unreadable
    assert str(told).endswith(":3: Other x (example.com/v1): its CRD is not in --crds: it was held against none")


def test_params_and_exceptions_from_elsewhere(tmp_path: Path) -> None:
    limits = {
        "apiVersion": "example.com/v1",
        "kind": "Limit",
        "metadata": {"name": "l", "namespace": "here"},
        "most": 3,
    }
    sizes = policy(
        "sizes",
        [{"jq": ".spec.size <= $params.most"}],
        paramKind={"apiVersion": "example.com/v1", "kind": "Limit"},
        paramRef={"name": "l"},
        exceptions={"namespaceSelector": {}},
    )
    excuse = {
        "apiVersion": "auditor.dev/v1",
        "kind": "PolicyException",
        "metadata": {"name": "e", "namespace": "here"},
        "spec": {
            "policies": ["sizes"],
            "owner": "o",
            "reason": "a reason that says why",
            "expires": "2026-07-01T00:00:00Z",
        },
    }
    policies = [write(tmp_path / "policies.json", sizes)]
    params = [write(tmp_path / "params.json", limits)]
    exceptions = [write(tmp_path / "exceptions.json", excuse)]
    objects = [write(tmp_path / "objects.json", thing("a", size=4))]

    def count(**given: Any) -> dict[str, int]:
        found = scan(objects, prepare(policies, **given), time=NOW)
        assert found.objects == 1
        return {name: count for name, count in found.counts.items() if count}

    assert count() == {"error": 1}
    assert count(params=params) == {"fail": 1}
    assert count(params=params, exceptions=exceptions) == {"skip": 1}
    with pytest.raises(UsageError, match="--params: sizes is a policy: name its file by --policies"):
        count(params=policies)
    with pytest.raises(UsageError, match="holds no PolicyException"):
        count(exceptions=params)


@pytest.mark.parametrize(
    ("patterns", "left"),
    [
        (["*.tmpl.yaml"], ["a.yaml", "charts/b.yaml", "sub/charts/c.yaml"]),
        (["charts"], ["a.yaml", "d.tmpl.yaml"]),
        (["sub/*"], ["a.yaml", "charts/b.yaml", "d.tmpl.yaml"]),
        (["./sub"], ["a.yaml", "charts/b.yaml", "d.tmpl.yaml"]),
        (["sub/charts/"], ["a.yaml", "charts/b.yaml", "d.tmpl.yaml"]),
        (["b.yaml", "a*"], ["d.tmpl.yaml", "sub/charts/c.yaml"]),
        (["A.yaml", "harts"], ["a.yaml", "charts/b.yaml", "d.tmpl.yaml", "sub/charts/c.yaml"]),
    ],
)
def test_excluded_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, patterns: list[str], left: list[str]) -> None:
    for name in ("a.yaml", "charts/b.yaml", "sub/charts/c.yaml", "d.tmpl.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write(tmp_path / name, thing(name))
    monkeypatch.chdir(tmp_path)
    assert sorted(str(getattr(each, "name", each)) for each in find_sources(["."], exclude=patterns)) == left


def test_coverage_in_per_cent(tmp_path: Path) -> None:
    """(kind, policy) pairs that were judged in full; what no policy matches is no pair."""
    erring = policy("erring", [{"jq": ".spec.size / 0 > 1"}])
    other = {**thing("x"), "kind": "Other"}
    assert ask(tmp_path, [thing("a", size=1), other]).percent == 100
    assert ask(tmp_path, [thing("a", size=1)], policies=[SIZES, erring]).percent == 50
    assert ask(tmp_path, [thing("a", size=1), {"no": "object"}]).percent == 50
    assert ask(tmp_path, [other]).percent is None
