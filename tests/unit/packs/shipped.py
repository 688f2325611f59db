"""The packs as they stand in the checkout, and the CRDs of others that some of them are about."""

from functools import cache
from pathlib import Path

import pytest
import yaml

from auditor.intake.load import Item, read_items
from auditor.intake.packs import packs_directory
from auditor.intake.packs.pack import Pack, read_pack
from auditor.intake.prepare import Prepared, prepare
from auditor.json import JsonObject

POLICIES = packs_directory()
NAMES = sorted(each.name for each in POLICIES.iterdir() if each.is_dir() and not each.name.startswith(("_", ".")))
OWN = [name for name in NAMES if (POLICIES / name / "crd.yaml").is_file()]
"""Packs that define their kinds; the others are about kinds of others, or of anybody."""
OTHERS = [name for name in NAMES if name not in OWN]
SHARED_DATA = Path(__file__).parents[4] / "shared" / "data"


@cache
def pack_of(name: str) -> Pack:
    return read_pack(POLICIES / name)


def read_crds(name: str) -> list[JsonObject]:
    """Of our own, without the rest of the pack: tests have a name for each before they begin."""
    return [crd for crd in yaml.safe_load_all((POLICIES / name / "crd.yaml").read_text(encoding="utf-8")) if crd]


@cache
def find_crds(name: str) -> tuple[str, ...]:
    """The files with the CRDs of the kinds that a pack is about and does not define: those of our other packs, and
    those of others, which are beside this checkout or not there."""
    wanted = _name_foreign(name)
    return tuple(str(path) for path, names in _crds_around().items() if names & wanted)


def find_unknown(name: str) -> list[str]:
    """Kinds that a pack is about or looks up, of which there is no CRD."""
    known = frozenset[str]().union(*_crds_around().values())
    return sorted(_name_foreign(name) - known)


def _name_foreign(name: str) -> set[str]:
    pack = pack_of(name)
    return {f"{plural}.{group}" for group, plural in pack.foreign((*pack.targets(), *pack.lookups()))}


def skip_without_crds(name: str) -> None:
    if (unknown := find_unknown(name)) and not SHARED_DATA.is_dir():
        pytest.skip(f"the CRDs of {', '.join(unknown)} are not beside this checkout")


@cache
def _crds_around() -> dict[Path, frozenset[str]]:
    """Each file of CRDs with the names of those in it. They are large: names are read without the rest."""
    found = {}
    for path in (*sorted(SHARED_DATA.glob("*/crds/*.yaml")), *sorted(POLICIES.glob("*/crd.yaml"))):
        lines = path.read_text(encoding="utf-8").splitlines()
        names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("  name:")]
        found[path] = frozenset(str(yaml.safe_load(name)) for name in names)
    return found


@cache
def prepared(name: str) -> Prepared:
    """As `auditor test` has it, and with the CRDs of others."""
    beside = [str(each) for each in sorted((POLICIES / name).glob("*.yaml"))]
    return prepare([*beside, *find_crds(name)])


def cases(name: str, kind: str = "") -> list[Path]:
    return sorted((POLICIES / name / "tests").rglob(f"{kind}*.yaml"))


def examples(name: str, kind: str) -> list[Path]:
    return sorted((POLICIES / name / "examples" / kind).rglob("*.yaml"))


def read(path: Path) -> list[Item]:
    return list(read_items([str(path)], []))


def find_expected(bad: Path) -> list[str]:
    """`policy/rule` of the lines `# violates:` of a bad example."""
    lines = bad.read_text(encoding="utf-8").splitlines()
    return sorted(line.removeprefix("# violates:").strip() for line in lines if line.startswith("# violates:"))
