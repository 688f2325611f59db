"""`auditor findings`: what the reports in a cluster say, of one object or of many."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from auditor.cli.cluster import Cluster, cluster_options
from auditor.cli.named import namespace_of, namespace_option, read_names, seek, tell_program
from auditor.cli.outputs import wants_colour
from auditor.cli.scanoptions import SEVERITIES
from auditor.cli.suggestions import complete_kinds
from auditor.errors import UsageError

if TYPE_CHECKING:
    from auditor.cli.findings.reading import Found, Row

CLEAN, FINDINGS, INCOMPLETE = 0, 1, 3
SHOWN = ("fail", "error", "warn", "skip")
"""A report has passes only where somebody asked for them, and then they are most of it."""


@click.command("findings")
@click.argument("names", metavar="[KIND[/NAME]...]", nargs=-1, shell_complete=complete_kinds)
@namespace_option
@click.option("-A", "--all-namespaces", is_flag=True, help="Of all namespaces, and of objects that are in none.")
@click.option("--severity", type=click.Choice(SEVERITIES), default="info", help="Of this severity and worse ones only.")
@click.option("--policy", "policies", metavar="POLICY[/RULE]", multiple=True, help="Of this only. Repeatable.")
@click.option(
    "--result",
    "results",
    type=click.Choice([*SHOWN, "pass"]),
    multiple=True,
    help="Of this result only. Repeatable. Default: all but passes.",
)
@click.option(
    "--fail-on",
    type=click.Choice(SEVERITIES),
    default="low",
    show_default=True,
    help="The least severity that makes exit code 1.",
)
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Form.")
@click.option(
    "--auditor-namespace", default="auditor-system", show_default=True, metavar="NAME", help="Ours: of the Leases."
)
@cluster_options
def command(
    *,
    names: tuple[str, ...],
    namespace: str,
    all_namespaces: bool,
    severity: str,
    policies: tuple[str, ...],
    results: tuple[str, ...],
    fail_on: str,
    output: str,
    auditor_namespace: str,
    cluster: Cluster,
) -> int:
    """Show the findings that the watcher has reported: of objects (databasecluster/main), of kinds, or of all.

    Objects are named as for kubectl. One that is named is told with remedies. Only the reports are read, nothing is
    judged: `auditor scan --cluster` does that.

    Exit code 0: none; 1: there are some; 2: a mistake in the command, or auditor is not installed there; 3: there may
    be more than what is reported.
    """
    from auditor.audit.overview import read_facts
    from auditor.cli.findings.reading import read_reports
    from auditor.cluster.discovery import Discovery

    if namespace and all_namespaces:
        raise UsageError("-n is one namespace, and -A all of them: name one or the other")
    named = read_names(names)
    if all_namespaces and any(each.name for each in named):
        raise UsageError("an object is in one namespace, or in none: leave out -A")
    client = cluster.connect("findings")
    with client.transport:
        place = "" if all_namespaces else namespace_of(client, namespace)
        facts = read_facts(client, namespace=auditor_namespace, name="auditor", time=datetime.now(UTC))
        if facts.missing:
            raise UsageError(
                f"auditor is not installed in this cluster: there is no CRD {', '.join(facts.missing)}. "
                "Give `--context` if another cluster was meant"
            )
        discovery = Discovery(client)
        sought = seek(discovery, named, namespace=place)
        found = read_reports(client, discovery, facts, sought, namespace=place)
    rows = choose_rows(found, severity, policies, results or SHOWN)
    if len(rows) < len(found.rows):  # what is not listed may be among what was asked for
        found.gaps += found.left_out
    _show(rows, found, output, place, detailed=any(each.name for each in named))
    return _rate(rows, found, fail_on)


def choose_rows(found: "Found", severity: str, policies: tuple[str, ...], results: tuple[str, ...]) -> "list[Row]":
    from auditor.cli.findings.text import rank
    from auditor.model.policy import Severity

    least = Severity(severity).rank
    return sorted(
        (
            row
            for row in found.rows
            if row.severity.rank <= least
            and row.result in results
            and (not policies or row.policy in policies or row.name in policies)
        ),
        key=rank,
    )


def _show(rows: "list[Row]", found: "Found", output: str, place: str, *, detailed: bool) -> None:
    from auditor.cli.findings.text import COLOURS, to_json, write_accounts, write_table, write_totals
    from auditor.intake.printable import clean, write_json

    if output == "json":
        click.echo(write_json(to_json(rows, found.gaps)))
        return
    colours = COLOURS if wants_colour() else {}

    def paint(text: str, word: str) -> str:
        return click.style(text, fg=colours[word]) if word in colours else text

    if rows:
        told = write_accounts(rows, paint, program=tell_program()) if detailed else write_table(rows, paint)
        click.echo(f"{told}\n{write_totals(rows)}", nl=False, color=bool(colours))
    else:
        where = f" in namespace {place} (-A: in all)" if place and not detailed else ""
        click.echo(f"no findings are reported{where}")
    for gap in found.gaps:
        click.echo(clean(f"auditor: there may be more: {gap}"), err=True)


def _rate(rows: "list[Row]", found: "Found", fail_on: str) -> int:
    from auditor.model.finding import Result
    from auditor.model.policy import Severity

    if found.gaps or any(row.result is Result.ERROR for row in rows):
        return INCOMPLETE
    violated = (row for row in rows if row.result in (Result.FAIL, Result.WARN))
    return FINDINGS if any(row.severity.rank <= Severity(fail_on).rank for row in violated) else CLEAN
