"""Who may write in one namespace changes and learns nothing of another: exceptions, params and lookups."""

import json
from pathlib import Path

import pytest

from auditor.json import Json, JsonObject
from tests.security.making import MATCH, policy, shop, write
from tests.unit.cli.binary import run

MINE, OTHER = "mine", "other"


def exception(namespace: str, **spec: Json) -> JsonObject:
    given = {
        "policies": ["small"],
        "owner": "somebody",
        "reason": "because it is asked for",
        "expires": "2099-01-01T00:00:00Z",
        **spec,
    }
    return {
        "apiVersion": "auditor.dev/v1",
        "kind": "PolicyException",
        "metadata": {"name": "mine", "namespace": namespace},
        "spec": given,
    }


EXCEPTIONS = {
    "of its own namespace": {},
    "by a match for the other one": {"match": {"namespaceSelector": {}, "resourceRules": MATCH["resourceRules"]}},
    "for every policy": {"policies": ["*"]},
}


@pytest.mark.parametrize("spec", EXCEPTIONS.values(), ids=EXCEPTIONS)
def test_an_exception_excuses_in_its_namespace_alone(spec: JsonObject, tmp_path: Path) -> None:
    """Whatever it says; one that is refused as a whole excuses nobody either."""
    small = policy("small", {"jq": ".spec.size < 1"}, exceptions={"namespaceSelector": {}})
    write(tmp_path / "policies.json", [small])
    write(tmp_path / "exceptions.json", [exception(MINE, **spec)])
    write(tmp_path / "objects.json", [shop("one", MINE, size=5), shop("one", OTHER, size=5)])
    arguments = ("--policies", "policies.json", "--exceptions", "exceptions.json", "-o", "json")
    said = run("scan", "objects.json", *arguments, cwd=tmp_path)
    if said.code == 2 and spec:
        assert "exceptions.json" in said.err
        return
    results = {each["resource"]["namespace"]: each["result"] for each in json.loads(said.out)["findings"]}
    assert results[OTHER] == "fail"
    assert results[MINE] in ("skip", "fail")
    if not spec:
        assert results[MINE] == "skip"  # or the test would show nothing


def test_an_exception_reaches_nothing_that_is_in_no_namespace(tmp_path: Path) -> None:
    """For what is cluster-wide only those in our own namespace count."""
    match = {
        "resourceRules": [
            {"apiGroups": ["example.com"], "apiVersions": ["v1"], "resources": ["malls"], "operations": ["CREATE"]}
        ]
    }
    wide = policy("small", {"jq": ".spec.size < 1"}, exceptions={"namespaceSelector": {}})
    wide["spec"]["match"] = match
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "malls.example.com"},
        "spec": {
            "group": "example.com",
            "names": {"kind": "Mall", "plural": "malls", "singular": "mall", "listKind": "MallList"},
            "scope": "Cluster",
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
                }
            ],
        },
    }
    mall = {"apiVersion": "example.com/v1", "kind": "Mall", "metadata": {"name": "one"}, "spec": {"size": 5}}
    write(tmp_path / "policies.json", [wide])
    write(tmp_path / "crd.json", [crd])
    write(tmp_path / "mall.json", [mall])
    results = []
    for namespace in (MINE, "auditor-system"):
        write(tmp_path / "exceptions.json", [exception(namespace)])
        arguments = (
            "--policies",
            "policies.json",
            "--crds",
            "crd.json",
            "--exceptions",
            "exceptions.json",
            "-o",
            "json",
        )
        said = run("scan", "mall.json", *arguments, cwd=tmp_path)
        results += [each["result"] for each in json.loads(said.out)["findings"]]
    assert results == ["fail", "skip"]


def test_lookups_and_params_stay_in_the_namespace(tmp_path: Path) -> None:
    """`namespace: same` shows none of another one; nor do params of the object's namespace."""
    resource = {"group": "example.com", "resource": "shops"}
    peers = policy(
        "peers",
        {"deny": "$lookups.peers[] | .metadata.namespace"},
        lookups=[{"name": "peers", "resource": resource, "namespace": "same"}],
    )
    held = policy(
        "held",
        {"deny": "$params.data.owner"},
        paramKind={"apiVersion": "v1", "kind": "ConfigMap"},
        paramRef={"selector": {}, "parameterNotFoundAction": "Allow"},
    )
    params = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "p", "namespace": each}, "data": {"owner": each}}
        for each in (MINE, OTHER)
    ]
    write(tmp_path / "policies.json", [peers, held])
    write(tmp_path / "params.json", params)
    names = [("a", MINE), ("b", MINE), ("c", OTHER), ("d", OTHER)]
    write(tmp_path / "objects.json", [shop(name, namespace) for name, namespace in names])
    arguments = ("--policies", "policies.json", "--params", "params.json", "-o", "json")
    said = run("scan", "objects.json", *arguments, cwd=tmp_path)
    found = [
        (each["policy"], each["resource"]["namespace"], each["message"]) for each in json.loads(said.out)["findings"]
    ]
    assert sorted(set(found)) == sorted((name, each, each) for name in ("held", "peers") for each in (MINE, OTHER))
