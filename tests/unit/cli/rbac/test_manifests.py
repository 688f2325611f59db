"""What `auditor rbac` writes: YAML that Kubernetes takes, each rule with its reason, and no more than is needed."""

import itertools
from typing import Any

import pytest
import yaml

from auditor.cli.rbac.granted import read_rule
from auditor.cli.rbac.installed import Installed, find_secrets, read_files
from auditor.cli.rbac.manifests import write
from auditor.cli.rbac.parts import PARTS, RUNNING, Part, Release, make_parts
from auditor.intake.packs.folder import pack_names
from auditor.json import JsonObject
from auditor.model.rights import Right
from auditor.model.settings import AuditSettings, Reading, ReportApi

ACCOUNTS = {part: f"auditor-{part}" for part in RUNNING}
NAMED = [name for name in pack_names() if name != "common"]  # which is about every group
ONE = read_files((), ("databasecluster",))


def make_release(**more: Any) -> Release:
    return Release(accounts=ACCOUNTS, **{"reports": frozenset({ReportApi.OPENREPORTS}), **more})


def make(installed: Installed = ONE, **more: Any) -> list[Part]:
    return make_parts(PARTS, make_release(**more), installed)


def read(parts: list[Part], *, derived_only: bool = False, **more: Any) -> list[JsonObject]:
    text = write(parts, make_release(**more), derived_only=derived_only)
    return [each for each in yaml.safe_load_all(text) if each]


def rules_of(documents: list[JsonObject], component: str) -> set[Right]:
    """Of all its roles, without reasons."""
    return {
        right
        for each in documents
        if each["metadata"]["labels"]["app.kubernetes.io/component"] == component
        for rule in each.get("rules") or ()
        for right in read_rule(rule, each["metadata"].get("namespace", ""))
    }


def plain(right: Right) -> Right:
    return Right(
        group=right.group,
        resources=right.resources,
        verbs=right.verbs,
        names=right.names,
        namespace=right.namespace,
    )


VARIANTS: tuple[dict[str, Any], ...] = (
    {},
    {"share": True},
    {"brought": False},
    {"own_certificates": False, "quiet": ("webhook", "watch")},
    {"crd_impact": True, "report_crds": True},
    {"history": False, "tokens": False},
    {"reports": frozenset({ReportApi.WGPOLICY})},
    {"reports": frozenset()},
    {"objects": True},
)


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_the_manifests_are_the_rights(variant: dict[str, Any]) -> None:
    parts = make(**variant)
    documents = read(parts, **variant)
    for part in parts:
        assert rules_of(documents, part.name) == set(map(plain, part.rights))
        assert all(right.why for right in part.rights)


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
@pytest.mark.parametrize("reading", Reading)
def test_nothing_is_wide(variant: dict[str, Any], reading: Reading) -> None:
    """But for reading whole groups, where that was asked for."""
    installed = Installed(policies=ONE.policies, customs=ONE.customs, settings=AuditSettings(reading=reading))
    for right in itertools.chain.from_iterable(part.rights for part in make(installed, **variant)):
        assert "*" not in (*right.verbs, right.group)
        if "*" in right.resources:
            assert reading is Reading.ALL
            assert set(right.verbs) <= {"get", "list", "watch"}
        if set(right.resources) & {"secrets", "clusterroles", "validatingwebhookconfigurations"}:
            assert right.names or set(right.verbs) == {"create"}
        if right.resources == ("secrets",):
            assert right.namespace == "auditor-system"
        assert not set(right.verbs) & {"deletecollection", "impersonate", "bind", "escalate"}


def test_reading_writes_nothing() -> None:
    """Outside of our own group, of reports, Events and Leases only what is ours by name is written."""
    ours = {"auditor.dev", "openreports.io", "events.k8s.io", "coordination.k8s.io", "authentication.k8s.io"}
    for right in itertools.chain.from_iterable(part.rights for part in make()):
        if set(right.verbs) - {"get", "list", "watch"} and right.group not in {*ours, "authorization.k8s.io"}:
            assert right.names


def test_every_role_is_bound_or_aggregated() -> None:
    documents = read(make())
    bound = {each["roleRef"]["name"] for each in documents if each["kind"].endswith("Binding")}
    for each in documents:
        name, labels = each["metadata"]["name"], each["metadata"]["labels"]
        extends = [label for label in labels if label.startswith("auditor.dev/aggregate-to-")]
        if each["kind"].endswith("Role") and labels["app.kubernetes.io/component"] != "scan":
            assert (name in bound) is not bool(extends)
        if each["kind"].endswith("Binding"):
            assert each["subjects"][0]["namespace"] == "auditor-system"
        if "aggregationRule" in each:
            assert "rules" not in each  # the API server fills them in
            (selector,) = each["aggregationRule"]["clusterRoleSelectors"]
            (found,) = [
                other
                for other in documents
                if other is not each and selector["matchLabels"].items() <= other["metadata"]["labels"].items()
            ]
            assert found["metadata"]["name"] == name.replace("-extended", "-derived")


def test_only_what_is_derived_leaves_the_rest_alone() -> None:
    installed = Installed(policies=ONE.policies, customs=ONE.customs, conversions=("a.b",), secrets=("mail",))
    documents = read(make(installed), derived_only=True)
    assert [(each["kind"], each["metadata"]["name"]) for each in documents] == [
        ("ClusterRole", "auditor-webhook-derived"),
        ("ClusterRole", "auditor-watch-derived"),
        ("Role", "auditor-watch-derived"),
        ("RoleBinding", "auditor-watch-derived"),
        ("ClusterRole", "auditor-dashboard-derived"),
    ]
    (role,) = [each for each in documents if each["kind"] == "Role"]
    assert role["rules"] == [{"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["mail"], "verbs": ["get"]}]


def test_other_names() -> None:
    release = Release(name="yes", namespace="on", accounts={"watch": "123"}, reports=frozenset())
    text = write(make_parts(("watch",), release, ONE), release)
    found = [each for each in yaml.safe_load_all(text) if each["kind"] == "RoleBinding"]
    assert found[0]["subjects"] == [{"kind": "ServiceAccount", "name": "123", "namespace": "on"}]
    assert found[0]["metadata"] | {"labels": 0} == {"name": "yes-watch", "namespace": "on", "labels": 0}


@pytest.mark.parametrize("name", NAMED)
def test_each_pack_reads_its_kinds_and_no_others(name: str) -> None:
    installed = read_files((), (name,))
    watch = next(part for part in make(installed) if part.name == "watch")
    groups = {
        group for policy in installed.policies for match in policy.matches for r in match.rules for group in r.groups
    }
    groups |= {lookup.group for policy in installed.policies for lookup in policy.lookups}
    assert {each.group for each in watch.derived if each.verbs != ("get",)} <= groups
    assert watch.derived


def test_secrets_are_found_wherever_they_stand() -> None:
    spec = {
        "deliveries": [
            {"email": {"credentials": {"secret": "mail"}}},
            {"webhook": {"urlFrom": {"secret": "chat", "key": "url"}, "headers": [{"valueFrom": {"secret": "more"}}]}},
        ]
    }
    assert sorted(find_secrets(spec)) == ["chat", "mail", "more"]
