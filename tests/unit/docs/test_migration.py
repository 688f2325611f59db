"""docs/migration.md: each policy that it shows compiles without a warning, and judges as the page says."""

import re
import shlex
from pathlib import Path

import orjson
import pytest
import yaml

from auditor.intake.cases import run_cases
from auditor.intake.prepare import prepare
from auditor.intake.scan import scan
from auditor.json import Json, JsonObject
from tests.unit.cli.binary import run
from tests.unit.intake.files import NOW

PAGE = (Path(__file__).parents[3] / "docs" / "migration.md").read_text()
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHOWN = [(list(yaml.safe_load_all(text)), text) for kind, text in BLOCK.findall(PAGE) if kind == "yaml"]
"""What other systems would be told has no apiVersion on the page."""


def named(kind: str) -> dict[str, str]:
    """As they stand there, to be read by our own reader."""
    return {found[0]["metadata"]["name"]: text for found, text in SHOWN if found[0].get("kind") == kind}


CRD: JsonObject = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "websites.apps.example.com"},
    "spec": {
        "group": "apps.example.com",
        "scope": "Namespaced",
        "names": {"plural": "websites", "singular": "website", "kind": "Website"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "properties": {
                                    "image": {"type": "string"},
                                    "replicas": {"type": "integer"},
                                    "host": {"type": "string"},
                                    "class": {"type": "string"},
                                    "debug": {"type": "boolean"},
                                    "public": {"type": "boolean"},
                                    "backends": {
                                        "type": "array",
                                        "items": {
                                            "type": "object",
                                            "properties": {"name": {"type": "string"}, "weight": {"type": "integer"}},
                                        },
                                    },
                                },
                            }
                        },
                    }
                },
            }
        ],
    },
}


def site(name: str = "one", *, namespace: str = "shop", labels: Json = None, **spec: Json) -> JsonObject:
    metadata: JsonObject = {"name": name, "namespace": namespace}
    if labels is not None:
        metadata["labels"] = labels
    return {"apiVersion": "apps.example.com/v1", "kind": "Website", "metadata": metadata, "spec": spec}


OWNED = {"team": "shop", "cost-centre": "7"}
BASIC: dict[str, Json] = {"image": "registry.example.com/a:1", "replicas": 2}
EXCEPTION = named("PolicyException")["old-site"]
CASES: dict[str, dict[str, list[JsonObject | str]]] = {
    "website-labels": {
        "pass": [site(labels=OWNED)],
        "fail.labels.none": [site()],
        "fail.labels.one": [site(labels={"team": "shop"})],
    },
    "website-hosts": {
        "pass": [site(host="a"), site("two", host="b")],
        "pass.without": [site(), site("two")],
        "fail.unique": [site(host="a"), site(namespace="blog", host="a")],
    },
    "website-class": {
        "mutate": [site(), site(**{"class": "standard"})],
        "mutate.stays": [site(**{"class": "fast"}), site(**{"class": "fast"})],
    },
    "website-basics": {
        "pass": [site(**BASIC)],
        "pass.debug": [site(**BASIC, debug=False)],
        "fail.basics.image": [site(**{**BASIC, "image": "elsewhere.example/registry.example.com/a"})],
        "fail.basics.replicas": [site(**{**BASIC, "replicas": 1})],
        "fail.basics.debug": [site(**BASIC, debug=True)],
        "fail.basics.empty": [site()],
    },
    "website-backends": {
        "pass": [site(backends=[{"name": "a", "weight": 1}, {"name": "b"}])],
        "pass.none": [site()],
        "fail.weights": [site(backends=[{"name": "a", "weight": 1}, {"name": "b", "weight": 0}])],
    },
    "website-public": {
        "pass": [site(public=True, host="a.example.com")],
        "fail.own-host": [site(public=True, host="example.org")],
        "fail.own-host.none": [site(public=True)],
    },
    "website-managed": {
        "mutate": [site(labels={"a": "b"}), site(labels={"a": "b", "managed": "yes"})],
        "mutate.first": [site(), site(labels={"managed": "yes"})],
    },
    "website-archive": {
        "pass": [site(image="a:1")],
        "pass.excused": [site("old", image="a:latest"), EXCEPTION],
        "fail.not-latest": [site(image="a:latest")],
        "fail.not-latest.another-object": [site(image="a:latest"), EXCEPTION],
        "fail.not-latest.another-namespace": [site("old", namespace="blog", image="a:latest"), EXCEPTION],
    },
    "website-size": {
        "pass": [site(replicas=5)],
        "pass.default": [site()],
        "fail.replicas": [site(replicas=6)],
    },
}


def write(path: Path, *objects: JsonObject | str) -> None:
    path.write_text("\n---\n".join(each if isinstance(each, str) else orjson.dumps(each).decode() for each in objects))


def test_each_policy_of_the_page_has_cases() -> None:
    assert set(named("Policy")) == set(CASES)
    assert set(named("PolicyException")) == {"old-site"}


@pytest.mark.parametrize("name", CASES)
def test_it_judges_as_the_page_says(tmp_path: Path, name: str) -> None:
    write(tmp_path / "policy.yaml", named("Policy")[name])
    write(tmp_path / "crd.yaml", CRD)
    (tmp_path / "tests").mkdir()
    for case, objects in CASES[name].items():
        write(tmp_path / "tests" / f"{case}.yaml", *objects)
    report = run_cases([str(tmp_path)])
    assert [(Path(each.file).name, each.problem) for each in report.outcomes if each.problem] == []
    assert len(report.outcomes) == len(CASES[name])
    assert (report.warnings, report.never_violated, report.never_passed) == ([], [], [])


@pytest.mark.parametrize(
    ("name", "judged"),
    [("website-labels", site(namespace="sandbox")), ("website-public", site(host="elsewhere"))],
    ids=["excluded namespace", "not public"],
)
def test_whom_it_is_not_about(tmp_path: Path, name: str, judged: JsonObject) -> None:
    write(tmp_path / "policy.yaml", named("Policy")[name])
    write(tmp_path / "crd.yaml", CRD)
    write(tmp_path / "site.yaml", judged)
    prepared = prepare([str(tmp_path / "policy.yaml"), str(tmp_path / "crd.yaml")])
    found = scan([str(tmp_path / "site.yaml")], prepared, time=NOW)
    assert not found.incomplete
    assert list(found.findings()) == []


@pytest.mark.parametrize(("replicas", "code"), [(5, 0), (6, 1)])
def test_native_policies_are_scanned_with_as_they_are(tmp_path: Path, replicas: int, code: int) -> None:
    (command,) = [text for kind, text in BLOCK.findall(PAGE) if kind == "sh"]
    write(tmp_path / "native.yaml", named("ValidatingAdmissionPolicy")["website-replicas"])
    (tmp_path / "manifests").mkdir()
    write(tmp_path / "manifests" / "site.yaml", site(replicas=replicas))
    program, *arguments = shlex.split(command)
    assert program == "auditor"
    done = run(*arguments, cwd=tmp_path)
    assert (done.code, "at most 5 replicas" in done.out) == (code, code == 1), done.text
