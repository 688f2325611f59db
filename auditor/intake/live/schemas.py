"""The schemas of a cluster's kinds, each compiled when something first needs it: few of them ever are."""

import logging
import threading
from collections.abc import Iterator, Mapping

from auditor.cluster.discovery import CrdKind, CrdVersion
from auditor.errors import CompileError
from auditor.languages.schema import StructuralSchema
from auditor.model.resource import GroupVersionResource

log = logging.getLogger(__name__)


class LiveSchemas(Mapping[GroupVersionResource, StructuralSchema]):
    """Of the kinds of one moment. What was compiled of a schema goes on being used while that schema does not change.

    A schema that cannot be compiled here is not among them, after it was first asked for: the server has accepted it,
    so that is a limit of ours, and logged.
    """

    def __init__(self, kinds: Mapping[str, CrdKind], before: "LiveSchemas | None" = None) -> None:
        self._versions: dict[GroupVersionResource, CrdVersion] = {
            GroupVersionResource(kind.group, version.name, kind.plural): version
            for kind in kinds.values()
            if kind.established
            for version in kind.versions
            if version.schema is not None
        }
        self._compiled: dict[GroupVersionResource, StructuralSchema | None] = {}
        self._lock = threading.Lock()
        if before is not None:
            self._compiled = {
                resource: schema
                for resource, schema in dict(before._compiled).items()
                if before._versions.get(resource) == self._versions.get(resource)
            }

    def __getitem__(self, resource: GroupVersionResource) -> StructuralSchema:
        found = self._compiled.get(resource)
        if found is None:
            version = self._versions[resource]
            with self._lock:
                if resource not in self._compiled:
                    self._compiled[resource] = _compile(resource, version)
                found = self._compiled[resource]
        if found is None:
            raise KeyError(resource)
        return found

    def __iter__(self) -> Iterator[GroupVersionResource]:
        return (resource for resource in self._versions if self._compiled.get(resource, ...) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, resource: object) -> bool:
        return resource in self._versions and self._compiled.get(resource, ...) is not None


def _compile(resource: GroupVersionResource, version: CrdVersion) -> StructuralSchema | None:
    if version.schema is None:
        return None
    scale = version.scale and {
        "specReplicasPath": version.scale.spec_path,
        "statusReplicasPath": version.scale.status_path,
        "labelSelectorPath": version.scale.selector_path,
    }
    try:
        return StructuralSchema.compile(version.schema.unpack(), accepted=True, scale=scale)
    except CompileError as error:
        log.warning("the schema of %s.%s %s: %s", resource.resource, resource.group, resource.version, error)
        return None
