"""`auditor rbac`: the rights that an installation needs, as manifests, or held against what it has."""

from collections.abc import Mapping, Sequence, Set
from typing import TYPE_CHECKING

import click

from auditor.cli.cluster import Cluster, cluster_options
from auditor.errors import UsageError

if TYPE_CHECKING:
    from auditor.cli.rbac.installed import Installed
    from auditor.cli.rbac.parts import Part, Release
    from auditor.model.settings import AuditSettings, ReportApi

CLEAN, DIFFERENT, INCOMPLETE = 0, 1, 3
PARTS = ("webhook", "watch", "dashboard", "scan")
OPTIONAL = "dashboard"
"""An installation may do without."""


@click.command("rbac")
@click.option(
    "--part",
    "parts",
    multiple=True,
    type=click.Choice(PARTS),
    help="Only for this part; repeatable. Default: webhook, watch and dashboard; scan is `auditor scan --cluster`.",
)
@click.option("--policies", multiple=True, metavar="PATH", help="By the policies and CRDs in these files; repeatable.")
@click.option("--packs", multiple=True, metavar="NAME", help="By a pack; repeatable. Default: what is in the cluster.")
@click.option(
    "--derived-only", is_flag=True, help="Only what follows from policies: it extends the roles of the chart."
)
@click.option("--check", is_flag=True, help="Tell what the accounts in the cluster lack, and what they have too much.")
@click.option("--namespace", default="auditor-system", show_default=True, help="Ours: of the ServiceAccounts.")
@click.option("--name", default="auditor", show_default=True, help="Before all names, as nameOverride of the chart.")
@click.option(
    "--service-account",
    "accounts",
    multiple=True,
    metavar="PART=NAME",
    help="Of a part; repeatable. Default: NAME-PART; for scan, nobody.",
)
@click.option(
    "--reading",
    type=click.Choice(["listed", "all"]),
    help="The kinds that policies name, or all groups of CRDs. Default: what the AuditConfig says; listed.",
)
@click.option(
    "--reports",
    type=click.Choice(["openreports", "wgpolicyk8s", "none"]),
    help="Which reports are written. Default: what the AuditConfig says; openreports.",
)
@click.option("--report-crds", is_flag=True, help="The watcher is run with --report-crds.")
@click.option("--share", is_flag=True, help="The watchers are run with --share.")
@click.option(
    "--no-events",
    "quiet",
    multiple=True,
    type=click.Choice(["webhook", "watch"]),
    help="This part is run with --no-events; repeatable.",
)
@click.option("--no-history", is_flag=True, help="The watcher is run with --no-history.")
@click.option("--without-chart", is_flag=True, help="Nobody brings the Leases and the Secret: they are to be made.")
@click.option("--crd-impact", is_flag=True, help="The webhook is run with --crd-impact.")
@click.option("--foreign-certificates", is_flag=True, help="The webhook is run with --certificates.")
@click.option(
    "--access", type=click.Choice(["token", "proxy"]), default="token", show_default=True, help="Dashboard's."
)
@click.option("--objects", is_flag=True, help="The dashboard shows the objects of findings.")
@click.option("--secret", "secrets", multiple=True, metavar="NAME", help="Of a delivery, if no ReportSchedule says it.")
@click.option("-o", "--output", type=click.Choice(["yaml", "text", "json"]), help="Default: yaml; with --check text.")
@cluster_options
def command(
    *,
    parts: tuple[str, ...],
    policies: tuple[str, ...],
    packs: tuple[str, ...],
    derived_only: bool,
    check: bool,
    namespace: str,
    name: str,
    accounts: tuple[str, ...],
    reading: str | None,
    reports: str | None,
    report_crds: bool,
    share: bool,
    quiet: tuple[str, ...],
    no_history: bool,
    without_chart: bool,
    crd_impact: bool,
    foreign_certificates: bool,
    access: str,
    objects: bool,
    secrets: tuple[str, ...],
    output: str | None,
    cluster: Cluster,
) -> int:
    """Derive the rights of an installation from its policies: exactly those, each with its reason.

    Writes manifests for `kubectl apply -f -`. What is read follows from the policies in the cluster, or in the files
    and packs that are named; the rest follows from how the parts are run, which the options say.

    With --check, reads all that is bound to the accounts, by whomever, and tells the difference. Which account a part
    has is found by its binding; of a dashboard that has none nothing is said.

    Exit code 0: done, or no difference; 1: with --check, something is missing or too much; 2: a mistake in the command
    or in a file; 3: something could not be read, so that rights may be missing.
    """
    from dataclasses import replace

    from auditor.cli.rbac.installed import read_cluster, read_files
    from auditor.cli.rbac.parts import RUNNING, Release, find_open, make_parts
    from auditor.model.settings import Reading

    if check and (output == "yaml" or derived_only):
        raise UsageError("--check tells a difference: as text or json, and of all rights")
    if check and "scan" in parts and not any(each.startswith("scan=") for each in accounts):
        raise UsageError("--check --part scan: of which account? Add --service-account scan=NAME")
    if not check and output not in (None, "yaml"):
        raise UsageError(f"-o {output} belongs to --check; manifests are YAML")
    if policies or packs:
        installed = read_files(policies, packs)
    else:
        client = cluster.connect("rbac")
        with client.transport:
            installed = read_cluster(client, namespace=namespace, service=f"{name}-webhook")
    if reading is not None:
        installed = replace(installed, settings=replace(installed.settings, reading=Reading(reading)))
    installed = replace(installed, secrets=tuple(sorted({*installed.secrets, *secrets})))
    chosen = tuple(dict.fromkeys(parts)) or RUNNING
    made = Release(
        name=name,
        namespace=namespace,
        accounts=_name_accounts(chosen, accounts, name),
        reports=_choose_reports(reports, installed.settings),
        report_crds=report_crds,
        share=share,
        quiet=quiet,
        history=not no_history,
        own_certificates=not foreign_certificates,
        brought=not without_chart,
        crd_impact=crd_impact,
        tokens=access == "token",
        objects=objects,
    )
    found = make_parts(chosen, made, installed)
    if check:
        code = _check(found, made, {each.partition("=")[0] for each in (*parts, *accounts)}, cluster, output or "text")
    else:
        code = _show(found, made, derived_only=derived_only)
    return INCOMPLETE if _tell_unread(installed, find_open(installed)) else code


def _name_accounts(parts: Sequence[str], given: Sequence[str], prefix: str) -> Mapping[str, str]:
    found = {part: f"{prefix}-{part}" for part in parts if part != "scan"}
    for each in given:
        part, is_there, name = each.partition("=")
        if part not in PARTS or not is_there or not name:
            raise UsageError(f"--service-account {each}: write PART=NAME, with one of {', '.join(PARTS)}")
        found[part] = name
    return found


def _choose_reports(given: str | None, settings: "AuditSettings") -> "frozenset[ReportApi]":
    from auditor.model.settings import ReportApi

    chosen = ReportApi(given) if given is not None else settings.reports.api
    return frozenset({chosen} - {ReportApi.NONE})


def _show(parts: "Sequence[Part]", release: "Release", *, derived_only: bool) -> int:
    from auditor.cli.rbac.manifests import write

    click.echo(write(parts, release, derived_only=derived_only), nl=False)
    return CLEAN


def _check(parts: "Sequence[Part]", release: "Release", asked: Set[str], cluster: Cluster, output: str) -> int:
    """`asked`: parts that were named. Of the others it is found out whether they are there, and by which account."""
    from dataclasses import replace

    from auditor.cli.rbac.difference import compare, say, to_json
    from auditor.cli.rbac.granted import Granted
    from auditor.intake.printable import write_json

    client, there = cluster.connect("rbac"), []
    with client.transport:
        granted = Granted(client)
        for part in parts:
            account = part.account if part.name in asked else granted.account_of(f"{release.name}-{part.name}")
            if account or part.name != OPTIONAL:
                there.append(replace(part, account=account or part.account))
            else:
                click.echo(f"{part.name}: not looked at, as nothing is bound for it", err=True)
        found = compare(there, granted, release.namespace)
    if output == "json":
        click.echo(write_json(to_json(found, release.namespace)))
    else:
        for line in say(found, release.namespace):
            click.echo(line)
    return CLEAN if all(each.clean for each in found) else DIFFERENT


def _tell_unread(installed: "Installed", open_ended: Sequence[str]) -> bool:
    """Whether rights may be missing."""
    for each in installed.unread:
        click.echo(f"not taken into account: {each}", err=True)
    for name in open_ended:
        click.echo(
            f"not taken into account: Policy {name} is about every group, and which there are only a cluster knows: "
            "leave out --policies and --packs there",
            err=True,
        )
    return bool(installed.unread or open_ended)
