"""What a start is made of: texts with the names of the kind in them. Nothing that is there is overwritten."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from auditor.errors import InputError, UsageError
from auditor.intake.catalog import guess_plural
from auditor.intake.load import Loaded, load
from auditor.languages.schema import Crd

TEXTS = resources.files("auditor") / "cli" / "new" / "texts"


@dataclass(frozen=True, slots=True)
class Target:
    """The kind that a policy is for."""

    group: str
    version: str
    plural: str
    kind: str

    @property
    def words(self) -> Mapping[str, str]:
        """What stands for what in the texts."""
        return {
            "GROUP": self.group,
            "VERSION": self.version,
            "PLURAL": self.plural,
            "KIND": self.kind,
            "SINGULAR": self.kind.lower(),
        }


def read_target(file: Path, kind: str = "") -> Target:
    """Of the CRD in that file, at its storage version; of several, that of this kind."""
    loaded = load([str(file)])
    wrong = [*loaded.unreadable, *(InputError(str(each)) for each in loaded.mistakes)]
    if wrong:
        raise wrong[0]
    found: list[Crd] = [each.crd for each in loaded.crds if kind in ("", each.crd.kind)]
    if len(found) != 1:
        raise UsageError(f"{file}: {_tell_choice(loaded, kind)}")
    crd = found[0]
    version = next(each.name for each in crd.versions if each.storage)
    return Target(crd.group, version, crd.plural, crd.kind)


def _tell_choice(loaded: Loaded, kind: str) -> str:
    kinds = ", ".join(sorted(each.crd.kind for each in loaded.crds))
    if not kinds:
        return "there is no CRD in it"
    return f"there is no CRD of the kind {kind} in it, but of {kinds}" if kind else f"choose by --kind one of {kinds}"


def write_pack(folder: Path, *, kind: str, group: str) -> list[Path]:
    return _write(folder, "pack", Target(group, "v1", guess_plural(kind), kind))


def write_policy(folder: Path, target: Target, *, crd: Path | None) -> list[Path]:
    more = {} if crd is None else {"crd.yaml": crd.read_text()}
    return _write(folder, "policy", target, more)


def _write(folder: Path, start: str, target: Target, more: Mapping[str, str] | None = None) -> list[Path]:
    texts = {name: _fill(text, target) for name, text in _read(TEXTS / start).items()} | dict(more or {})
    there = [folder / name for name in texts if (folder / name).exists()]
    if there:
        raise UsageError(f"{there[0]} is there already, and nothing is overwritten: name another folder")
    try:
        for name, text in texts.items():
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
    except OSError as error:
        raise UsageError(f"{error.filename or folder}: cannot be written: {error.strerror}") from error
    return [folder / name for name in texts]


def _read(place: "resources.abc.Traversable", prefix: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for each in sorted(place.iterdir(), key=lambda entry: entry.name):
        if each.is_dir():
            found |= _read(each, f"{prefix}{each.name}/")
        elif each.name.endswith((".yaml", ".md")):
            found[f"{prefix}{each.name}"] = each.read_text()
    return found


def _fill(text: str, target: Target) -> str:
    return re.sub(r"\b__([A-Z]+)__\b", lambda found: target.words[found[1]], text)
