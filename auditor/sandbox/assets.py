"""The programs of a control plane: found where the user has them, else in our cache, else built."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from auditor.errors import AssetsError
from auditor.sandbox.files import read_json
from auditor.sandbox.places import cache_directory, name_platform
from auditor.sandbox.progress import Progress

DEFAULT_VERSION = "1.36.3"
ENVTEST = ("etcd", "kube-apiserver", "kubectl")
CONTROLLERS = "kube-controller-manager"
PROGRAMS = (*ENVTEST, CONTROLLERS)
MANIFEST = "build.json"


@dataclass(frozen=True, slots=True)
class Assets:
    version: str
    programs: dict[str, Path]

    @property
    def has_controllers(self) -> bool:
        return CONTROLLERS in self.programs


def obtain(progress: Progress, *, version: str | None = None, controllers: bool = True) -> Assets:
    """`version` is 1.36.3 or, for its newest patch, 1.36; None means what KUBEBUILDER_ASSETS has, else our default."""
    wanted = parse_version(version) if version else None
    given = _from_environment(wanted)
    if given is not None and (given.has_controllers or not controllers):
        return given
    wanted = given.version if given else wanted or DEFAULT_VERSION
    built = find_cached(wanted)
    if built is None:
        from auditor.sandbox.build import build

        built = build(wanted, progress)
    # What the user has goes first; what it lacks comes from us.
    return Assets(built.version, {**built.programs, **given.programs}) if given else built


def parse_version(text: str) -> str:
    match = re.fullmatch(r"v?(1\.\d{1,3}(?:\.\d{1,3})?)", text)
    if match is None:
        raise AssetsError(
            f"{text!r} is no Kubernetes version: give one such as {DEFAULT_VERSION}, or 1.36 for its newest"
        )
    return match[1]


def is_of(version: str, wanted: str) -> bool:
    """1.36.3 is of 1.36.3 and of 1.36."""
    return version == wanted or version.startswith(f"{wanted}.")


def find_cached(version: str) -> Assets | None:
    """The newest build in the cache that is of this version and made from what we would build it from today."""
    from auditor.sandbox.gomodule import content_key

    platform = name_platform()
    found = []
    for manifest in builds_directory().glob(f"v{version}*/{MANIFEST}"):
        facts = read_json(manifest) or {}
        built = str(facts.get("version"))
        same = facts.get("platform") == platform and facts.get("content") == content_key(built)
        if same and is_of(built, version):
            found.append((_order(built), manifest.parent, facts))
    if not found:
        return None
    _, directory, facts = max(found, key=lambda item: item[0])
    return _verify(directory, str(facts["version"]), facts.get("size"))


def builds_directory() -> Path:
    return cache_directory() / "control-plane"


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _verify(directory: Path, version: str, size: object) -> Assets:
    """A cut-off or emptied file is found here, by its size, and not by whoever tries to start it."""
    programs = {name: directory / name for name in PROGRAMS}
    for path in programs.values():
        actual = path.stat().st_size if path.is_file() else None
        if actual != size or not os.access(path, os.X_OK):
            raise AssetsError(
                f"the cached control plane is damaged: {path} "
                + (f"has {actual:,} bytes where the build wrote {size:,}" if actual and size else "cannot be run")
                + ". Build it again: auditor sandbox build --force"
            )
    return Assets(version, programs)


def _from_environment(wanted: str | None) -> Assets | None:
    named = os.environ.get("KUBEBUILDER_ASSETS")
    if not named:
        return None
    directory = Path(named).absolute()  # the programs are started from another folder
    programs = {name: directory / name for name in PROGRAMS if os.access(directory / name, os.X_OK)}
    missing = [name for name in ENVTEST if name not in programs]
    if missing:
        raise AssetsError(
            f"KUBEBUILDER_ASSETS is {named}, but there is no {' and no '.join(missing)} in it that can be run. "
            "Let it point to a folder with the programs of envtest, or unset it to use our own build."
        )
    version = _ask_version(programs["kube-apiserver"])
    if wanted is not None and not is_of(version, wanted):
        return None
    return Assets(version, programs)


def _ask_version(apiserver: Path) -> str:
    try:
        answer = subprocess.run([apiserver, "--version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise AssetsError(f"{apiserver} --version does not run: {error}. Is it built for this computer?") from error
    match = re.search(r"Kubernetes v(\d+\.\d+\.\d+)", answer.stdout)
    if match is None:
        raise AssetsError(
            f"{apiserver} --version says {(answer.stdout or answer.stderr).strip()[:200]!r}: no version of Kubernetes"
        )
    return match[1]
