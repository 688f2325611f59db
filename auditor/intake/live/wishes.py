"""Which other kinds policies want to look into, and where those are to be found."""

import logging
from collections.abc import Iterable, Mapping

from auditor.cluster import Resource
from auditor.cluster.discovery import Discovery, Kinds
from auditor.engine.compiled import CompiledPolicy
from auditor.errors import ClusterError, UnknownKindError
from auditor.intake.live.objects import Pointers
from auditor.model.resource import name_kind

log = logging.getLogger(__name__)


class Wishes:
    def __init__(self, kinds: Kinds, discovery: Discovery) -> None:
        self._kinds, self._discovery = kinds, discovery
        self.missing: set[str] = set()
        """What could not be found when it was last looked for."""

    def collect(self, policies: Iterable[CompiledPolicy]) -> Mapping[Resource, Pointers]:
        """What they look up, each kind once, with the fields by which they do."""
        wanted: dict[Resource, set[str]] = {}
        missing = set()
        for policy in policies:
            for lookup in policy.policy.lookups:
                resource = self.find(lookup.group, lookup.resource)
                if resource is None:
                    missing.add(name_kind(lookup.group, lookup.resource))
                else:
                    wanted.setdefault(resource, set()).update({lookup.indexed_by} - {""})
            kind = policy.policy.param_kind
            if kind is not None:
                try:
                    wanted.setdefault(self._discovery.find_exact(kind.api_version, kind.kind), set())
                except ClusterError:
                    missing.add(f"{kind.kind} of {kind.api_version}")
        for name in sorted(missing - self.missing):
            log.warning("%s: looked up by a policy, and not to be found: its rules are errors until it comes", name)
        self.missing = missing
        return {resource: frozenset(pointers) for resource, pointers in wanted.items()}

    def find(self, group: str, plural: str) -> Resource | None:
        """In the version in which its objects are stored, for a CRD."""
        name = name_kind(group, plural)
        custom = self._kinds.get(name)
        if custom is not None and custom.established:
            return custom.resource(custom.storage_version) or custom.resource()
        try:
            return self._discovery.find(name)
        except UnknownKindError:
            return None
        except ClusterError as error:
            log.warning("%s cannot be looked for now: %s", name, error)
            return None
