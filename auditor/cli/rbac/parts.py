"""The parts of an installation, each with its account and its rights."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from auditor.audit.rights import WatcherPlace, list_delivery_rights, list_watcher_rights
from auditor.cli.rbac.installed import Installed
from auditor.dashboard.rights import list_dashboard_rights, list_object_rights
from auditor.intake.once.rights import list_scan_rights
from auditor.intake.reach import Reach, find_reach, list_lookups, list_reading, list_scanned
from auditor.model.policy import Policy
from auditor.model.rights import Right
from auditor.model.settings import ReportApi
from auditor.webhooks.certificates.own import DEFAULT_NAME
from auditor.webhooks.rights import DoorPlace, list_conversion_rights, list_door_rights

RUNNING = ("webhook", "watch", "dashboard")
"""Those that a release runs; `scan` is for who runs `auditor scan --cluster`."""
PARTS = (*RUNNING, "scan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What the chart, or a person, has chosen, as far as rights depend on it."""

    name: str = "auditor"
    """Before all names; that of the webhook configurations."""
    namespace: str = "auditor-system"
    accounts: Mapping[str, str]
    """By part. Two parts in one pod have one account."""
    reports: frozenset[ReportApi]
    report_crds: bool = False
    share: bool = False
    quiet: tuple[str, ...] = ()
    """Parts that are run with --no-events."""
    history: bool = True
    own_certificates: bool = True
    brought: bool = True
    """Leases and Secret are there, as the chart has them."""
    crd_impact: bool = False
    tokens: bool = True
    objects: bool = False
    """The dashboard shows the objects of findings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    name: str
    account: str
    """Empty: nobody is bound."""
    fixed: tuple[Right, ...]
    """These follow from how it is run."""
    derived: tuple[Right, ...] = ()
    """These follow from policies, Conversions and ReportSchedules, and change with them."""
    extended: bool = False
    """These have roles of their own, which may be written anew at any time."""

    @property
    def rights(self) -> tuple[Right, ...]:
        return (*self.fixed, *self.derived)


def make_parts(names: Iterable[str], release: Release, installed: Installed) -> list[Part]:
    ours = [each for each in installed.policies if not each.native]
    reach = _reach(installed.policies, installed)
    makers = {
        "webhook": lambda: _webhook(release, installed, _reach(ours, installed), reach),
        "watch": lambda: _watch(release, installed, reach),
        "dashboard": lambda: _dashboard(release, installed, reach),
        "scan": lambda: Part(
            name="scan",
            account=release.accounts.get("scan", ""),
            fixed=list_scan_rights(),
            derived=list_scanned(reach),
        ),
    }
    return [makers[name]() for name in names]


def find_open(installed: Installed) -> Sequence[str]:
    """Policies whose kinds cannot be told without a cluster."""
    return _reach(installed.policies, installed).open


def _reach(policies: Iterable[Policy], installed: Installed) -> Reach:
    return find_reach(policies, installed.customs, whole=installed.whole, plurals=installed.plurals)


def _webhook(release: Release, installed: Installed, ours: Reach, reach: Reach) -> Part:
    place = DoorPlace(
        namespace=release.namespace,
        name=release.name,
        owner=f"{release.name}-webhook",
        secret=DEFAULT_NAME if release.own_certificates else "",
        events="webhook" not in release.quiet,
        brought=release.brought,
    )
    derived = (*list_conversion_rights(installed.conversions), *list_lookups(ours))
    if release.crd_impact:
        told = "whether stored objects fit an updated CRD (--crd-impact)"
        listed = _list_judged(installed, reach)
        derived = (*derived, *(replace(each, verbs=("list",), why=told) for each in listed))
    return Part(
        name="webhook",
        account=release.accounts.get("webhook", ""),
        fixed=list_door_rights(place),
        derived=derived,
        extended=True,
    )


def _watch(release: Release, installed: Installed, reach: Reach) -> Part:
    place = WatcherPlace(
        namespace=release.namespace,
        reports=release.reports,
        report_crds=release.report_crds,
        events="watch" not in release.quiet,
        brought=release.brought,
        share=release.share,
        history=release.history,
    )
    return Part(
        name="watch",
        account=release.accounts.get("watch", ""),
        fixed=list_watcher_rights(place),
        derived=(
            *list_reading(reach, installed.settings, installed.customs),
            *list_delivery_rights(installed.secrets, namespace=release.namespace),
        ),
        extended=True,
    )


def _dashboard(release: Release, installed: Installed, reach: Reach) -> Part:
    derived: tuple[Right, ...] = ()
    if release.objects:
        why = "the objects of findings, for those who may get them themselves (--objects)"
        judged = _list_judged(installed, reach)
        derived = (*list_object_rights(), *(replace(each, verbs=("get",), why=why) for each in judged))
    return Part(
        name="dashboard",
        account=release.accounts.get("dashboard", ""),
        fixed=list_dashboard_rights(tokens_asked=release.tokens),
        derived=derived,
        extended=True,
    )


def _list_judged(installed: Installed, reach: Reach) -> tuple[Right, ...]:
    return list_reading(replace(reach, looked_up={}), installed.settings, installed.customs)
