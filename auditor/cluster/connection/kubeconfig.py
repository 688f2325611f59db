"""Kubeconfig files: found, read, merged, and one context chosen of them.

The loader of the `kubernetes` package is not used: it looks at $KUBECONFIG when it is imported, takes the last
current-context where kubectl takes the first, and names neither the file nor the entry that is wrong.
"""

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from auditor.cluster.connection import pod
from auditor.cluster.connection.section import Section, explain_unreadable
from auditor.cluster.connection.settings import Settings
from auditor.errors import ConnectionConfigError
from auditor.json import Json, JsonObject


@dataclass(frozen=True, slots=True)
class Choice:
    """Whom to ask, and as whom."""

    context: str
    namespace: str
    user_name: str
    cluster: Section
    user: Section
    user_file: Path | None = None
    """Where the user is from; None for that of a pod."""


@dataclass(slots=True)
class Kubeconfig:
    """What several files say together: the first that has an entry of a name wins, whole."""

    files: list[Path]
    current: str = ""
    clusters: dict[str, Section] = field(default_factory=dict)
    users: dict[str, Section] = field(default_factory=dict)
    user_files: dict[str, Path] = field(default_factory=dict)
    contexts: dict[str, Section] = field(default_factory=dict)

    def add(self, path: Path, content: JsonObject) -> None:
        top = Section(str(path), content, path.parent)
        self.current = self.current or top.text("current-context")
        for plural, singular, known in (
            ("clusters", "cluster", self.clusters),
            ("users", "user", self.users),
            ("contexts", "context", self.contexts),
        ):
            found: dict[str, Section] = {}
            for entry in top.sections(plural):
                name = entry.text("name")
                if not name:
                    raise entry.error("name", "this entry has no name. Give it one")
                if name in found:
                    raise entry.error("name", f'there are two entries "{name}". Remove one')
                inner = entry.section(singular)
                fields = inner.fields if inner else {}
                found[name] = Section(f'{path}: {singular} "{name}"', fields, path.parent)
                if known is self.users:
                    self.user_files.setdefault(name, path)
            known.update({name: section for name, section in found.items() if name not in known})

    def choose(self, wanted: str) -> Choice:
        where = ", ".join(map(str, self.files))
        if not self.contexts:
            raise ConnectionConfigError(
                f"{where}: no contexts are in there. Fetch the kubeconfig of your cluster, or name another file"
            )
        name = wanted or self.current
        if not name:
            raise ConnectionConfigError(
                f"{where}: current-context: it is not set. Choose a context with --context "
                f"or `kubectl config use-context`: {_names(self.contexts)}"
            )
        if name not in self.contexts:
            said = f'the context "{name}"' if wanted else f'current-context: the context "{name}"'
            raise ConnectionConfigError(f"{where}: {said} is not in there. {_suggest(name, self.contexts)}")
        context = self.contexts[name]
        cluster_name, user_name = context.text("cluster"), context.text("user")
        return Choice(
            context=name,
            namespace=context.text("namespace") or "default",
            user_name=user_name,
            cluster=_named(context, "cluster", cluster_name, self.clusters),
            user=_named(context, "user", user_name, self.users),
            user_file=self.user_files[user_name],
        )


def choose(settings: Settings) -> Choice:
    """The cluster and user that the settings mean; ConnectionConfigError says what is missing."""
    named = settings.kubeconfig or os.environ.get("KUBECONFIG", "")
    if named:
        source = "--kubeconfig" if settings.kubeconfig else "$KUBECONFIG"
        return _load(_existing(named, source)).choose(settings.context)
    usual = _home() / ".kube" / "config"
    if _is_there(usual):
        return _load([usual]).choose(settings.context)
    if not pod.is_inside():
        raise ConnectionConfigError(
            f"no cluster is named: $KUBECONFIG is not set, there is no {usual}, and this is no pod of a cluster. "
            "Name a kubeconfig with --kubeconfig or $KUBECONFIG"
        )
    if settings.context:
        raise ConnectionConfigError(
            f'the context "{settings.context}" was asked for, but there is no kubeconfig, only the service account of '
            "this pod. Name a kubeconfig, or no context"
        )
    return choose_pod()


def read_user(choice: Choice) -> Section:
    """As its file says it now."""
    if choice.user_file is None:
        return choice.user
    return _named(choice.user, "user", choice.user_name, _load([choice.user_file]).users)


def choose_pod() -> Choice:
    """The service account of this pod, in the words of a kubeconfig."""
    cluster, user = pod.read_sections()
    return Choice("in-cluster", pod.read_namespace(), "the service account of this pod", cluster, user)


def read_file(path: Path) -> JsonObject:
    """Empty for an empty file."""
    import yaml

    class Loader(yaml.CSafeLoader):
        """Dates stay texts, as in JSON."""

        yaml_implicit_resolvers = {  # noqa: RUF012 (PyYAML's way)
            first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
            for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
        }

    try:
        content: Json = yaml.load(path.read_bytes(), Loader)  # noqa: S506 (a safe loader)
    except OSError as error:
        raise ConnectionConfigError(f"{path}: {explain_unreadable(error)}. Name another file") from None
    except yaml.MarkedYAMLError as error:  # its text may quote a secret
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise ConnectionConfigError(f"{path}: {place}this is not YAML. Correct it") from None
    except (yaml.YAMLError, ValueError, RecursionError):  # bytes that are no text
        raise ConnectionConfigError(f"{path}: this is not YAML. Name another file") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConnectionConfigError(f"{path}: this is not a kubeconfig: an object is expected. Name another file")
    kind, version = content.get("kind", "Config"), content.get("apiVersion", "v1")
    if (kind, version) != ("Config", "v1"):
        raise ConnectionConfigError(
            f"{path}: this is not a kubeconfig, but kind {kind!r} of {version!r}. Name another file"
        )
    return content


def _load(files: list[Path]) -> Kubeconfig:
    merged = Kubeconfig(files)
    contents = [(path, read_file(path)) for path in files]
    if not any(content for _, content in contents):
        raise ConnectionConfigError(
            f"{', '.join(map(str, files))}: empty. Fetch the kubeconfig of your cluster, or name another file"
        )
    for path, content in contents:
        merged.add(path, content)
    return merged


def _existing(named: str, source: str) -> list[Path]:
    """Those that are there, as kubectl does it: the list often names files that come and go."""
    paths = [_absolute(text) for text in dict.fromkeys(named.split(os.pathsep)) if text]
    existing = [path for path in paths if _is_there(path)]
    if not existing:
        tried = ", ".join(map(str, paths)) or repr(named)
        raise ConnectionConfigError(f"{source}: {tried}: there is no such file. Name one that exists")
    return existing


def _is_there(path: Path) -> bool:
    """Or may be, where we may not look: reading it says so."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def _absolute(text: str) -> Path:
    path = _home() / text[2:] if text.startswith("~/") else Path(text)
    return path.absolute()


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:  # a user without entry in passwd, as in many containers
        return Path("/")


def _named(context: Section, kind: str, name: str, known: Mapping[str, Section]) -> Section:
    if not name:
        raise context.error(kind, f"it names no {kind}. {_suggest('', known)}")
    if name not in known:
        raise context.error(kind, f'there is no {kind} "{name}" in the files. {_suggest(name, known)}')
    return known[name]


def _suggest(name: str, known: Mapping[str, Section]) -> str:
    nearest = difflib.get_close_matches(name, known, n=1)
    meant = f'Did you mean "{nearest[0]}"? ' if nearest else ""
    return f"{meant}There is: {_names(known)}"


def _names(known: Mapping[str, Section]) -> str:
    """A company's kubeconfig has hundreds: twenty fit a screen."""
    names = sorted(known)
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    return ", ".join(names[:20]) + more if names else "none"
