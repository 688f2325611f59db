"""The CustomResourceDefinitions of our own group, `auditor.dev/v1`, as they are installed in a cluster.

They are data: each file is what `kubectl apply` takes. Policies in files are checked against the same schemas. In
`reports` are those that others define and we write, for clusters that have none; in `short` the schemas as JSON, for
who has no time to read YAML (`python -m auditor.crds` writes them). Imports nothing of ours.
"""

from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).parent
_SUFFIX: Final = ".yaml"


def names() -> tuple[str, ...]:
    """Of all CRDs of ours: the kind in lower case, which is also the name of its file."""
    return tuple(sorted(name.removesuffix(_SUFFIX) for name in _list() if name.endswith(_SUFFIX)))


def read(name: str) -> str:
    """The YAML of one CRD, with its comments."""
    return _read(name + _SUFFIX).decode()


def read_reports(api: str) -> str:
    """The YAML of the CRDs of report kinds, two documents: of `openreports` or of `wgpolicyk8s`."""
    return _read("reports", api + _SUFFIX).decode()


def kinds() -> dict[str, str]:
    """Our kinds, each with the name of its CRD."""
    return {file.removesuffix(".json"): file.removesuffix(".json").lower() for file in sorted(_list("short"))}


def read_short(kind: str) -> bytes:
    """The schema of one kind as JSON, without descriptions and without the status, which nobody writes into a file."""
    return _read("short", kind + ".json")


def _list(folder: str = "") -> list[str]:
    return [each.name for each in (_FOLDER / folder).iterdir()]


def _read(*path: str) -> bytes:
    return _FOLDER.joinpath(*path).read_bytes()
