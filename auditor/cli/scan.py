"""`auditor scan`: judge the objects in files, or those that a cluster has."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from auditor.cli.cluster import Cluster, cluster_options
from auditor.errors import UsageError
from auditor.json import JsonObject

if TYPE_CHECKING:
    from auditor.intake.scan import Scan

CLEAN, FINDINGS, INCOMPLETE, INTERRUPTED = 0, 1, 3, 130


@click.command("scan")
@click.argument("paths", metavar="[PATH...]", nargs=-1)
@click.option(
    "--policies",
    metavar="PATH",
    multiple=True,
    help="Policies, ours or native. Default: our own packs; of a cluster those in it.",
)
@click.option("--crds", metavar="PATH", multiple=True, help="CRDs of the objects: their defaults are filled in.")
@click.option(
    "-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True, help="The format."
)
@click.option(
    "--fail-on",
    type=click.Choice(["critical", "high", "medium", "low", "info"]),
    default="low",
    show_default=True,
    help="The least severity that makes exit code 1.",
)
@click.option(
    "--namespace-labels",
    metavar="NAME:KEY=VALUE,...",
    multiple=True,
    help="The labels of a namespace that is not among the objects, for namespaceSelectors.",
)
@click.option("--include-passes", is_flag=True, help="Tell of each rule that passed, too.")
@click.option("--cluster", "in_cluster", is_flag=True, help="Judge what is stored in a cluster, not files.")
@click.option(
    "--kind",
    "kinds",
    metavar="KIND",
    multiple=True,
    help="With --cluster, this kind only, as kubectl names it: widgets.example.com. Repeatable.",
)
@click.option(
    "-n", "--namespace", "namespaces", metavar="NAME", multiple=True, help="With --cluster, in this only. Repeatable."
)
@click.option("--checks", is_flag=True, help="With --cluster, ask the built-in drift checks, too.")
@cluster_options
def command(
    paths: tuple[str, ...],
    policies: tuple[str, ...],
    crds: tuple[str, ...],
    output: str,
    fail_on: str,
    namespace_labels: tuple[str, ...],
    include_passes: bool,
    in_cluster: bool,
    kinds: tuple[str, ...],
    namespaces: tuple[str, ...],
    checks: bool,
    cluster: Cluster,
) -> int:
    """Judge the objects in files, directories or standard input (-), as the webhooks would judge them.

    Each object is judged as one that is created, after the defaults of its CRD and the mutations of the policies; an
    AdmissionReview as what it asks. The other objects are what lookups, params and namespaceSelectors see.

    With --cluster the objects in a cluster are judged, as they are stored, by the policies in it or by those of
    --policies. It is only read: get and list are all that is needed. With --checks also drift is found
    that no policy is about (docs/checks.md).

    Exit code 0: clean; 1: findings; 2: a mistake in a policy or in the command; 3: something could not be judged.
    """
    from auditor.report.formats import FORMATS

    _check_usage(
        paths,
        in_cluster=in_cluster,
        of_files=(*crds, *namespace_labels),
        of_cluster=bool(kinds or namespaces or checks),
    )
    if in_cluster:
        result, interrupted = _scan_cluster(cluster, policies, kinds, namespaces, passes=include_passes, checks=checks)
    else:
        result, interrupted = _scan_files(paths, policies, crds, namespace_labels, passes=include_passes), False
    click.echo(FORMATS[output](result), nl=False)
    if interrupted:
        return INTERRUPTED
    return INCOMPLETE if result.incomplete else _rate(result, fail_on)


def _check_usage(paths: tuple[str, ...], *, in_cluster: bool, of_files: tuple[str, ...], of_cluster: bool) -> None:
    if in_cluster and (paths or of_files):
        raise UsageError("with --cluster the objects, CRDs and namespaces are those of the cluster: name no files")
    if not in_cluster and not paths:
        raise UsageError("name files with objects (PATH...), or --cluster")
    if not in_cluster and of_cluster:
        raise UsageError("--kind, --namespace and --checks go with --cluster")


def _scan_files(
    paths: tuple[str, ...],
    policies: tuple[str, ...],
    crds: tuple[str, ...],
    namespace_labels: tuple[str, ...],
    *,
    passes: bool,
) -> "Scan":
    from auditor.intake.packs import packs_directory
    from auditor.intake.scan import prepare, scan

    prepared = prepare(policies or (str(packs_directory()),), crds)
    namespaces = dict(_read_namespace(each) for each in namespace_labels)
    return scan(paths, prepared, time=datetime.now(UTC), passes=passes, namespaces=namespaces)


def _scan_cluster(
    cluster: Cluster,
    policies: tuple[str, ...],
    kinds: tuple[str, ...],
    namespaces: tuple[str, ...],
    *,
    passes: bool,
    checks: bool,
) -> tuple["Scan", bool]:
    """What was found, and whether somebody lost patience."""
    from dataclasses import replace

    from auditor.cli.progress import ShownProgress
    from auditor.engine.engine import Engine
    from auditor.intake.once.basis import make_basis, read_ground, rules_of_cluster, rules_of_files
    from auditor.intake.once.sweep import count_objects, scan_cluster
    from auditor.intake.once.targets import choose
    from auditor.intake.scan import Scan

    progress, interrupted = ShownProgress(), False
    time = datetime.now(UTC)
    client = cluster.connect("scan")
    with client.transport:
        ground = read_ground(client, namespaces)
        choice = replace(choose(ground.discovery, kinds, namespaces), every_kind=checks)
        rules = rules_of_files(policies, ground, time) if policies else rules_of_cluster(ground, time)
        basis = make_basis(ground, rules, choice=choice, time=time)
        result = Scan(Engine.of(rules.policies, schemas=ground.schemas), passes)
        try:
            scan_cluster(basis, result, checks=checks, progress=progress.of(lambda: count_objects(basis)))
        except KeyboardInterrupt:
            interrupted = True
        finally:
            progress.close()
    return result, interrupted


def _rate(result: "Scan", fail_on: str) -> int:
    from auditor.model.finding import Result
    from auditor.model.policy import Severity

    worst = Severity(fail_on).rank
    bad = (f for _, f in result.findings() if f.result in (Result.FAIL, Result.WARN))
    return FINDINGS if any(finding.severity.rank <= worst for finding in bad) else CLEAN


def _read_namespace(text: str) -> tuple[str, JsonObject]:
    name, colon, labels = text.partition(":")
    pairs = [pair.partition("=") for pair in labels.split(",") if pair]
    if not name or not colon or not all(key and sign for key, sign, _ in pairs):
        raise click.BadParameter(f"{text!r} is not NAME:KEY=VALUE,KEY=VALUE", param_hint="--namespace-labels")
    metadata = {"name": name, "labels": {key: value for key, _, value in pairs}}
    return name, {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
