"""What each account asked of the API server, by the API server's own audit log."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from auditor.json import JsonObject
from auditor.model.rights import ANY, Atom, Right

POLICY = """
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  userGroups: ["system:serviceaccounts:auditor-system"]
- level: None
"""


@dataclass(slots=True)
class Log:
    """Each line is written before the answer goes out: who has the answer finds the line."""

    directory: Path
    _read: int = 0
    _used: defaultdict[str, set[Atom]] = field(default_factory=lambda: defaultdict(set))
    _refused: defaultdict[str, set[Atom]] = field(default_factory=lambda: defaultdict(set))

    @classmethod
    def make(cls, directory: Path) -> "Log":
        (directory / "policy.yaml").write_text(POLICY)
        return cls(directory)

    @property
    def arguments(self) -> tuple[str, ...]:
        return (f"--audit-policy-file={self.directory}/policy.yaml", f"--audit-log-path={self.directory}/audit.log")

    def used(self, account: str) -> set[Atom]:
        """What it was allowed to do, and did."""
        self._follow()
        return self._used[account]

    def refused(self, account: str) -> set[Atom]:
        self._follow()
        return self._refused[account]

    def _follow(self) -> None:
        with (self.directory / "audit.log").open("rb") as log:
            log.seek(self._read)
            text = log.read()
        whole = text[: text.rfind(b"\n") + 1]  # the last line may be on its way
        self._read += len(whole)
        for line in whole.splitlines():
            self._take(orjson.loads(line))

    def _take(self, event: JsonObject) -> None:
        account = event["user"]["username"].removeprefix("system:serviceaccount:auditor-system:")
        if "resource" not in event.get("objectRef", {}):
            return
        decision = event["annotations"].get("authorization.k8s.io/decision")
        if decision == "allow":
            self._used[account] |= set(_atoms(event))
        if decision == "forbid" or event.get("responseStatus", {}).get("code") == 403:
            self._refused[account] |= set(_atoms(event))


def _atoms(event: JsonObject) -> Iterator[Atom]:
    what = event["objectRef"]
    resource = what["resource"] + (f"/{what['subresource']}" if "subresource" in what else "")
    atom = Atom(
        event["verb"], what.get("apiGroup", ""), resource, what.get("name", ANY), what.get("namespace", "") or ANY
    )
    yield atom
    if event["verb"] == "patch" and event.get("responseStatus", {}).get("code") == 201:
        yield atom._replace(verb="create")  # which is asked for as well where an apply makes the object


def list_idle(granted: Iterable[Right], used: Collection[Atom]) -> list[Atom]:
    """What was granted and never used: without names and namespaces, where any will do."""
    return sorted({atom for right in granted for atom in right.atoms() if not any(atom.covers(each) for each in used)})


def list_odd(granted: Iterable[Right], used: Collection[Atom]) -> list[Atom]:
    """What was allowed, and not by these."""
    atoms = [atom for right in granted for atom in right.atoms()]
    return sorted(each for each in used if not any(atom.covers(each) for atom in atoms))


def show(atoms: Iterable[Atom]) -> str:
    return "\n".join(re.sub(r" \*$", "", f"{a.verb} {a.resource}.{a.group} {a.name} {a.namespace}") for a in atoms)
