"""A pack as it stands in its folder: objects as they are written, and the first words of its page."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from auditor.dataclass import dataclass
from auditor.engine.read import name_of, read_policy
from auditor.errors import InputError, UsageError
from auditor.intake.files import SUFFIXES
from auditor.intake.load import CRD_GROUP, OWN_GROUP, Item, Loaded, read_items, sort
from auditor.intake.packs.folder import pack_names, packs_directory
from auditor.intake.prepare import PreparationError
from auditor.json import JsonObject
from auditor.languages.schema.keywords import closest
from auditor.model.match import BUILT_IN_GROUPS
from auditor.model.policy import Policy

PAGE: Final = "README.md"
NAME: Final = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
"""It becomes the value of a label."""
_LINK: Final = re.compile(r"\[([^\]]*)\]\([^)]*\)")


@dataclass(frozen=True, slots=True, eq=False)
class Pack:
    name: str
    folder: Path
    title: str
    """The heading of its page."""
    summary: str
    """The first paragraph of its page: what the pack is for."""
    crds: tuple[JsonObject, ...]
    conversions: tuple[JsonObject, ...]
    policies: tuple[JsonObject, ...]

    def read_policies(self) -> tuple[Policy, ...]:
        return tuple(map(read_policy, self.policies))

    def targets(self) -> tuple[tuple[str, str], ...]:
        """(group, resource) of what its policies are about; `*` in either is any that a CRD defines."""
        rules = [rule for policy in self.read_policies() for match in policy.matches for rule in match.rules]
        found = {(group, resource) for rule in rules for group in rule.groups for resource, _ in rule.resources}
        return tuple(sorted(found))

    def lookups(self) -> tuple[tuple[str, str], ...]:
        """(group, resource) of the other objects that its rules read."""
        found = {(each.group, each.resource) for policy in self.read_policies() for each in policy.lookups}
        return tuple(sorted(found))

    def foreign(self, kinds: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """Those of `kinds` that others have to bring: neither built in nor defined by this pack."""
        own = {(crd["spec"]["group"], crd["spec"]["names"]["plural"]) for crd in self.crds}
        others = {each for each in kinds if "*" not in each and each[0] not in BUILT_IN_GROUPS}
        return tuple(sorted(others - own))


def list_packs() -> tuple[Pack, ...]:
    """Those that ship with us, by name."""
    return tuple(map(find_pack, pack_names()))


def find_pack(name: str) -> Pack:
    """By its name, or by the path of its folder, for a pack of one's own. UsageError: there is none."""
    if name in pack_names():
        return read_pack(packs_directory() / name)
    if Path(name).is_dir():
        return read_pack(Path(name))
    near = closest(name, pack_names())
    hint = f"did you mean {near}?" if near else f"there are {', '.join(pack_names())}"
    raise UsageError(f"there is no pack {name}, nor a folder of that name: {hint}")


def read_pack(folder: Path) -> Pack:
    """Raises PreparationError with all mistakes, UsageError where there is no policy."""
    name = folder.resolve().name
    if not NAME.fullmatch(name):
        raise UsageError(f"{folder}: the folder's name cannot be the value of a label, as the name of a pack must be")
    unreadable: list[InputError] = []
    items = list(read_items(map(str, _files(folder)), unreadable))
    loaded = sort(items, Loaded())
    wrong = [mistake for mistake in loaded.mistakes if not mistake.warning]
    if unreadable or wrong:
        raise PreparationError(unreadable, wrong)
    if not loaded.policies:
        raise UsageError(f"{folder}: no policy stands in this folder, so it is no pack")
    title, summary = _read_page(folder / PAGE)
    return Pack(
        name=name,
        folder=folder,
        title=title,
        summary=summary,
        crds=tuple(_choose(items, CRD_GROUP, "CustomResourceDefinition")),
        conversions=tuple(_choose(items, OWN_GROUP, "Conversion")),
        policies=tuple(_choose(items, OWN_GROUP, "Policy")),
    )


def _files(folder: Path) -> Iterator[Path]:
    """Examples and cases are in folders below."""
    yield from sorted(each for each in folder.iterdir() if each.suffix in SUFFIXES and not each.name.startswith("."))


def _choose(items: Sequence[Item], group: str, kind: str) -> Iterator[JsonObject]:
    found = [item.thing for item in items if (item.group, item.kind) == (group, kind)]
    yield from sorted(found, key=name_of) if kind != "Policy" else found


def _read_page(page: Path) -> tuple[str, str]:
    if not page.is_file():
        return "", ""
    title, summary = "", []
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("# ") and not title:
            title = line[2:].strip()
        elif line.strip():
            summary.append(line.strip())
        elif summary:
            break
    return title, _LINK.sub(r"\1", " ".join(summary)).replace("`", "")
