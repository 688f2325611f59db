"""`auditor test`: policies against their cases."""

import click


@click.command("test")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@click.option("-q", "--quiet", is_flag=True, help="Only what failed, and the sum.")
def command(paths: tuple[str, ...], quiet: bool) -> int:
    """Run the test cases of policies: the folders tests/ beside them.

    The name of a case says what is expected: pass.yaml, fail.RULE.yaml, mutate.yaml, with a note before the ending
    as in fail.RULE.no-zones.yaml. The first document of a case is judged, the others are what is around it.

    Exit code 0: all as expected; 1: some are not; 2: a mistake in a policy or in the command; 3: a case could not be
    read, or a rule not be evaluated.
    """
    from auditor.intake.cases import run_cases
    from auditor.intake.printable import clean

    report = run_cases(paths)
    for warning in report.warnings:
        click.echo(clean(f"warning: {warning}"))
    for outcome in report.outcomes:
        if outcome.problem:
            click.echo(clean(f"{'ERROR' if outcome.incomplete else 'FAIL'}  {outcome.file}: {outcome.problem}"))
        elif not quiet:
            click.echo(clean(f"ok    {outcome.file}"))
    for what, rules in (("violates", report.never_violated), ("passes", report.never_passed)):
        for rule in rules:
            click.echo(clean(f"note  no case {what} {rule}"))
    incomplete = sum(outcome.incomplete for outcome in report.outcomes)
    failed = sum(bool(outcome.problem) for outcome in report.outcomes) - incomplete
    told = f"{len(report.outcomes) - failed - incomplete} passed, {failed} failed"
    click.echo(f"{told}, {incomplete} not evaluated" if incomplete else told)
    return 3 if incomplete else 1 if failed else 0
