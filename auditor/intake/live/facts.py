"""What the built-in checks have to know of a kind."""

from auditor.checks import KindFacts
from auditor.cluster.discovery import CrdKind


def find_facts(kind: CrdKind) -> KindFacts:
    return KindFacts(
        name=kind.name,
        storage_version=kind.storage_version,
        served={version.name: version.deprecated for version in kind.versions if version.served},
        stored_versions=kind.stored_versions,
        status_subresource=any(version.status for version in kind.versions if version.name == kind.storage_version),
    )
