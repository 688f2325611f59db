"""Where the packs are that ship with us."""

import re
from collections.abc import Callable, Iterable, Set
from pathlib import Path
from typing import Final

import auditor


def packs_directory() -> Path:
    return Path(auditor.__file__).parent / "policies"


def pack_names() -> tuple[str, ...]:
    """Cheap, as a shell asks for them at each key: a pack is a folder with a file of policies."""
    folder = packs_directory()
    if not folder.is_dir():
        return ()
    return tuple(sorted(each.name for each in folder.iterdir() if (each / "policies.yaml").is_file()))


def files_of(names: Iterable[str]) -> tuple[str, ...]:
    """Without examples: those would be what lookups find."""
    return tuple(str(file) for name in names for file in sorted((packs_directory() / name).glob("*.yaml")))


_GROUPS: Final = re.compile(r"apiGroups:\s*\[([^\]]*)\]")
"""In the one form in which our packs write them, which a test sees to: so a pack that is not needed is not read."""


def groups_of(name: str) -> frozenset[str]:
    """The groups that its policies name, `*` among them where one is about all that CRDs define."""
    text = (packs_directory() / name / "policies.yaml").read_text(encoding="utf-8")
    return frozenset(each.strip(" \"'\n") for listed in _GROUPS.findall(text) for each in listed.split(","))


def files_about(mentioned: Callable[[Iterable[str]], Set[str]]) -> tuple[str, ...]:
    """Of the packs that may concern what is to be judged: to compile all takes longer than to judge a file.

    `mentioned` tells which of some groups are spoken of.
    """
    groups = {name: groups_of(name) for name in pack_names()}
    found = {"*", *mentioned(sorted(frozenset().union(*groups.values()) - {"*"}))}
    return files_of(name for name, named in groups.items() if named & found)
