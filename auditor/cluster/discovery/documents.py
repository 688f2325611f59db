"""What an API server says of its kinds, read into `Resource`s. Two forms: one document for all groups, or one for each.

An entry that lacks what it must have is left out: a faulty aggregated API must not take the others with it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from auditor.cluster.access import dig, dig_list, dig_text
from auditor.cluster.resource import Resource
from auditor.json import Json, JsonObject

AGGREGATED = ",".join(
    [
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
        "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList",  # Kubernetes 1.27 to 1.29
        "application/json",
    ]
)
"""The Accept header: a server that has no aggregated discovery answers in the old form, to the same request."""


@dataclass(frozen=True, slots=True)
class Served:
    """A group at one version."""

    group: str
    version: str
    resources: tuple[Resource, ...] | None = None
    """None: not known from this document, the version has to be asked by itself."""

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


def read_root(document: Json) -> list[Served] | None:
    """The answer of /api or /apis: groups and versions in the server's order of preference. None: it is neither."""
    match dig_text(document, "kind"):
        case "APIGroupDiscoveryList":
            return list(_read_aggregated(document))
        case "APIGroupList":
            return list(_read_groups(document))
        case "APIVersions":
            return [Served("", version) for version in dig_list(document, "versions") if isinstance(version, str)]
        case _:
            return None


def _read_aggregated(document: JsonObject) -> Iterator[Served]:
    for item in dig_list(document, "items"):
        group = dig_text(item, "metadata", "name")
        for entry in dig_list(item, "versions"):
            version = dig_text(entry, "version")
            if not version:
                continue
            # What is stale is what the server knew last of an API that does not answer it now.
            stale = dig_text(entry, "freshness") == "Stale"
            read = (_read_aggregated_resource(group, version, r) for r in dig_list(entry, "resources"))
            yield Served(group, version, None if stale else tuple(r for r in read if r))


def _read_aggregated_resource(group: str, version: str, entry: Json) -> Resource | None:
    plural, kind = dig_text(entry, "resource"), dig_text(entry, "responseKind", "kind")
    if not plural or not kind:
        return None
    return Resource(
        group,
        version,
        plural,
        kind,
        namespaced=dig_text(entry, "scope") == "Namespaced",
        singular=dig_text(entry, "singularResource") or kind.lower(),
        short_names=_texts(entry, "shortNames"),
        categories=_texts(entry, "categories"),
        verbs=frozenset(_texts(entry, "verbs")),
        subresources=frozenset(name for s in dig_list(entry, "subresources") if (name := dig_text(s, "subresource"))),
    )


def _read_groups(document: JsonObject) -> Iterator[Served]:
    for entry in dig_list(document, "groups"):
        versions = [name for v in dig_list(entry, "versions") if (name := dig_text(v, "version"))]
        preferred = dig_text(entry, "preferredVersion", "version")
        versions.sort(key=lambda version: version != preferred)
        yield from (Served(dig_text(entry, "name"), version) for version in versions)


def read_resources(group: str, version: str, document: Json) -> tuple[Resource, ...] | None:
    """The answer of /apis/GROUP/VERSION. None: it is no list of resources."""
    if dig_text(document, "kind") != "APIResourceList":
        return None
    entries = dig_list(document, "resources")
    subresources: dict[str, set[str]] = {}
    for entry in entries:
        plural, _, subresource = dig_text(entry, "name").partition("/")
        if subresource:
            subresources.setdefault(plural, set()).add(subresource)
    found = []
    for entry in entries:
        plural, kind = dig_text(entry, "name"), dig_text(entry, "kind")
        if not plural or not kind or "/" in plural:
            continue
        found.append(
            Resource(
                group,
                version,
                plural,
                kind,
                namespaced=dig(entry, "namespaced") is True,
                singular=dig_text(entry, "singularName") or kind.lower(),
                short_names=_texts(entry, "shortNames"),
                categories=_texts(entry, "categories"),
                verbs=frozenset(_texts(entry, "verbs")),
                subresources=frozenset(subresources.get(plural, ())),
            )
        )
    return tuple(found)


def _texts(entry: Json, field: str) -> tuple[str, ...]:
    return tuple(text for text in dig_list(entry, field) if isinstance(text, str))
