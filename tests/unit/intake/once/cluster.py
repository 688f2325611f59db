"""A cluster that only has lists, for tests that count or interrupt."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from auditor.cluster import Client, Resource
from auditor.engine.engine import Engine
from auditor.errors import NotFoundError
from auditor.intake.found import Scan
from auditor.intake.once.basis import Basis, Ground, make_basis, read_ground, rules_of_files
from auditor.intake.once.targets import Choice
from auditor.json import JsonObject
from tests.unit.intake.files import NOW, crd, write


@dataclass
class Lists:
    """By name of the resource a function that gives its objects."""

    things: dict[str, Callable[[], Iterable[JsonObject]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def list(self, resource: Resource, *, namespace: str = "", limit: int = 500) -> Iterator[JsonObject]:
        self.asked.append(resource.name)
        if resource.name not in self.things:
            raise NotFoundError(f"list {resource.name}", code=404)
        for thing in self.things[resource.name]():
            if namespace in ("", (thing["metadata"]).get("namespace")):
                yield thing


def established(definition: JsonObject) -> JsonObject:
    names = definition["spec"]["names"]
    stored = [each["name"] for each in definition["spec"]["versions"] if each["storage"]]
    condition = {"type": "Established", "status": "True"}
    status = {"acceptedNames": names, "conditions": [condition], "storedVersions": stored}
    return {**definition, "status": status}


def rename(definition: JsonObject, kind: str) -> JsonObject:
    plural = f"{kind.lower()}s"
    names = {"kind": kind, "plural": plural}
    return {
        **definition,
        "metadata": {"name": f"{plural}.example.com"},
        "spec": {**definition["spec"], "names": names},
    }


def make_ground(lists: Lists, definitions: Iterable[JsonObject] = (), namespaces: Iterable[str] = ("here",)) -> Ground:
    crds = [established(each) for each in definitions or [crd()]]
    lists.things["customresourcedefinitions.apiextensions.k8s.io"] = lambda: crds
    lists.things["namespaces"] = lambda: [{"metadata": {"name": name}} for name in namespaces]
    return read_ground(cast(Client, lists))


def prepare(folder: Path, ground: Ground, policies: Iterable[JsonObject], **options: Any) -> tuple[Basis, Scan]:
    rules = rules_of_files([write(folder / "policies.json", *policies)], ground, NOW)
    basis = make_basis(ground, rules, choice=Choice(**options), time=NOW)
    return basis, Scan(engine=Engine.of(rules.policies, schemas=ground.schemas))
