"""The CustomResourceDefinitions of our own group, `auditor.dev/v1`, as they are installed in a cluster.

They are data: each file is what `kubectl apply` takes. Policies in files are checked against the same schemas. In
`reports` are those that others define and we write, for clusters that have none. Imports nothing of ours.
"""

from importlib import resources

_SUFFIX = ".yaml"


def names() -> tuple[str, ...]:
    """Of all CRDs of ours: the kind in lower case, which is also the name of its file."""
    files = (file.name for file in resources.files(__name__).iterdir())
    return tuple(sorted(name.removesuffix(_SUFFIX) for name in files if name.endswith(_SUFFIX)))


def read(name: str) -> str:
    """The YAML of one CRD, with its comments."""
    return resources.files(__name__).joinpath(name + _SUFFIX).read_text(encoding="utf-8")


def read_reports(api: str) -> str:
    """The YAML of the CRDs of report kinds, two documents: of `openreports` or of `wgpolicyk8s`."""
    return resources.files(__name__).joinpath("reports", api + _SUFFIX).read_text(encoding="utf-8")
