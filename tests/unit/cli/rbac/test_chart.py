"""The roles of the chart are those of the program, whatever its values are: a person wrote both."""

import functools
from typing import Any

import pytest
import yaml

from auditor.cli.rbac.installed import Installed
from auditor.cli.rbac.parts import Release, make_parts
from auditor.json import JsonObject
from auditor.model.rights import FOLLOW, READ, Right
from auditor.model.settings import ReportApi
from auditor.webhooks.rights import list_conversion_rights
from tests.unit.cli.rbac.test_manifests import plain, rules_of
from tests.unit.deploy.generated import render

DASHBOARD = ("dashboard.enabled=true", "dashboard.publicUrl=https://auditor.example.com")
POSTGRES = ("database.existingSecret=history",)
BOTH = frozenset({ReportApi.OPENREPORTS, ReportApi.WGPOLICY})
CASES: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    ((), {}),
    (DASHBOARD, {}),
    ((*DASHBOARD, *POSTGRES), {}),
    ((*DASHBOARD, "dashboard.access=proxy", "dashboard.proxySecret=proxy"), {"tokens": False}),
    ((*POSTGRES, "watcher.share=true", "watcher.replicas=2"), {"share": True}),
    (("certificates.mode=secret", "certificates.existingSecret=tls"), {"own_certificates": False}),
    (("certificates.mode=cert-manager",), {"own_certificates": False}),
    (("watcher.events=false",), {"quiet": ("watch",)}),
    (("nameOverride=other",), {"name": "other"}),
    (('reportCrds.apis=["openreports.io", "wgpolicyk8s.io"]',), {"reports": BOTH}),
    (('reportCrds.apis=["wgpolicyk8s.io"]',), {"reports": frozenset({ReportApi.WGPOLICY})}),
)
NOTHING = Installed(policies=(), customs=())


@functools.cache
def render_roles(*values: str) -> str:
    """Without CRDs, which are long."""
    few = ("crds.install=false", "reportCrds.install=false")
    return render(
        *(word for each in (*few, *values) for word in ("--set-json" if each.endswith("]") else "--set", each))
    )


def read_chart(*values: str) -> list[JsonObject]:
    documents = yaml.load_all(render_roles(*values), Loader=yaml.CSafeLoader)
    return [each for each in documents if each and each["apiVersion"] == "rbac.authorization.k8s.io/v1"]


@pytest.mark.parametrize(("values", "chosen"), CASES)
def test_it_grants_what_the_program_needs(values: tuple[str, ...], chosen: dict[str, Any]) -> None:
    documents = read_chart(*values)
    release = Release(accounts={}, **{"reports": frozenset({ReportApi.OPENREPORTS}), **chosen})
    parts = ["webhook", "watch", *(["dashboard"] if DASHBOARD[0] in values else [])]
    for part in make_parts(parts, release, NOTHING):
        assert rules_of(documents, part.name) == set(map(plain, part.rights))
    assert {each["metadata"]["labels"]["app.kubernetes.io/component"] for each in documents} == set(parts)


def test_its_comments_are_the_reasons() -> None:
    text = render_roles(*DASHBOARD)
    release = Release(accounts={}, reports=frozenset({ReportApi.OPENREPORTS}))
    for part in make_parts(("webhook", "watch", "dashboard"), release, NOTHING):
        for right in part.rights:
            assert f"  # {right.why[:1].upper()}{right.why[1:]}." in text


def test_what_values_add() -> None:
    kinds = 'rbac.kinds=[{"group": "shop.example", "resources": ["jars"]}]'
    lookups = 'rbac.lookups=[{"group": "", "resources": ["configmaps"]}]'
    more = ('rbac.conversions=["jars.shop.example"]', 'rbac.secrets=["mail"]', "webhook.crdImpact=warn")
    before, after = read_chart(), read_chart(kinds, lookups, *more)
    jars, maps = ("shop.example", ("jars",)), ("", ("configmaps",))
    webhook = rules_of(after, "webhook") - rules_of(before, "webhook")
    assert webhook == {
        Right(group=maps[0], resources=maps[1], verbs=FOLLOW),
        Right(group=jars[0], resources=jars[1], verbs=("list",)),
        *map(plain, list_conversion_rights(("jars.shop.example",))),
    }
    watch = rules_of(after, "watch") - rules_of(before, "watch")
    assert watch == {
        Right(group=maps[0], resources=maps[1], verbs=FOLLOW),
        Right(group=jars[0], resources=jars[1], verbs=READ),
        Right(group="", resources=("secrets",), verbs=("get",), names=("mail",), namespace="auditor-system"),
    }


@pytest.mark.parametrize("values", [case[0] for case in CASES], ids=str)
def test_every_role_reaches_its_account(values: tuple[str, ...]) -> None:
    documents = read_chart(*values)
    bound = {
        (each["kind"].removesuffix("Binding"), each["roleRef"]["name"]): each["subjects"]
        for each in documents
        if each["kind"].endswith("Binding")
    }
    for each in documents:
        labels = each["metadata"]["labels"]
        if each["kind"].endswith("Role") and not any("aggregate-to" in label for label in labels):
            (subject,) = bound[each["kind"], each["metadata"]["name"]]
            part = labels["app.kubernetes.io/component"]
            alone = part != "dashboard" or POSTGRES[0] in values
            assert subject["name"].endswith(f"-{part if alone else 'watch'}")
            assert subject["namespace"] == "auditor-system"


def test_none_are_made_where_somebody_else_makes_them() -> None:
    assert read_chart("rbac.create=false", "webhook.owner=ClusterRole/somebody") == []
