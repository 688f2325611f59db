"""Where the programs of the control plane are looked for, and what is said when they are not right."""

import json
import platform
from pathlib import Path

import pytest

from auditor.errors import AssetsError, SandboxError
from auditor.sandbox import assets, gomodule
from auditor.sandbox.places import cache_directory, name_platform, state_directory
from auditor.sandbox.progress import Silent


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    return assets.builds_directory()


def programs(directory: Path, *names: str, version: str = "1.36.3") -> Path:
    directory.mkdir(parents=True)
    for name in names:
        (directory / name).write_text(f"#!/bin/sh\necho Kubernetes v{version}\n")
        (directory / name).chmod(0o755)
    return directory


def built(cache: Path, version: str = "1.36.3", facts: dict[str, object] | None = None) -> Path:
    directory = programs(cache / f"v{version}-x", *assets.PROGRAMS, version=version)
    manifest = {
        "version": version,
        "platform": name_platform(),
        "content": gomodule.content_key(version),
        "size": (directory / "etcd").stat().st_size,
    }
    (directory / "build.json").write_text(json.dumps({**manifest, **(facts or {})}))
    return directory


def test_folder_of_envtest_goes_first(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built(cache)
    folder = programs(tmp_path / "envtest", *assets.PROGRAMS, version="1.34.1")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(folder))
    found = assets.obtain(Silent())
    assert found.version == "1.34.1"
    assert {path.parent for path in found.programs.values()} == {folder}


def test_relative_folder_is_found_from_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs(tmp_path / "envtest", *assets.PROGRAMS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", "envtest")
    assert assets.obtain(Silent()).programs["etcd"] == tmp_path / "envtest" / "etcd"


def test_what_envtest_lacks_comes_from_the_cache(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = built(cache)
    folder = programs(tmp_path / "envtest", *assets.ENVTEST)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(folder))
    found = assets.obtain(Silent())
    assert found.programs["kube-apiserver"].parent == folder
    assert found.programs["kube-controller-manager"].parent == ours
    assert not assets.obtain(Silent(), controllers=False).has_controllers


def test_another_version_is_asked_for(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = built(cache, "1.35.2")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(programs(tmp_path / "envtest", *assets.PROGRAMS)))
    assert assets.obtain(Silent(), version="v1.35").programs["etcd"].parent == ours
    assert assets.obtain(Silent(), version="1.36").version == "1.36.3"


def test_newest_patch_of_a_minor_version(cache: Path) -> None:
    for version in ("1.35.2", "1.35.10", "1.35.9"):
        built(cache, version)
    found = assets.find_cached("1.35")
    assert found is not None
    assert found.version == "1.35.10"
    assert assets.find_cached("1.3") is None


@pytest.mark.parametrize("facts", [{"platform": "plan9-mips"}, {"content": "older"}])
def test_build_for_something_else_is_not_used(cache: Path, facts: dict[str, object]) -> None:
    built(cache, facts=facts)
    assert assets.find_cached("1.36.3") is None


def test_unfinished_and_unreadable_builds_are_passed_over(cache: Path) -> None:
    directory = built(cache)
    (directory / "build.json").write_text('{"version": ')
    assert assets.find_cached("1.36.3") is None


@pytest.mark.parametrize("damage", ["cut", "not executable", "gone"])
def test_damaged_cache_is_named_with_the_remedy(cache: Path, damage: str) -> None:
    etcd = built(cache) / "etcd"
    if damage == "cut":
        etcd.write_text("#")
    elif damage == "not executable":
        etcd.chmod(0o644)
    else:
        etcd.unlink()
    with pytest.raises(AssetsError, match=r"cached control plane is damaged: .*/etcd .*auditor sandbox build --force"):
        assets.find_cached("1.36.3")


def test_folder_that_lacks_a_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(programs(tmp_path / "envtest", "kubectl")))
    with pytest.raises(AssetsError, match="there is no etcd and no kube-apiserver in it"):
        assets.obtain(Silent())


def test_program_that_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = programs(tmp_path / "envtest", *assets.PROGRAMS)
    (folder / "kube-apiserver").write_bytes(b"\x7fELF of another machine")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(folder))
    with pytest.raises(AssetsError, match="Is it built for this computer"):
        assets.obtain(Silent())


@pytest.mark.parametrize("text", ["latest", "1", "2.0.0", "1.36.3-rc.1", "1.36.3; rm -rf /", "../1.36"])
def test_what_is_no_version(text: str) -> None:
    with pytest.raises(AssetsError, match="is no Kubernetes version"):
        assets.parse_version(text)


@pytest.mark.parametrize(("system", "machine"), [("Windows", "AMD64"), ("Linux", "riscv64"), ("FreeBSD", "amd64")])
def test_unsupported_platform(monkeypatch: pytest.MonkeyPatch, system: str, machine: str) -> None:
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    with pytest.raises(SandboxError, match=f"runs on Linux and macOS.* this is {system} on {machine}"):
        assets.obtain(Silent())


@pytest.mark.parametrize("place", [cache_directory, state_directory])
def test_relative_places_are_refused(monkeypatch: pytest.MonkeyPatch, place: type) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    with pytest.raises(SandboxError, match="no absolute path"):
        place()
