"""`auditor fix`: what mutating policies would change, written into the files."""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from auditor.cli.outputs import wants_colour
from auditor.cli.scanoptions import PATH, read_labels
from auditor.errors import AuditorError
from auditor.json import JsonObject

if TYPE_CHECKING:
    from auditor.intake.fix.fix import Fixed

CLEAN, WOULD_CHANGE, INCOMPLETE = 0, 1, 3


@click.command("fix")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=PATH)
@click.option(
    "--policies", metavar="PATH", multiple=True, type=PATH, help="Policies, ours or native. Default: our own packs."
)
@click.option(
    "--crds", metavar="PATH", multiple=True, type=PATH, help="CRDs of the objects: their defaults count as there."
)
@click.option("--params", metavar="PATH", multiple=True, type=PATH, help="Objects that are params, or are looked up.")
@click.option("--diff", "shows_diff", is_flag=True, help="Show what would change, and write nothing.")
@click.option("--check", "only_checks", is_flag=True, help="Name what would change, and write nothing.")
@click.option(
    "--namespace-labels",
    metavar="NAME:KEY=VALUE,...",
    multiple=True,
    callback=read_labels,
    help="The labels of a namespace that is not among the objects, for namespaceSelectors.",
)
def command(
    paths: tuple[str, ...],
    policies: tuple[str, ...],
    crds: tuple[str, ...],
    params: tuple[str, ...],
    shows_diff: bool,
    only_checks: bool,
    namespace_labels: Mapping[str, JsonObject],
) -> int:
    """Apply the mutations of policies to the objects in files, in place. Standard input (-) goes to standard output.

    Comments, order and formatting stay. A file in which something cannot be written that way, or not be read, is left
    as it is, and told with its line. Defaults of CRDs are not written.

    Exit code 0: all is as it shall be, or is now; 1: with --check or --diff something would change; 2: a mistake in a
    policy or in the command; 3: something could not be fixed.
    """
    from auditor.intake.fix.fix import fix
    from auditor.intake.packs import packs_directory
    from auditor.intake.prepare import prepare

    prepared = prepare(policies or (str(packs_directory()),), crds, params=params)
    results = fix(paths, prepared, time=datetime.now(UTC), namespaces=namespace_labels)
    writes = not shows_diff and not only_checks
    faults = [fault for each in results for fault in each.faults]
    changed = [each for each in results if each.changed]
    for each in results:
        if each.path is None and each.name and writes:
            sys.stdout.buffer.write(each.after)
        elif each.changed and writes:
            faults += _store(each)
        if each.changed and shows_diff:
            _show_diff(each)
    _tell(results, faults, writes=writes, quiet=shows_diff)
    return INCOMPLETE if faults else WOULD_CHANGE if changed and not writes else CLEAN


def _store(fixed: "Fixed") -> list[str]:
    from auditor.intake.fix.store import store

    try:
        store(fixed)
    except AuditorError as error:
        fixed.applied.clear()
        return [str(error)]
    return []


def _tell(results: "list[Fixed]", faults: list[str], *, writes: bool, quiet: bool) -> None:
    """On standard error: standard output is for a diff, or for what came in."""
    from auditor.intake.printable import clean

    word = "fixed" if writes else "would change"
    for each in results if not quiet else ():
        for line in each.applied:
            click.echo(clean(f"{word}: {line}"), err=True)
    for fault in faults:
        click.echo(clean(f"auditor: {fault}"), err=True)


def _show_diff(fixed: "Fixed") -> None:
    from difflib import unified_diff

    from auditor.intake.printable import clean

    name = fixed.name
    before, after = (data.decode().split("\n") for data in (fixed.before, fixed.after))
    old, new = ([f"{line}\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else []) for lines in (before, after))
    colours = wants_colour()
    for line in unified_diff(old, new, f"a/{name}", f"b/{name}"):
        text = line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
        colour = {"+": "green", "-": "red", "@": "cyan"}.get(line[0]) if colours else None
        if colour:
            text = click.style(clean(text.rstrip("\r\n")), fg=colour) + "\n"
        click.echo(text if colour else clean(text), nl=False, color=colours)
