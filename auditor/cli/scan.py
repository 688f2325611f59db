"""`auditor scan`: judge the objects in files."""

from datetime import UTC, datetime

import click

from auditor.json import JsonObject

CLEAN, FINDINGS, INCOMPLETE = 0, 1, 3


@click.command("scan")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@click.option("--policies", metavar="PATH", multiple=True, help="Policies, ours or native; without it our own packs.")
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
def command(
    paths: tuple[str, ...],
    policies: tuple[str, ...],
    crds: tuple[str, ...],
    output: str,
    fail_on: str,
    namespace_labels: tuple[str, ...],
    include_passes: bool,
) -> int:
    """Judge the objects in files, directories or standard input (-), as the webhooks would judge them.

    Each object is judged as one that is created, after the defaults of its CRD and the mutations of the policies; an
    AdmissionReview as what it asks. The other objects are what lookups, params and namespaceSelectors see.

    Exit code 0: clean; 1: findings; 2: a mistake in a policy or in the command; 3: something could not be judged.
    """
    from auditor.intake.packs import packs_directory
    from auditor.intake.scan import prepare, scan
    from auditor.model.finding import Result
    from auditor.model.policy import Severity
    from auditor.report.formats import FORMATS

    prepared = prepare(policies or (str(packs_directory()),), crds)
    namespaces = dict(_read_namespace(each) for each in namespace_labels)
    result = scan(paths, prepared, time=datetime.now(UTC), passes=include_passes, namespaces=namespaces)
    click.echo(FORMATS[output](result), nl=False)
    if result.incomplete:
        return INCOMPLETE
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
