"""Programs of others that tests drive. Helm is built from its Go module, once for each version, and kept in a cache."""

import fcntl
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from auditor.sandbox.places import cache_directory, name_platform
from auditor.sandbox.progress import Silent
from auditor.sandbox.toolchain import obtain_go

HELM = "v4.3.1"


def helm() -> Path:
    """Those who ask at once wait for the one that builds, for two minutes. `make test` does it before the tests."""
    root = cache_directory() / "programs"
    final = root / f"helm-{HELM}-{name_platform()}"
    if final.is_file():
        return final
    root.mkdir(parents=True, exist_ok=True)
    with (root / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not final.is_file():
            _build(root, final)
    return final


def promtool() -> Path:
    """It comes with Prometheus; to build it takes ten minutes."""
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("there is no promtool on PATH: install Prometheus")
    return Path(found)


def _build(root: Path, final: Path) -> None:
    """What the build needed, 2 GB, goes when the program is there; an interrupted one is gone on with."""
    go = obtain_go(root / "caches", Silent())
    with TemporaryDirectory(dir=root) as place:
        module = Path(place)
        (module / "go.mod").write_text("module auditor.dev/tests\n\ngo 1.26\n")
        go.run(["get", "-tool", f"helm.sh/helm/v4/cmd/helm@{HELM}"], module)
        go.run(["build", "-ldflags", "-s -w", "-o", "helm", "helm.sh/helm/v4/cmd/helm"], module)
        (module / "helm").rename(final)
    shutil.rmtree(root / "caches", ignore_errors=True)


if __name__ == "__main__":
    helm()
