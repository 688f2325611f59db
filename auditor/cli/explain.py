"""`auditor explain`: why a policy says what it says of an object."""

import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import click

from auditor.cli.scanoptions import read_labels
from auditor.errors import InputError
from auditor.json import JsonObject

CLEAN, VIOLATED, INCOMPLETE = 0, 1, 3
_COLOURS: Final = {"pass": "green", "fail": "red", "warn": "yellow", "error": "magenta", "skip": "cyan"}


@click.command("explain")
@click.argument("policy", metavar="POLICY")
@click.argument("paths", metavar="OBJECT...", nargs=-1, required=True)
@click.option(
    "--policies",
    metavar="PATH",
    multiple=True,
    help="Where POLICY is looked up by its name, and what counts beside it. Default: our own packs.",
)
@click.option("--crds", metavar="PATH", multiple=True, help="CRDs of the objects: their defaults are filled in.")
@click.option("--params", metavar="PATH", multiple=True, help="Objects that are params, or are looked up.")
@click.option("--exceptions", metavar="PATH", multiple=True, help="PolicyExceptions, besides those in --policies.")
@click.option("--user", metavar="NAME[,GROUP...]", default="", help="Who asks.")
@click.option("--operation", type=click.Choice(["CREATE", "UPDATE", "DELETE"]), help="What is asked. Default: CREATE.")
@click.option("--old", metavar="PATH", multiple=True, help="The objects as they were before: then these are updates.")
@click.option(
    "-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="The format."
)
@click.option(
    "--namespace-labels",
    metavar="NAME:KEY=VALUE,...",
    multiple=True,
    callback=read_labels,
    help="The labels of a namespace that is not among the objects, for namespaceSelectors.",
)
def command(
    policy: str,
    paths: tuple[str, ...],
    policies: tuple[str, ...],
    crds: tuple[str, ...],
    params: tuple[str, ...],
    exceptions: tuple[str, ...],
    user: str,
    operation: str | None,
    old: tuple[str, ...],
    output: str,
    namespace_labels: Mapping[str, JsonObject],
) -> int:
    """Show what POLICY, a file or a name, makes of the objects in files: what matches, each value, each result.

    The verdict is that of `auditor scan` with the same policies. Values that look secret are not shown.

    Exit code 0: not violated; 1: violated; 2: a mistake in the policy or in the command; 3: something could not be
    evaluated.
    """
    import time
    from pathlib import Path

    from auditor.intake.explain.explain import explain_objects
    from auditor.intake.explain.text import write_text
    from auditor.intake.load import read_items
    from auditor.intake.packs import packs_directory
    from auditor.intake.printable import clean
    from auditor.intake.question import Question, read_user
    from auditor.intake.scan import prepare
    from auditor.model.request import Operation

    is_file = Path(policy).exists()
    named = (policy, *policies) if is_file else policies or (str(packs_directory()),)
    prepared = prepare(named, crds, params=params, exceptions=exceptions)
    unreadable: list[InputError] = []
    question = Question(
        operation=Operation(operation) if operation else None,
        user=read_user(user) if user else None,
        old=list(read_items(old, unreadable)),
    )
    if unreadable:
        raise unreadable[0]
    found = explain_objects(
        policy,
        paths,
        prepared,
        time=datetime.now(UTC),
        clock=time.perf_counter,
        namespaces=namespace_labels,
        question=question,
    )
    if output == "json":
        import orjson

        from auditor.intake.explain.data import write_data

        click.echo(orjson.dumps(write_data(found), option=orjson.OPT_INDENT_2))
    else:
        colours = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        click.echo(
            write_text(found, lambda text, word: click.style(text, fg=_COLOURS.get(word)) if colours else text),
            nl=False,
        )
    for error in found.unreadable:
        click.echo(clean(f"auditor: {error}"), err=True)
    return INCOMPLETE if found.incomplete else VIOLATED if found.violated else CLEAN
