"""`auditor explain`: why a policy says what it says of an object."""

import os.path
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import click

from auditor.cli.cluster import Cluster, cluster_options
from auditor.cli.named import namespace_of, namespace_option, read_names, seek
from auditor.cli.outputs import wants_colour
from auditor.cli.scanoptions import PATH, read_labels, read_user_option
from auditor.cli.suggestions import complete_policies
from auditor.errors import InputError, UsageError
from auditor.json import JsonObject

if TYPE_CHECKING:
    from auditor.intake.explain.explain import Explanation

CLEAN, VIOLATED, INCOMPLETE = 0, 1, 3
_COLOURS: Final = {"pass": "green", "fail": "red", "warn": "yellow", "error": "magenta", "skip": "cyan"}


@click.command("explain")
@click.argument("policy", metavar="POLICY", shell_complete=complete_policies)
@click.argument("paths", metavar="OBJECT...", nargs=-1, required=True, type=PATH)
@click.option(
    "--policies",
    metavar="PATH",
    multiple=True,
    type=PATH,
    help="Where POLICY is looked up by its name, and what counts beside it. Default: our own packs.",
)
@click.option(
    "--crds", metavar="PATH", multiple=True, type=PATH, help="CRDs of the objects: their defaults are filled in."
)
@click.option("--params", metavar="PATH", multiple=True, type=PATH, help="Objects that are params, or are looked up.")
@click.option(
    "--exceptions", metavar="PATH", multiple=True, type=PATH, help="PolicyExceptions, besides those in --policies."
)
@click.option("--user", metavar="NAME[,GROUP...]", default="", callback=read_user_option, help="Who asks.")
@click.option(
    "--operation",
    type=click.Choice(["CREATE", "UPDATE", "DELETE"], case_sensitive=False),
    help="What is asked. Default: CREATE, and UPDATE of what is among --old.",
)
@click.option(
    "--old", metavar="PATH", multiple=True, type=PATH, help="The objects as they were before: then these are updates."
)
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
@click.option(
    "--cluster",
    "in_cluster",
    is_flag=True,
    help="Each OBJECT is KIND/NAME in a cluster, as it is stored; POLICY is in it, in --policies, or a file.",
)
@namespace_option
@cluster_options
def command(
    *,
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
    in_cluster: bool,
    namespace: str,
    cluster: Cluster,
) -> int:
    """Show what POLICY, a file or a name, makes of the objects in files: what matches, each value, each result.

    With --cluster the objects are those of a cluster, named as for kubectl, and are judged as a scan of it does.

    POLICY may be named as a scan names a rule, POLICY/RULE. The verdict is that of `auditor scan` with the same
    policies. Values that look secret are not shown.

    Exit code 0: not violated; 1: violated; 2: a mistake in the policy or in the command; 3: something could not be
    evaluated.
    """
    if in_cluster:
        _check_cluster(crds, params, exceptions, user, operation, old, namespace_labels)
        found = _ask_cluster(cluster, policy, paths, policies, namespace)
    else:
        if namespace:
            raise UsageError("-n goes with --cluster: objects in files say themselves where they are")
        _check_files(paths)
        found = _read_files(policy, paths, policies, crds, params, exceptions, user, operation, old, namespace_labels)
    return _tell(found, output)


def _ask_cluster(
    cluster: Cluster, policy: str, names: tuple[str, ...], policies: tuple[str, ...], namespace: str
) -> "Explanation":
    import time

    from auditor.cluster.discovery import Discovery
    from auditor.intake.explain.stored import explain_stored

    named = read_names(names)
    if kinds := [each.kind for each in named if not each.name]:
        raise UsageError(f"{kinds[0]}: write KIND/NAME: with --cluster an OBJECT is one of those in the cluster")
    client = cluster.connect("explain")
    with client.transport:
        sought = seek(Discovery(client), named, namespace=namespace_of(client, namespace))
        places = [(each.resource, each.namespace, each.name) for each in sought]
        return explain_stored(
            policy, places, client, policies=policies, time=datetime.now(UTC), clock=time.perf_counter
        )


def _read_files(
    policy: str,
    paths: tuple[str, ...],
    policies: tuple[str, ...],
    crds: tuple[str, ...],
    params: tuple[str, ...],
    exceptions: tuple[str, ...],
    user: str,
    operation: str | None,
    old: tuple[str, ...],
    namespace_labels: Mapping[str, JsonObject],
) -> "Explanation":
    import time
    from pathlib import Path

    from auditor.intake.explain.explain import explain_objects
    from auditor.intake.load import read_items
    from auditor.intake.packs import packs_directory
    from auditor.intake.prepare import prepare
    from auditor.intake.question import Question, read_user
    from auditor.model.request import Operation

    _check_operation(operation, old)
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
    return explain_objects(
        policy,
        paths,
        prepared,
        time=datetime.now(UTC),
        clock=time.perf_counter,
        namespaces=namespace_labels,
        question=question,
    )


def _tell(found: "Explanation", output: str) -> int:
    from auditor.intake.explain.text import write_text
    from auditor.intake.printable import clean, write_json

    if output == "json":
        from auditor.intake.explain.data import write_data

        click.echo(write_json(write_data(found)))
    else:
        colours = _COLOURS if wants_colour() else {}
        shown = write_text(found, lambda text, word: click.style(text, fg=colours[word]) if word in colours else text)
        click.echo(shown, nl=False, color=bool(colours))
    for error in found.unreadable:
        click.echo(clean(f"auditor: {error}"), err=True)
    return INCOMPLETE if found.incomplete else VIOLATED if found.violated else CLEAN


def _check_cluster(
    crds: tuple[str, ...],
    params: tuple[str, ...],
    exceptions: tuple[str, ...],
    user: str,
    operation: str | None,
    old: tuple[str, ...],
    namespace_labels: Mapping[str, JsonObject],
) -> None:
    """As for a scan."""
    for_files = {
        "--crds": crds,
        "--params": params,
        "--exceptions": exceptions,
        "--user": user,
        "--operation": operation,
        "--old": old,
        "--namespace-labels": namespace_labels,
    }
    if given := [name for name, value in for_files.items() if value]:
        raise UsageError(f"{', '.join(given)}: for objects in files, not with --cluster")


def _check_files(paths: tuple[str, ...]) -> None:
    """What looks like an object of a cluster, `database/shop`, may be meant to be one."""
    from auditor.intake.files import SUFFIXES

    for path in paths:
        looks = re.fullmatch(r"[A-Za-z][\w.-]*/[\w.-]+", path) and not path.endswith(SUFFIXES)
        if looks and not os.path.lexists(path):
            raise UsageError(f"{path}: no such file or directory; with --cluster it is an object of the cluster")


def _check_operation(operation: str | None, old: tuple[str, ...]) -> None:
    """As for a scan."""
    if operation == "UPDATE" and not old:
        raise UsageError("--operation UPDATE needs --old PATH: the objects as they were before")
    if operation not in (None, "UPDATE") and old:
        raise UsageError(f"--old PATH is for updates, not for --operation {operation}")
