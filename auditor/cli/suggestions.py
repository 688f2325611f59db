"""What a shell offers for the names of policies and kinds. Asked at each Tab: quick, and never a word of error.

The files are read for names alone; whether they are right is not looked at, so the engine is not needed.
"""

import contextlib
import os
import re
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from auditor.json import Json, JsonObject

PATIENCE = 1.5
"""Seconds for a cluster: it answers within 0.2, and whoever pressed Tab waits."""
MOST_BYTES = 4 << 20
"""Of one file: the largest CRDs have 2 MB, and reading more would be felt at each Tab."""
_KINDS = ("Policy", "ValidatingAdmissionPolicy", "MutatingAdmissionPolicy", "CustomResourceDefinition")
# Only documents in which such a kind is named are worth parsing: packs have many cases and examples.
_NAMES_ONE = re.compile(rf"\bkind[\"']?\s*:\s*[\"']?({'|'.join(_KINDS)})\b")
_PARTS = re.compile(r"^---.*$", re.MULTILINE)


def complete_policies(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The names of the policies in --policies, or in our packs; a file may be named as well."""
    names = (_name(each) for each in _read(_policies(context)) if each["kind"] != _KINDS[-1])
    return [CompletionItem(incomplete, type="file"), *_offer(names, incomplete)]


def complete_kinds(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """As kubectl names them: of the CRDs and policies in files, and of a cluster if it may be meant."""
    # Where an option still lacks its value, as the one at hand, click has not given the arguments to anybody.
    paths = [*_given(context, "paths"), *context.args]
    asks_cluster = "in_cluster" not in context.params or context.params["in_cluster"] or not paths
    found: set[str] = set()
    if not context.params.get("in_cluster"):
        for each in _read([*_policies(context), *_given(context, "crds"), *paths]):
            found.update(_kinds_of(each))
    if asks_cluster:
        found.update(_ask_cluster(context))
    return _offer(found, incomplete)


def _offer(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in sorted(set(names)) if name.startswith(incomplete)]


def _given(context: click.Context, name: str) -> list[str]:
    value = context.params.get(name) or ()
    return [value] if isinstance(value, str) else [str(each) for each in value]


def _policies(context: click.Context) -> list[str]:
    from auditor.intake.packs.folder import packs_directory

    return _given(context, "policies") or [str(packs_directory())]


def _read(paths: list[str]) -> Iterator[JsonObject]:
    """Objects of these kinds; what cannot be read is none."""
    from auditor.errors import AuditorError
    from auditor.intake.files import STDIN, Source, find_sources

    for path in paths:
        try:
            sources = list(find_sources([path], skip=("tests", "examples"))) if path != STDIN else []
        except AuditorError:
            continue
        for source in sources:
            if isinstance(source, Source) and source.path is not None:
                yield from _read_file(Path(source.path))


def _read_file(file: Path) -> Iterator[JsonObject]:
    import yaml

    try:
        if not file.is_file() or file.stat().st_size > MOST_BYTES:
            return
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for part in _PARTS.split(text):
        if _NAMES_ONE.search(part):
            try:
                found = yaml.load(part, loader)  # noqa: S506 a safe loader
            except (yaml.YAMLError, ValueError, RecursionError):
                continue
            yield from _objects(found)


def _objects(found: Json) -> Iterator[JsonObject]:
    for each in found.get("items") or [found] if isinstance(found, dict) else ():
        if isinstance(each, dict) and each.get("kind") in _KINDS and _name(each) and isinstance(each.get("spec"), dict):
            yield each


def _name(thing: JsonObject) -> str:
    metadata = thing.get("metadata")
    return str(metadata.get("name") or "") if isinstance(metadata, dict) else ""


def _kinds_of(thing: JsonObject) -> Iterator[str]:
    """Of a CRD the one that it defines, of a policy those that it names."""
    spec = thing["spec"]
    if thing["kind"] == _KINDS[-1]:
        yield _name(thing)
        return
    match = spec.get("match") or spec.get("matchConstraints")
    for rule in (match.get("resourceRules") or ()) if isinstance(match, dict) else ():
        for group in rule.get("apiGroups") or ():
            for resource in rule.get("resources") or ():
                if "*" not in (group, resource) and "/" not in resource:
                    yield f"{resource}.{group}".rstrip(".")


def _ask_cluster(context: click.Context) -> list[str]:
    """None where there is no cluster, or none that answers in time. Nothing is asked of the person at the terminal."""
    from auditor.cli.cluster import Cluster
    from auditor.cluster import Client
    from auditor.cluster.discovery import Discovery

    given = {name: context.params[name] for name in Cluster.__slots__ if context.params.get(name)}
    cluster = Cluster(**{**given, "request_timeout": PATIENCE})
    answer: list[str] = []

    def ask(client: Client) -> None:
        with contextlib.suppress(Exception), client.transport:
            answer.extend(each.name for each in Discovery(client).resources() if "list" in each.verbs)

    _close_terminal()
    with contextlib.suppress(Exception):  # whatever is wrong there, a command that needs it will say it
        # By a thread, as there is more to wait for than one answer: names to resolve, programs that log in.
        thread = threading.Thread(target=ask, args=(cluster.connect("completion"),), daemon=True)
        thread.start()
        thread.join(PATIENCE)
    return [*answer]


def _close_terminal() -> None:
    """Programs that log in to a cluster would ask there, in the middle of a line that somebody types."""
    if "_AUDITOR_COMPLETE" in os.environ:
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, 0)
        os.dup2(nowhere, 2)
