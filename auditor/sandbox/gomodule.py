"""The Go module that the control plane is built from.

The default version's go.mod and go.sum ship with us, so that its build is the same everywhere. For other versions they
are derived from Kubernetes' own go.mod, and Go checks what it downloads against its public checksum database.
`python -m auditor.sandbox.gomodule VERSION` writes the pair for a new default version.
"""

import hashlib
import json
import re
import sys
from importlib import resources
from pathlib import Path

from auditor.errors import AssetsError
from auditor.sandbox.toolchain import Go

SOURCES = resources.files("auditor.sandbox") / "controlplane"
NAME = "auditor.dev/sandbox/controlplane"


def content_key(version: str) -> str:
    """Changes when a build of this version would give another program."""
    digest = hashlib.sha256(version.encode())
    for name in ("main.go", f"v{version}.mod", f"v{version}.sum"):
        source = SOURCES / name
        digest.update(source.read_bytes() if source.is_file() else b"")
    return digest.hexdigest()[:12]


def write_module(version: str, directory: Path, go: Go) -> None:
    """Lays main.go, go.mod and go.sum into the directory."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "main.go").write_bytes((SOURCES / "main.go").read_bytes())
    shipped = SOURCES / f"v{version}.mod"
    if shipped.is_file():
        (directory / "go.mod").write_bytes(shipped.read_bytes())
        (directory / "go.sum").write_bytes((SOURCES / f"v{version}.sum").read_bytes())
        return
    (directory / "go.mod").write_text(_derive(version, _upstream(version, directory, go)))
    go.run(["mod", "tidy"], directory)


def newest_patch(minor: str, directory: Path, go: Go) -> str:
    """1.36 becomes 1.36.3, or whatever is the newest release of that minor version."""
    directory.mkdir(parents=True, exist_ok=True)
    known = go.run(["list", "-m", "-versions", "-f", '{{join .Versions " "}}', "k8s.io/kubernetes@latest"], directory)
    patches = [int(m[1]) for m in re.finditer(rf"\bv{re.escape(minor)}\.(\d+)(?=\s|$)", known)]
    if not patches:
        raise AssetsError(f"there is no release of Kubernetes {minor}")
    return f"{minor}.{max(patches)}"


def _upstream(version: str, directory: Path, go: Go) -> str:
    answer = json.loads(go.run(["mod", "download", "-json", f"k8s.io/kubernetes@v{version}"], directory))
    return Path(answer["GoMod"]).read_text()


def _derive(version: str, upstream: str) -> str:
    """Kubernetes replaces its staging modules by folders of its repository; their releases are v0.x for its v1.x."""
    staging = f"v0.{version.split('.', 1)[1]}"
    replaced = re.findall(r"^\s*(\S+) => \./staging", upstream, re.MULTILINE)
    language = re.search(r"^go (\S+)", upstream, re.MULTILINE)
    etcd = re.search(r"go\.etcd\.io/etcd/client/v3 (\S+)", upstream)
    if not replaced or language is None or etcd is None:
        raise AssetsError(f"the go.mod of Kubernetes {version} is not of the form that we know: choose a later version")
    lines = [
        f"module {NAME}",
        f"go {language[1]}",
        "require (",
        f"\tgo.etcd.io/etcd/server/v3 {etcd[1]}",
        f"\tk8s.io/component-base {staging}",
        f"\tk8s.io/kubectl {staging}",
        f"\tk8s.io/kubernetes v{version}",
        ")",
        "replace (",
        *(f"\t{name} => {name} {staging}" for name in replaced),
        ")",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    from auditor.sandbox.build import refresh_sources

    refresh_sources(sys.argv[1])
