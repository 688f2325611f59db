"""`auditor test`: policies against their cases."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditor.cli.outputs import check_file, wants_colour

if TYPE_CHECKING:
    from auditor.intake.cases import Report

POLL = 0.5
"""Seconds between two looks at the files: nobody saves twice within it."""


@click.command("test")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(readable=False))
@click.option("-q", "--quiet", is_flag=True, help="Only what failed, and the sum.")
@click.option("--junit", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Write JUnit XML, too.")
@click.option("--update-goldens", is_flag=True, help="Write anew what comes out of mutate and convert cases.")
@click.option("--watch", is_flag=True, help="Run again whenever a file changes, until Ctrl-C.")
def command(paths: tuple[str, ...], quiet: bool, junit: Path | None, update_goldens: bool, watch: bool) -> int:
    """Run the test cases of policies: the folders tests/ beside them.

    The name of a case says what is expected: pass.yaml, fail.RULE.yaml, mutate.yaml, convert.yaml, with a note before
    the ending as in fail.RULE.no-zones.yaml. The first document of a case is judged, the others are what is around it;
    of mutate and convert the second is what must come out.

    Exit code 0: all as expected; 1: some are not; 2: a mistake in a policy or in the command; 3: a case could not be
    read, or a rule not be evaluated.
    """
    if junit is not None:
        check_file(str(junit))
    if not watch:
        return _run(paths, junit, quiet=quiet, update=update_goldens)
    from auditor.errors import AuditorError

    code, seen = 0, None
    try:
        while True:
            now = _stamp(paths)
            if now != seen:
                seen = now  # as it was before: what is saved meanwhile is seen the next time
                click.clear()
                try:
                    code = _run(paths, junit, quiet=quiet, update=update_goldens)
                except AuditorError as error:  # the next save may mend it
                    code = error.exit_code
                    click.echo(f"auditor: {error}", err=True)
            time.sleep(POLL)
    except KeyboardInterrupt:
        return code


def _stamp(paths: tuple[str, ...]) -> dict[str, tuple[int, int]]:
    """Of all that may be a policy or a case; what we write ourselves for CI servers is none."""
    from auditor.intake.files import SUFFIXES

    found = {}
    for path in paths:
        root = Path(path)
        for file in (root.parent if root.name == "tests" else root).rglob("*"):
            if file.suffix not in SUFFIXES:
                continue
            try:
                status = file.stat()
            except OSError:
                continue  # it is being written
            found[str(file)] = (status.st_mtime_ns, status.st_size)
    return found


def _run(paths: tuple[str, ...], junit: Path | None, *, quiet: bool, update: bool) -> int:
    from auditor.intake.cases import run_cases

    report = run_cases(paths, update=update)
    _tell(report, quiet=quiet)
    if junit is not None:
        from auditor.errors import UsageError
        from auditor.report.junit import write_cases

        try:
            junit.write_text(write_cases(report.outcomes), encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{junit}: cannot be written: {error.strerror}") from error
    incomplete = sum(outcome.incomplete for outcome in report.outcomes)
    failed = sum(bool(outcome.problem) for outcome in report.outcomes) - incomplete
    told = f"{len(report.outcomes) - failed - incomplete} passed, {failed} failed"
    click.echo(f"{told}, {incomplete} not evaluated" if incomplete else told)
    return 3 if incomplete else 1 if failed else 0


def _tell(report: "Report", *, quiet: bool) -> None:
    from auditor.intake.printable import clean

    for warning in report.warnings:
        click.echo(clean(f"warning: {warning}"))
    for outcome in report.outcomes:
        if outcome.problem:
            first, *rest = outcome.problem.splitlines()
            click.echo(clean(f"{'ERROR' if outcome.incomplete else 'FAIL'}  {outcome.file}: {first}"))
            for line in rest:
                click.echo(f"      {_dress(clean(line))}", color=wants_colour())
        elif outcome.updated:
            click.echo(clean(f"new   {outcome.file}"))
        elif not quiet:
            click.echo(clean(f"ok    {outcome.file}"))
    for what, rules in (("violates", report.never_violated), ("passes", report.never_passed)):
        for rule in rules:
            click.echo(clean(f"note  no case {what} {rule}"))


def _dress(line: str) -> str:
    colour = {"+": "green", "-": "red"}.get(line[:1]) if wants_colour() else None
    return click.style(line, fg=colour) if colour else line
