"""`auditor scan`: judge the objects in files, or those that a cluster has."""

import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from auditor.cli.cluster import Cluster, cluster_options
from auditor.cli.outputs import Output, OutputType, check_outputs, write_file, write_outputs
from auditor.cli.scanoptions import ScanOptions, scan_options

if TYPE_CHECKING:
    from auditor.intake.found import Scan
    from auditor.intake.portions import Files
    from auditor.report.baseline import Baseline, Comparison
    from auditor.report.results import Results

CLEAN, FINDINGS, INCOMPLETE, INTERRUPTED = 0, 1, 3, 130
TABLE = Output("table")


@click.command("scan")
@click.argument("paths", metavar="[PATH...]", nargs=-1, type=click.Path(readable=False))
@click.option(
    "-o",
    "--output",
    "outputs",
    metavar="FORMAT[=FILE]",
    type=OutputType(),
    multiple=True,
    help="table (default), json, yaml, sarif, junit, github, gitlab, markdown, html, csv or report, to standard output "
    "or to a file. Repeatable.",
)
@scan_options
@cluster_options
def command(paths: tuple[str, ...], outputs: tuple[Output, ...], options: ScanOptions, cluster: Cluster) -> int:
    """Judge the objects in files, directories or standard input (-), as the webhooks would judge them.

    Each object is judged as one that is created, after the defaults of its CRD and the mutations of the policies; an
    AdmissionReview as what it asks. The other objects are what lookups, params and namespaceSelectors see.

    With --cluster the objects in a cluster are judged, as they are stored, by the policies in it or by those of
    --policies. It is only read: get and list are all that is needed. With --checks also drift is found
    that no policy is about (docs/checks.md).

    Exit code 0: clean; 1: findings; 2: a mistake in a policy or in the command; 3: something could not be judged.
    """
    options.check(paths)
    outputs = outputs or (TABLE,)
    check_outputs(outputs, *([options.baseline] if options.write_baseline else []))
    before = _read_baseline(options)
    begun = time.monotonic()
    if options.in_cluster:
        found, interrupted = _scan_cluster(cluster, options)
    else:
        found, interrupted = _scan_files(paths, options)
    results = _make_results(found, before, options, seconds=time.monotonic() - begun)
    write_outputs(outputs, results)
    _tell_gaps(outputs, found)
    if interrupted:
        return INTERRUPTED
    return _rate(results, options)


def _scan_files(paths: tuple[str, ...], options: ScanOptions) -> tuple["Scan", bool]:
    """What was found, and whether somebody lost patience."""
    from auditor.cli.progress import ShownProgress
    from auditor.errors import InputError
    from auditor.intake.found import Scan
    from auditor.intake.load import read_items
    from auditor.intake.portions import Files
    from auditor.intake.prepare import PreparationError, prepare
    from auditor.intake.question import Question, read_user
    from auditor.intake.scan import scan
    from auditor.model.request import Operation

    files, interrupted = Files(paths), False
    try:
        files.read(exclude=options.exclude)
    except KeyboardInterrupt:  # what was read is judged, which is quick; who has no patience for that asks again
        interrupted = True
    policies = options.policies or _choose_packs(files)
    prepared = prepare(policies, options.crds, params=options.params, exceptions=options.exceptions)
    unreadable: list[InputError] = []
    question = Question(
        kinds=options.kinds,
        namespaces=options.namespaces,
        operation=Operation(options.operation) if options.operation else None,
        user=read_user(options.user) if options.user else None,
        old=list(read_items(options.old, unreadable)),
    )
    if unreadable:
        raise PreparationError(unreadable, [])
    result, progress = Scan(passes=options.include_passes), ShownProgress()
    try:
        scan(
            files,
            prepared,
            time=datetime.now(UTC),
            namespaces=dict(options.namespace_labels),
            question=question,
            into=result,
            progress=progress.advance,
        )
    except KeyboardInterrupt:
        interrupted = True
    finally:
        progress.close()
    if interrupted:
        result.unreadable.append(InputError("interrupted: the other objects were not judged"))
    return result, interrupted


def _choose_packs(files: "Files") -> Sequence[str]:
    from auditor.intake.packs.folder import files_about

    return files_about(files.mentioned)


def _scan_cluster(cluster: Cluster, options: ScanOptions) -> tuple["Scan", bool]:
    from dataclasses import replace

    from auditor.cli.progress import ShownProgress
    from auditor.engine.engine import Engine
    from auditor.intake.found import Scan
    from auditor.intake.once.basis import make_basis, read_ground, rules_of_cluster, rules_of_files
    from auditor.intake.once.sweep import count_objects, scan_cluster
    from auditor.intake.once.targets import choose

    progress, interrupted = ShownProgress(), False
    time = datetime.now(UTC)
    client = cluster.connect("scan")
    with client.transport:
        ground = read_ground(client, options.namespaces)
        choice = replace(choose(ground.discovery, options.kinds, options.namespaces), every_kind=options.checks)
        if options.policies:
            rules = rules_of_files(options.policies, ground, time)
        else:
            rules = rules_of_cluster(ground, time, empty=options.checks)
        basis = make_basis(ground, rules, choice=choice, time=time)
        result = Scan(engine=Engine.of(rules.policies, schemas=ground.schemas), passes=options.include_passes)
        try:
            scan_cluster(basis, result, checks=options.checks, progress=progress.of(lambda: count_objects(basis)))
        except KeyboardInterrupt:
            interrupted = True
        finally:
            progress.close()
    return result, interrupted


def _read_baseline(options: ScanOptions) -> "Baseline | None":
    if not options.baseline or (options.write_baseline and not os.path.lexists(options.baseline)):
        return {} if options.baseline else None
    from auditor.report.baseline import read_baseline

    return read_baseline(options.baseline)


def _make_results(found: "Scan", before: "Baseline | None", options: ScanOptions, *, seconds: float) -> "Results":
    from auditor.model.policy import Severity
    from auditor.report.results import Results

    return Results(
        found,
        threshold=Severity(options.fail_on),
        comparison=None if before is None else _compare(found, before, options),
        new_only=options.new_only or options.write_baseline,
        time=datetime.now(UTC),
        seconds=seconds,
        directory=os.getcwd(),  # noqa: PTH109 a path that is no text stays one
    )


def _compare(found: "Scan", before: "Baseline", options: ScanOptions) -> "Comparison":
    """Whoever writes a baseline knows all that is in it; what is gone is told of the one before."""
    from dataclasses import replace

    from auditor.report.baseline import compare, render_baseline
    from auditor.report.results import VIOLATIONS

    compared = compare(found, before)
    if not options.write_baseline:
        return compared
    write_file(options.baseline, render_baseline(found))
    return replace(compared, known=frozenset(f.fingerprint for _, f in found.findings() if f.result in VIOLATIONS))


def _tell_gaps(outputs: tuple[Output, ...], found: "Scan") -> None:
    """Where no table is shown, a person at the log of a run sees why it was not complete."""
    if TABLE in outputs:
        return
    from auditor.intake.printable import clean

    for text in [*(f"not read: {error}" for error in found.unreadable), *(f"warning: {w}" for w in found.warnings)]:
        click.echo(clean(text.replace("\n", " ")), err=True)


def _rate(results: "Results", options: ScanOptions) -> int:
    if options.fail_coverage_below is not None:
        percent = results.scan.percent
        if percent is None or percent < options.fail_coverage_below:
            told = "nothing was judged" if percent is None else f"the coverage is {percent} %"
            click.echo(f"auditor: {told}, which is below {options.fail_coverage_below} %", err=True)
            return INCOMPLETE
    if results.scan.incomplete:
        return INCOMPLETE
    return FINDINGS if results.failing else CLEAN
