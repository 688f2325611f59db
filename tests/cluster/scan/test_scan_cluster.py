"""What is stored in a real cluster is judged as `auditor scan` judges the same objects in files; and what cannot be
read is said, with what to do about it."""

import json
import shlex
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import pytest

from auditor.cluster import Client, Resource, Settings, connect
from auditor.intake.once import sweep
from auditor.intake.once.reading import count
from auditor.intake.stored import judge_stored
from auditor.json import JsonObject
from auditor.model.finding import Verdict
from tests.cluster.scan.conftest import GROUP, Place, Run, make_crd, policy, widget
from tests.proxy import Proxy

OBJECTS = [
    widget("plain"),
    widget("large", size=9, host="a.example.com"),
    widget("twin", size=1, host="a.example.com", members=[{"name": "m"}, {"name": "n", "cpu": 40}]),
    widget("excused", size=8),
    widget("large", "lab", size=9),
    widget("small", "lab", size=1, host="b.example.com"),
]
POLICIES = [
    policy("sizes", [{"jq": ".spec.size < 5", "message": "too large"}], exceptions={"namespaceSelector": {}}),
    policy(
        "old-version",
        [{"cel": "object.apiVersion.endsWith('v1beta1') && object.spec.size != 1"}],
        versions=("v1beta1",),
    ),
    policy(
        "hosts",
        [{"jq": "$lookups.peers | length == 0", "message": "its host is taken"}],
        lookups=[{"name": "peers", "resource": {"group": GROUP, "resource": "widgets"}, "indexedBy": "/spec/host"}],
    ),
    policy(
        "members",
        [
            {
                "deny": ".spec.members // [] | to_entries[] | select(.value.cpu > 16)"
                ' | {message: "too many", path: "/spec/members/\\(.key)/cpu"}'
            }
        ],
    ),
    policy(
        "in-production",
        [{"cel": "object.spec.size > 1"}],
        match={"namespaceSelector": {"matchLabels": {"env": "prod"}}},
    ),
    policy("user", [{"cel": "request.userInfo.username == 'jane'"}, {"jq": "true"}]),
    policy("wrong", [{"jq": ".spec.size / (.spec.size - 2) > 0"}]),
    policy("maps", [{"jq": '.data.a != "wrong"'}], groups=("",), resources=("configmaps",), versions=("v1",)),
    policy(
        "limits",
        [{"cel": "object.spec.size <= int(params.data.limit)"}],
        paramKind={"apiVersion": "v1", "kind": "ConfigMap"},
        paramRef={"name": "limits", "namespace": "shop", "parameterNotFoundAction": "Deny"},
    ),
]
EXCEPTION: JsonObject = {
    "apiVersion": "auditor.dev/v1",
    "kind": "PolicyException",
    "metadata": {"name": "e", "namespace": "shop"},
    "spec": {
        "policies": ["sizes"],
        "match": {
            "resourceRules": [
                {
                    "apiGroups": [GROUP],
                    "apiVersions": ["*"],
                    "resources": ["widgets"],
                    "operations": ["*"],
                    "resourceNames": ["excused"],
                }
            ]
        },
        "owner": "me",
        "reason": "until it is moved",
        "expires": "2027-01-01T00:00:00Z",
    },
}
MAPS: list[JsonObject] = [
    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "limits", "namespace": "shop"},
     "data": {"limit": "8"}},
    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "bad", "namespace": "lab"}, "data": {"a": "wrong"}},
]  # fmt: skip


def findings(run: Run) -> list[JsonObject]:
    """Without what says where a file is, or which very object it was."""
    found = [{k: v for k, v in each.items() if k not in ("file", "line", "column")} for each in run.json["findings"]]
    for each in found:
        each["resource"] = {k: v for k, v in each["resource"].items() if k != "uid"}
    return sorted(found, key=lambda each: json.dumps(each, sort_keys=True))


@pytest.fixture
def filled(place: Place) -> Place:
    place.define(make_crd())
    place.apply(*OBJECTS, *MAPS)
    return place


def test_the_same_as_on_exported_files(filled: Place) -> None:
    policies = filled.write("policies.json", *POLICIES, EXCEPTION)
    crd = filled.write("crd.json", make_crd())
    exported = filled.folder / "objects.json"
    names = f"widgets.v1.{GROUP},namespaces,configmaps"
    exported.write_text(filled.sandbox.kubectl("get", names, "-A", "-o", "json").stdout)
    live = filled.run("scan", "--cluster", "--policies", policies, "-o", "json", "--include-passes")
    files = filled.run("scan", str(exported), "--policies", policies, "--crds", crd, "-o", "json", "--include-passes")
    assert live.code == files.code == 3, live.err  # one of the policies divides by zero
    assert findings(live) == findings(files)
    assert {each["result"] for each in live.json["findings"]} == {"pass", "fail", "error", "skip"}
    assert live.json["summary"] == files.json["summary"]
    kinds = {each["kind"]: each for each in live.json["coverage"] if "present" in each}
    assert kinds["Widget"]["present"] == len(OBJECTS)
    assert {each["policy"] for each in live.json["findings"]} == {each["metadata"]["name"] for each in POLICIES}


def test_by_the_policies_in_the_cluster(filled: Place) -> None:
    native: list[JsonObject] = [
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": "native"},
            "spec": {
                "matchConstraints": {
                    "resourceRules": [
                        {
                            "apiGroups": [GROUP],
                            "apiVersions": ["v1"],
                            "resources": ["widgets"],
                            "operations": ["CREATE"],
                        }
                    ]
                },
                "validations": [{"expression": "object.spec.size < 9", "message": "natively too large"}],
            },
        },
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": "native"},
            "spec": {"policyName": "native", "validationActions": ["Audit"]},
        },
    ]
    config: JsonObject = {
        "apiVersion": "auditor.dev/v1",
        "kind": "AuditConfig",
        "metadata": {"name": "default"},
        "spec": {"exclude": {"namespaces": ["lab"]}},
    }
    sizes, wrong = POLICIES[0], policy("broken", [{"jq": ".spec ==="}])
    filled.apply(sizes, EXCEPTION, *native, config)
    try:
        run = filled.run("scan", "--cluster", "-o", "json")
        told = {
            (e["policy"], e["resource"]["namespace"], e["resource"]["name"], e["result"]) for e in run.json["findings"]
        }
        assert told == {
            ("sizes", "shop", "large", "fail"),
            ("sizes", "shop", "excused", "skip"),
            ("native", "shop", "large", "fail"),
        }
        assert run.code == 1
        excluded = [each for each in run.json["coverage"] if "excluded" in each.get("reason", "")]
        assert [each["objects"] for each in excluded] == [2]
        filled.apply(wrong)
        run = filled.run("scan", "--cluster", "-o", "json")
        assert run.code == 3
        reasons = [each.get("reason", "") for each in run.json["coverage"]]
        assert any("Policy broken" in each and "not in force" in each for each in reasons)
    finally:
        for thing in (*native, sizes, wrong, config):
            name = f"{thing['kind'].lower()}.{thing['apiVersion'].partition('/')[0]}"
            filled.sandbox.kubectl("delete", name, thing["metadata"]["name"], "--ignore-not-found")


def test_only_some_kinds_and_namespaces(filled: Place) -> None:
    policies = filled.write("policies.json", *POLICIES[:2], POLICIES[7])
    run = filled.run("scan", "--cluster", "--policies", policies, "-o", "json", "--kind", "widget", "-n", "lab")
    assert {(e["resource"]["kind"], e["resource"]["namespace"]) for e in run.json["findings"]} == {("Widget", "lab")}
    run = filled.run(
        "scan", "--cluster", "--policies", policies, "-o", "json", "--kind", "cm", "-n", "lab", "-n", "shop"
    )
    assert [e["resource"]["name"] for e in run.json["findings"]] == ["bad"]
    run = filled.run("scan", "--cluster", "--policies", policies, "--kind", "wigdet")
    assert run.code == 2
    assert "did you mean widget" in run.err


def test_what_is_forbidden_and_the_command_that_grants_it(filled: Place) -> None:
    kubectl = filled.sandbox.kubectl
    kubectl("create", "clusterrole", "some", "--verb=get,list,watch",
            "--resource=configmaps,namespaces,customresourcedefinitions.apiextensions.k8s.io")  # fmt: skip
    kubectl("create", "clusterrolebinding", "some", "--clusterrole=some", "--user=jane")
    jane = filled.sandbox.user_kubeconfig("jane")
    policies = filled.write("policies.json", POLICIES[0], POLICIES[7])
    run = filled.run("scan", "--cluster", "--policies", policies, "-o", "json", kubeconfig=jane)
    assert run.code == 3
    assert [e["resource"]["name"] for e in run.json["findings"]] == ["bad"]  # what can be read is judged
    (unread,) = [each for each in run.json["coverage"] if "grant" in each]
    assert (unread["resource"], unread["evaluated"]) == (f"widgets.{GROUP}", False)
    assert "widgets" in unread["reason"]
    (kind,) = [each for each in run.json["coverage"] if each.get("kind") == "Widget" and "present" in each]
    assert (kind["present"], kind["evaluated"]) == (None, 0)
    in_table = filled.run("scan", "--cluster", "--policies", policies, kubeconfig=jane)
    assert f"not read: widgets.{GROUP}: forbidden" in in_table.out
    for command in unread["grant"].split(" && "):
        kubectl(*shlex.split(command)[1:])
    run = filled.run("scan", "--cluster", "--policies", policies, "-o", "json", kubeconfig=jane)
    assert run.code == 1
    assert not [each for each in run.json["coverage"] if "grant" in each]


def test_a_kind_whose_conversion_is_broken(place: Place) -> None:
    """Objects in the version that is stored can be had; the others are said to be out of reach."""
    broken = make_crd("Gizmo")
    webhook = {"url": "https://127.0.0.1:1/convert"}
    broken["spec"]["conversion"] = {
        "strategy": "Webhook",
        "webhook": {"clientConfig": webhook, "conversionReviewVersions": ["v1"]},
    }
    place.define(broken)
    place.apply(widget("one", kind="Gizmo"))
    flipped = json.loads(json.dumps(broken))
    for version in flipped["spec"]["versions"]:
        version["storage"] = not version["storage"]
    wanted = policy("later", [{"jq": "true"}], resources=("gizmos",), versions=("v1beta1",))
    policies = place.write("policies.json", wanted)
    run = place.run("scan", "--cluster", "--policies", policies, "-o", "json")
    assert run.code == 3
    assert "name v1, in which it is stored, or *" in run.json["findings"][0]["message"]
    place.define(flipped)
    for _ in range(50):  # until the API server serves the changed CRD
        run = place.run("scan", "--cluster", "--policies", policies, "-o", "json")
        if any(each.get("resource") == f"gizmos.{GROUP}" for each in run.json["coverage"]):
            break
    assert run.code == 3
    (unread,) = [each for each in run.json["coverage"] if each.get("resource") == f"gizmos.{GROUP}"]
    assert "500" in unread["reason"]
    place.sandbox.kubectl("delete", "crd", broken["metadata"]["name"], "--wait=false")


def test_without_policies(place: Place) -> None:
    run = place.run("scan", "--cluster", "--kubeconfig", str(place.sandbox.kubeconfig))
    assert (run.code, run.out) == (2, "")
    assert "--policies" in run.err
    run = place.run("scan", "--cluster", "--checks", "--kubeconfig", str(place.sandbox.kubeconfig))
    assert run.code != 2, run.err  # the drift checks need no policy; other tests may have left what cannot be read


def test_the_built_in_checks(filled: Place) -> None:
    """They see kinds that no policy is about; without the switch a scan is that of the policies alone."""
    definition = make_crd("Gadget", versions=("v1",))
    filled.define(definition)
    filled.apply(widget("tight", kind="Gadget", size=9))
    tightened = json.loads(json.dumps(definition))
    spec = tightened["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    spec["properties"]["size"]["maximum"] = 5
    filled.define(tightened)
    policies = filled.write("policies.json", POLICIES[0])
    plain = filled.run("scan", "--cluster", "--policies", policies, "-o", "json")
    run = filled.run("scan", "--cluster", "--policies", policies, "--checks", "-o", "json")
    of_checks = [each for each in run.json["findings"] if each["resource"]["kind"] == "Gadget"]
    assert [(e["policy"], e["path"], e["resource"]["name"]) for e in of_checks] == [("schema", "/spec/size", "tight")]
    of_policies = [each for each in run.json["findings"] if each["policy"] == "sizes"]
    assert of_policies == plain.json["findings"]
    filled.sandbox.kubectl("delete", "crd", definition["metadata"]["name"], "--wait=false")


def test_rights_in_one_namespace_only(filled: Place) -> None:
    """Without those to read namespaces what needs their labels is an error, and nothing else is."""
    kubectl = filled.sandbox.kubectl
    kubectl("create", "clusterrole", "widgets", "--verb=list", f"--resource=widgets.{GROUP}")
    kubectl("create", "rolebinding", "widgets", "--clusterrole=widgets", "--user=joe", "--namespace=lab")
    kubectl("create", "clusterrole", "crds", "--verb=list", "--resource=customresourcedefinitions.apiextensions.k8s.io")
    kubectl("create", "clusterrolebinding", "crds", "--clusterrole=crds", "--user=joe")
    joe = filled.sandbox.user_kubeconfig("joe")
    plain = filled.write("plain.json", POLICIES[3])
    run = filled.run("scan", "--cluster", "--policies", plain, "-n", "lab", kubeconfig=joe)
    assert run.code == 0, run.out
    assert "warning: namespaces: forbidden" in run.out
    selective = filled.write("selective.json", POLICIES[4])
    run = filled.run("scan", "--cluster", "--policies", selective, "-n", "lab", "-o", "json", kubeconfig=joe)
    assert (run.code, run.json["summary"]["error"]) == (3, 2)
    run = filled.run("scan", "--cluster", "--policies", plain, "-o", "json", kubeconfig=joe)
    assert run.code == 3
    assert any("widgets" in each.get("grant", "") for each in run.json["coverage"])
    run = filled.run("scan", "--cluster", "--policies", plain, "-n", "nowhere")
    assert (run.code, "there is no namespace nowhere" in run.out) == (3, True)


def test_a_server_that_goes_away(filled: Place) -> None:
    """After the first kind: what it had is judged, the others are named."""
    filled.define(make_crd("Acorn", versions=("v1",)))
    filled.apply(widget("first", kind="Acorn", size=9))
    everything = policy("all", [{"cel": "object.spec.size < 5"}], resources=("*",))
    policies = filled.write("policies.json", everything)
    url = filled.sandbox.record.url
    with Proxy("127.0.0.1", urlsplit(url).port or 0) as proxy:
        through = filled.folder / "through.kubeconfig"
        through.write_text(filled.sandbox.kubeconfig.read_text().replace(url, proxy.url))

        def judge(*arguments: Any) -> Verdict:
            proxy.refuse()
            proxy.cut()
            return judge_stored(*arguments)

        with mock.patch.object(sweep, "judge_stored", judge):
            run = filled.run("scan", "--cluster", "--policies", policies, "-o", "json", kubeconfig=through)
    assert run.code == 3
    assert [each["resource"]["name"] for each in run.json["findings"]] == ["first"]
    (unread,) = [each for each in run.json["coverage"] if each.get("resource") == f"widgets.{GROUP}"]
    assert unread["evaluated"] is False
    filled.sandbox.kubectl("delete", "crd", f"acorns.{GROUP}", "--wait=false")


def test_objects_are_counted_without_reading_them(filled: Place) -> None:
    with connect(Settings(kubeconfig=str(filled.sandbox.kubeconfig))).transport as transport:
        client = Client(transport)
        widgets = Resource(GROUP, "v1", "widgets", "Widget", namespaced=True)
        there = len(list(client.list(widgets)))
        assert count(client, widgets) == there >= len(OBJECTS)
        assert count(client, widgets, ["lab"]) == 2
        assert count(client, Resource(GROUP, "v1", "nowheres", "Nowhere", namespaced=True)) == 0
