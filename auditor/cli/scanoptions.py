"""The options of `auditor scan`, and what goes with what."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import ParamSpec, TypeVar

import click

from auditor.cli.named import tell_program
from auditor.cli.suggestions import complete_kinds
from auditor.dataclass import dataclass
from auditor.errors import UsageError
from auditor.json import JsonObject

P = ParamSpec("P")
R = TypeVar("R")

SEVERITIES = ["critical", "high", "medium", "low", "info"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanOptions:
    policies: tuple[str, ...] = ()
    crds: tuple[str, ...] = ()
    params: tuple[str, ...] = ()
    exceptions: tuple[str, ...] = ()
    namespace_labels: Mapping[str, JsonObject]
    user: str = ""
    operation: str | None = None
    old: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    include_passes: bool = False
    fail_on: str = "low"
    fail_coverage_below: int | None = None
    baseline: str = ""
    new_only: bool = False
    write_baseline: bool = False
    in_cluster: bool = False
    checks: bool = False

    def check(self, paths: tuple[str, ...]) -> None:
        """Raises UsageError for what does not go together."""
        if self.in_cluster:
            self._check_cluster(paths)
        else:
            self._check_files(paths)
        if not self.baseline and (self.new_only or self.write_baseline):
            raise UsageError("--new-only and --write-baseline go with --baseline FILE")
        if self.new_only and self.write_baseline:
            raise UsageError("--write-baseline makes all that is found known: --new-only has no sense beside it")

    def _check_cluster(self, paths: tuple[str, ...]) -> None:
        if paths or self.crds or self.namespace_labels:
            asked = "with --cluster" if tell_program() == "auditor" else f"with `{tell_program()}`"
            raise UsageError(f"{asked} the objects, CRDs and namespaces are those of the cluster: name no files")
        for_files = {
            "--params": self.params,
            "--exceptions": self.exceptions,
            "--exclude": self.exclude,
            "--user": self.user,
            "--operation": self.operation,
            "--old": self.old,
        }
        if given := [name for name, value in for_files.items() if value]:
            raise UsageError(f"{', '.join(given)}: for objects in files, not with --cluster")

    def _check_files(self, paths: tuple[str, ...]) -> None:
        if not paths:
            raise UsageError("name files with objects (PATH...), or --cluster")
        if self.checks:
            raise UsageError("--checks goes with --cluster")
        if self.operation == "UPDATE" and not self.old:
            raise UsageError("--operation UPDATE needs --old PATH: the objects as they were before")
        if self.operation not in (None, "UPDATE") and self.old:
            raise UsageError(f"--old PATH is for updates, not for --operation {self.operation}")


def read_labels(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> Mapping[str, JsonObject]:
    return dict(_read_namespace(each) for each in values)


def _read_namespace(text: str) -> tuple[str, JsonObject]:
    name, colon, labels = text.partition(":")
    pairs = [pair.partition("=") for pair in labels.split(",") if pair]
    if not name or not colon or not all(key and sign for key, sign, _ in pairs):
        raise click.BadParameter(f"{text!r} is not NAME:KEY=VALUE,KEY=VALUE")
    metadata = {"name": name, "labels": {key: value for key, _, value in pairs}}
    return name, {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def read_user_option(_: click.Context, __: click.Parameter, value: str) -> str:
    if value and not all(part.strip() for part in value.split(",")):
        raise click.BadParameter(f"{value!r} is not NAME or NAME,GROUP,...")
    return value


PATH = click.Path(readable=False)  # for shells that complete it; who reads a path says what is wrong with it
OPTIONS = (
    click.option(
        "--policies",
        metavar="PATH",
        multiple=True,
        type=PATH,
        help="Policies, ours or native. Default: our own packs; of a cluster those in it.",
    ),
    click.option(
        "--crds",
        metavar="PATH",
        multiple=True,
        type=PATH,
        help="CRDs of the objects: their defaults are filled in, and objects are held against their schemas as the "
        "API server would, unknown fields included.",
    ),
    click.option(
        "--params", metavar="PATH", multiple=True, type=PATH, help="Objects that policies read and that are not judged."
    ),
    click.option("--exceptions", metavar="PATH", multiple=True, type=PATH, help="PolicyExceptions."),
    click.option(
        "--namespace-labels",
        metavar="NAME:KEY=VALUE,...",
        multiple=True,
        callback=read_labels,
        help="The labels of a namespace that is not among the objects, for namespaceSelectors.",
    ),
    click.option(
        "--user",
        metavar="NAME[,GROUP...]",
        default="",
        callback=read_user_option,
        help="Who asks. Default: nobody, and rules about the user do not apply.",
    ),
    click.option(
        "--operation",
        type=click.Choice(["CREATE", "UPDATE", "DELETE"], case_sensitive=False),
        help="What is asked. Default: CREATE, and UPDATE of what is among --old.",
    ),
    click.option(
        "--old", metavar="PATH", multiple=True, type=PATH, help="Objects as they were before: their updates are judged."
    ),
    click.option(
        "--kind",
        "kinds",
        metavar="KIND",
        multiple=True,
        shell_complete=complete_kinds,
        help="Only of this kind, as kubectl names it: widgets.example.com. Repeatable.",
    ),
    click.option("-n", "--namespace", "namespaces", metavar="NAME", multiple=True, help="Only in this. Repeatable."),
    click.option(
        "--exclude",
        metavar="GLOB",
        multiple=True,
        help="Leave out files that this fits: charts, *.tmpl.yaml. Repeatable.",
    ),
    click.option("--include-passes", is_flag=True, help="Tell of each rule that passed, too."),
    click.option(
        "--fail-on",
        type=click.Choice(SEVERITIES),
        default="low",
        show_default=True,
        help="The least severity that makes exit code 1.",
    ),
    click.option(
        "--fail-coverage-below",
        type=click.IntRange(0, 100),
        metavar="PERCENT",
        help="Exit code 3 if less of what policies match could be judged.",
    ),
    click.option(
        "--baseline",
        metavar="FILE",
        default="",
        type=PATH,
        help="What is known already: told as known, and what is gone.",
    ),
    click.option("--new-only", is_flag=True, help="With --baseline: what is known makes no exit code 1."),
    click.option("--write-baseline", is_flag=True, help="Write what is found to the file of --baseline."),
    click.option("--cluster", "in_cluster", is_flag=True, help="Judge what is stored in a cluster, not files."),
    click.option("--checks", is_flag=True, help="With --cluster, ask the built-in drift checks, too."),
)


def scan_options(command: Callable[P, R]) -> Callable[..., R]:
    """The command gets them together, as its argument `options`."""

    @functools.wraps(command)
    def with_options(*args: P.args, **given: P.kwargs) -> R:
        found: JsonObject = {each.name: given.pop(each.name) for each in fields(ScanOptions)}
        given["options"] = ScanOptions(**found)
        return command(*args, **given)

    for option in reversed(OPTIONS):
        with_options = option(with_options)
    return with_options
