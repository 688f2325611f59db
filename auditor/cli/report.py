"""`auditor report`: a compliance report of what the history knows."""

import contextlib
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from auditor.cli.outputs import Output, OutputType, check_outputs, write_file

if TYPE_CHECKING:
    from auditor.report.compliance import Compliance

# Written down here too, so that --help needs none of them; a test holds it equal to theirs.
FORMATS = ("markdown", "html", "csv", "json")
SEVERITIES = ("critical", "high", "medium", "low", "info")


@click.command("report", context_settings={"auto_envvar_prefix": "AUDITOR_REPORT"})
@click.option(
    "--database-url",
    default=None,
    metavar="URL",
    help="Of the history: sqlite:///FILE or postgresql://USER@HOST/NAME. Default: where `auditor watch` keeps it.",
)
@click.option("--cluster", default="", metavar="NAME", help="By name or id, where the history has several.")
@click.option(
    "--period",
    "asked",
    default="7d",
    show_default=True,
    metavar="PERIOD",
    help="7d, 24h, yesterday, last-week, last-month, 2026-10, 2026-W45, 2026-10-01..2026-11-01 ...",
)
@click.option("--time-zone", default="UTC", show_default=True, help="By which days and months are counted.")
@click.option("--namespace", "namespaces", multiple=True, help="This one alone, and nothing cluster-scoped.")
@click.option("--kind", "kinds", multiple=True, help="As databases.db.example.com or databases.")
@click.option("--policy", "policies", multiple=True, help="By name.")
@click.option("--severity", type=click.Choice(SEVERITIES), default=None, help="This and worse.")
@click.option("--framework", default="", help="Controls that begin with this, as SOC2 of SOC2-A1.2.")
@click.option(
    "--overdue",
    multiple=True,
    metavar="SEVERITY=DAYS",
    help="Days after which a violation is overdue. Default: critical=15 high=30 medium=90 low=180.",
)
@click.option(
    "--limit",
    default=5_000,
    show_default=True,
    type=click.IntRange(0),
    help="Findings that are listed; all of them are counted. 0: all.",
)
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    type=OutputType(FORMATS),
    help=f"How, and where to: {', '.join(FORMATS)}. May be repeated. Default: markdown.",
)
@click.option(
    "--fail-under", type=click.FloatRange(0, 100), default=None, metavar="PERCENT", help="Exit with 1 below it."
)
@click.option(
    "--require-complete/--allow-incomplete",
    default=False,
    show_default=True,
    help="Exit with 3 if something was not evaluated, or is not known.",
)
def command(
    database_url: str | None,
    cluster: str,
    asked: str,
    time_zone: str,
    namespaces: tuple[str, ...],
    kinds: tuple[str, ...],
    policies: tuple[str, ...],
    severity: str | None,
    framework: str,
    overdue: tuple[str, ...],
    limit: int,
    outputs: tuple[Output, ...],
    fail_under: float | None,
    require_complete: bool,
) -> int:
    """Tell how a cluster stood and what became of it in a period, from the history that the watcher keeps.

    A period that is over gives the same report whenever it is made. Each carries a digest of what it says.
    """
    from auditor.model.policy import Severity
    from auditor.report.compliance import Options, Scope, make_report, read_period
    from auditor.report.compliance.standing import ALLOWED
    from auditor.report.history.reader import choose_cluster, open_to_read

    outputs = outputs or (Output("markdown"),)
    check_outputs(outputs)
    now = datetime.now(UTC)
    period = read_period(asked, now=now, zone=time_zone)
    scope = Scope(
        namespaces=frozenset(namespaces) if namespaces else None,
        kinds=frozenset(kinds),
        policies=frozenset(policies),
        severity=None if severity is None else Severity(severity),
        framework=framework,
    )
    allowed = {**ALLOWED, **{Severity(word): days for word, days in map(_read_overdue, overdue)}}
    options = Options(allowed=allowed, most=limit or _ALL)
    with contextlib.closing(open_to_read(database_url or _default_database())) as database:
        with database.reading() as connection:
            chosen = choose_cluster(connection, cluster)
        report = make_report(database, chosen, period, scope, now=now, options=options)
    _write(outputs, report)
    for what in _find_unknown(report):
        click.echo(f"auditor: nothing is known of {what} in this period: see whether it is spelled right", err=True)
    return _choose_exit(report, fail_under, require_complete=require_complete)


_ALL = 2**31 - 1


def _default_database() -> str:
    from auditor.audit.settings import default_database  # the whole watcher comes along: only if it is needed

    return default_database()


def _read_overdue(text: str) -> tuple[str, timedelta]:
    from auditor.errors import UsageError

    match = re.fullmatch(rf"({'|'.join(SEVERITIES)})=(\d{{1,5}})d?", text)
    if match is None:
        raise UsageError(f"--overdue {text!r} is not of the form SEVERITY=DAYS, as in high=30")
    return match[1], timedelta(days=int(match[2]))


def _write(outputs: Sequence[Output], report: "Compliance") -> None:
    """Files first: whoever reads standard output may go away."""
    from auditor.report.compliance.formats import FORMATS as WRITERS

    for each in sorted(outputs, key=lambda each: not each.file):
        text = WRITERS[each.format](report)
        if each.file:
            write_file(each.file, text)
        else:
            click.echo(text, nl=False)


def _find_unknown(report: "Compliance") -> Iterator[str]:
    """What was asked for and is nowhere: a slip of the pen must not look like a clean cluster."""
    scope = report.scope
    policies = {each.name for each in report.policies} | {each.policy for each in report.policy_news}
    policies |= {rule.policy for control in report.controls for rule in control.rules}
    kinds = {each.name for each in report.kinds} | {each.kind for each in report.coverage.gaps}
    kinds |= {name.partition(".")[0] for name in kinds}
    namespaces = {each.name for each in report.namespaces} | {each.namespace for each in report.resolved}
    for what, asked, known in (
        ("namespace", scope.namespaces or (), namespaces),
        ("kind", scope.kinds, kinds),
        ("policy", scope.policies, policies),
        ("framework", {scope.framework} - {""}, {scope.framework} if report.controls else ()),
    ):
        yield from (f"the {what} {name!r}" for name in sorted(asked) if name not in known)


def _choose_exit(report: "Compliance", fail_under: float | None, *, require_complete: bool) -> int:
    """What could not be evaluated is worse than what failed."""
    if require_complete and not report.complete:
        click.echo("auditor: the report is not complete: see what is not known, and not evaluated", err=True)
        return 3
    if fail_under is None:
        return 0
    if report.percent is None:
        click.echo("auditor: nothing was evaluated: compliance is not known", err=True)
        return 3
    return 1 if report.percent < fail_under else 0
