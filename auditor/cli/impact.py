"""`auditor impact`: what a policy or a CRD would do, before it does."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from auditor.cli.cluster import Cluster, cluster_options
from auditor.cli.suggestions import complete_kinds
from auditor.errors import UsageError

if TYPE_CHECKING:
    from auditor.cli.progress import ShownProgress
    from auditor.intake.once.basis import Ground, Rules
    from auditor.report.impact import Foreseen

CLEAN, REFUSES, INCOMPLETE, INTERRUPTED = 0, 1, 3, 130


@click.command("impact")
@click.argument("paths", metavar="[POLICY-FILE...]", nargs=-1, type=click.Path(readable=False))
@click.option(
    "--decisions",
    metavar="FILE",
    type=click.Path(readable=False),
    help="A decision log of the webhook: what would have been refused of what was admitted then.",
)
@click.option(
    "--crd",
    "crds",
    metavar="FILE",
    multiple=True,
    type=click.Path(readable=False),
    help="A changed CRD: what it does to its objects.",
)
@click.option("--offline", is_flag=True, help="With --decisions: ask no cluster. Lookups and namespaces are not known.")
@click.option(
    "--kind",
    "kinds",
    metavar="KIND",
    multiple=True,
    shell_complete=complete_kinds,
    help="This kind only, as kubectl names it. Repeatable.",
)
@click.option("-n", "--namespace", "namespaces", metavar="NAME", multiple=True, help="In this only. Repeatable.")
@click.option(
    "-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True, help="The format."
)
@cluster_options
def command(
    paths: tuple[str, ...],
    decisions: str | None,
    crds: tuple[str, ...],
    offline: bool,
    kinds: tuple[str, ...],
    namespaces: tuple[str, ...],
    output: str,
    cluster: Cluster,
) -> int:
    """What candidate policies would do to the objects in a cluster, compared with those of the same names there now.

    With --decisions also what they would have said of admissions that the webhook has logged. With --crd what a changed
    CRD would do to the objects that are stored: make them invalid, drop fields, strand them in a version that goes. The
    cluster is only read.

    Exit code 0: nothing would be refused or lost; 1: something would be; 2: a mistake in what was given; 3: something
    could not be judged.
    """
    from auditor.report.impact import json, table

    if not paths and not crds:
        raise UsageError("name files with candidate policies (POLICY-FILE...), or a changed CRD by --crd FILE")
    if decisions is not None and not paths:
        raise UsageError("--decisions are judged again by candidate policies: name their files (POLICY-FILE...)")
    if offline and (decisions is None or crds or kinds or namespaces):
        raise UsageError("--offline is for --decisions alone: all else is about the objects in a cluster")
    if offline and decisions is not None:
        found, interrupted = _replay_offline(paths, decisions), False
    else:
        found, interrupted = _ask_cluster(cluster, paths, decisions, crds, kinds, namespaces)
    click.echo((json if output == "json" else table).write(found), nl=False)
    if interrupted:
        return INTERRUPTED
    return INCOMPLETE if found.incomplete else REFUSES if found.refuses else CLEAN


def _replay_offline(paths: Sequence[str], decisions: str) -> "Foreseen":
    from auditor.intake.impact.cluster import CatalogResources
    from auditor.intake.impact.decisions import GivenOnly, find_denied, read_log, replay
    from auditor.intake.prepare import prepare
    from auditor.model.world import World
    from auditor.report.impact import Foreseen

    prepared = prepare(paths)
    again = replay(
        read_log(decisions),
        prepared.engine,
        denied=find_denied(read_log(decisions)),
        world=World(
            objects=GivenOnly([item.thing for item in prepared.loaded.objects]), exceptions=prepared.loaded.exceptions
        ),
        namespaces={},
        resources=CatalogResources(prepared.catalog),
        time=datetime.now(UTC),
    )
    return Foreseen(decisions=again)


def _ask_cluster(
    cluster: Cluster,
    paths: Sequence[str],
    decisions: str | None,
    crds: Sequence[str],
    kinds: Sequence[str],
    namespaces: Sequence[str],
) -> tuple["Foreseen", bool]:
    """What was found, and whether somebody lost patience."""
    from auditor.cli.progress import ShownProgress
    from auditor.intake.impact.cluster import compare_crd, load_crds
    from auditor.intake.once.basis import read_ground, rules_of_cluster
    from auditor.report.impact import Foreseen

    definitions = load_crds(crds) if crds else []
    client = cluster.connect("impact")
    found, time, progress = Foreseen(), datetime.now(UTC), ShownProgress()
    with client.transport:
        ground = read_ground(client, namespaces)
        present = rules_of_cluster(ground, time, empty=True)
        try:
            if paths:
                _compare(found, ground, present, paths, decisions, kinds, namespaces, time, progress)
            for definition in definitions:
                compare_crd(ground, definition, present.conversions, tell=found.crds.append)
        except KeyboardInterrupt:
            return found, True
        finally:
            progress.close()
    return found, False


def _compare(
    found: "Foreseen",
    ground: "Ground",
    present: "Rules",
    paths: Sequence[str],
    decisions: str | None,
    kinds: Sequence[str],
    namespaces: Sequence[str],
    time: datetime,
    progress: "ShownProgress",
) -> None:
    from dataclasses import replace

    from auditor.intake.impact.cluster import ClusterResources
    from auditor.intake.impact.decisions import find_denied, read_log, replay
    from auditor.intake.impact.policies import compare_policies, join_rules, start
    from auditor.intake.once.basis import engine_of, make_basis, rules_of_files
    from auditor.intake.once.sweep import count_objects
    from auditor.intake.once.targets import choose
    from auditor.model.match import Kinds
    from auditor.model.request import Operation

    candidate = rules_of_files(paths, ground, time)
    choice = replace(choose(ground.discovery, kinds, namespaces), operations=(Operation.CREATE, Operation.UPDATE))
    basis = make_basis(ground, join_rules(present, candidate), choice=choice, time=time)
    found.policies = start(candidate.policies, present.policies)
    shown = progress.of(lambda: count_objects(basis))
    compare_policies(basis, found.policies, candidate.policies, progress=shown)
    if decisions is not None:
        kinds_at_the_door = Kinds(custom=ground.match_kinds.custom, scopes=ground.match_kinds.scopes)
        found.decisions = replay(
            read_log(decisions),
            engine_of(candidate.policies, ground),
            denied=find_denied(read_log(decisions)),
            world=replace(basis.world, kinds=kinds_at_the_door),
            namespaces=ground.namespaces,
            resources=ClusterResources(ground.discovery, ground.kinds),
            time=time,
        )
