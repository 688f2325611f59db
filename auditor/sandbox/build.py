"""Builds the control plane from its Go module, once for each version; two that start at once build it once."""

import os
import re
import shutil
import time
from pathlib import Path

from auditor.errors import AssetsError
from auditor.sandbox import gomodule
from auditor.sandbox.assets import MANIFEST, PROGRAMS, Assets, builds_directory, find_cached
from auditor.sandbox.files import try_lock, write_json
from auditor.sandbox.places import name_platform
from auditor.sandbox.progress import Progress
from auditor.sandbox.toolchain import Go, obtain_go

# Measured for 1.36.3: 3.0 GB of compiled packages, 0.9 GB of modules, 0.3 GB of toolchain, 0.2 GB of program.
DISK_NEEDED = 5_000_000_000
WAIT_FOR_OTHER = 0.5


def build(version: str, progress: Progress, *, force: bool = False) -> Assets:
    """`version` may be a minor one, for its newest patch. What an interrupted build has done is kept for the next."""
    root = builds_directory()
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock = _take_turn(root / "lock", progress)
        try:
            if not force and (ready := find_cached(version)):  # somebody else built it while we waited
                return ready
            return _build(version, root, progress)
        finally:
            os.close(lock)
    except OSError as error:
        raise AssetsError(f"the control plane cannot be built in {root}: {error.strerror}: {error.filename}") from error


def refresh_sources(version: str) -> None:
    """For developers: writes go.mod and go.sum of this version among our sources."""
    from auditor.sandbox.progress import Silent

    scratch = builds_directory() / "scratch"
    gomodule.write_module(version, scratch, obtain_go(scratch / "caches", Silent()))
    here = Path(__file__).parent / "controlplane"
    for kind in ("mod", "sum"):
        shutil.copyfile(scratch / f"go.{kind}", here / f"v{version}.{kind}")


def _take_turn(path: Path, progress: Progress) -> int:
    waiting = False
    while (lock := try_lock(path)) is None:
        if not waiting:
            progress.begin("Another process is building the control plane: waiting for it")
            waiting = True
        time.sleep(WAIT_FOR_OTHER)
    return lock


def _build(version: str, root: Path, progress: Progress) -> Assets:
    scratch = root / "scratch"
    scratch.mkdir(exist_ok=True)
    _check_disk(scratch)
    go = obtain_go(scratch / "caches", progress)
    module = scratch / "module"
    if version.count(".") == 1:
        version = gomodule.newest_patch(version, scratch, go)
    shutil.rmtree(module, ignore_errors=True)
    progress.begin(f"Downloading the modules of Kubernetes {version} (about 200 MB)")
    gomodule.write_module(version, module, go)
    go.run(["mod", "download"], module)
    program = _compile(version, module, go, progress)
    assets = _store(version, program, root)
    shutil.rmtree(scratch, ignore_errors=True)
    return assets


def _check_disk(directory: Path) -> None:
    free = shutil.disk_usage(directory).free
    done = sum(f.stat().st_size for f in directory.rglob("*") if f.is_file() and not f.is_symlink())
    if free + done < DISK_NEEDED:
        raise AssetsError(
            f"the disk is too full: {free / 1e9:.1f} GB are free in {directory}, and a build needs about "
            f"{DISK_NEEDED / 1e9:.0f} GB while it runs (0.2 GB are left when it is done). "
            "Make room, or set XDG_CACHE_HOME to a place on another disk."
        )


def _compile(version: str, module: Path, go: Go, progress: Progress) -> Path:
    progress.begin(f"Compiling etcd, API server, controllers and kubectl {version} (about 5 minutes on 2 cores, once)")
    stale = go.run(["list", "-deps", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}", *_flags(version), "."], module)
    total, done = max(len(stale.split()), 1), 0

    def count(line: str) -> None:
        nonlocal done
        if re.fullmatch(r"\S+", line):  # -v prints the path of each package that it has begun
            done = min(done + 1, total)
            progress.advance(done, total)

    program = module / "controlplane"
    go.run(["build", "-v", *_flags(version), "-o", str(program), "."], module, count)
    return program


def _flags(version: str) -> list[str]:
    major, minor, _ = version.split(".")
    facts = {"gitVersion": f"v{version}", "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    stamps = " ".join(f"-X k8s.io/component-base/version.{name}={value}" for name, value in facts.items())
    return ["-ldflags", f"-s -w {stamps}"]


def _store(version: str, program: Path, root: Path) -> Assets:
    """Under its final name only when it is whole; the four names are one file."""
    content, platform = gomodule.content_key(version), name_platform()
    final = root / f"v{version}-{content}-{platform}"
    unfinished = root / f".{final.name}"
    for directory in (unfinished, final):
        shutil.rmtree(directory, ignore_errors=True)
    unfinished.mkdir()
    size = program.stat().st_size
    first = program.rename(unfinished / PROGRAMS[0])
    for name in PROGRAMS[1:]:
        (unfinished / name).hardlink_to(first)
    write_json(unfinished / MANIFEST, {"version": version, "platform": platform, "content": content, "size": size})
    unfinished.rename(final)
    return Assets(version, {name: final / name for name in PROGRAMS})
