"""Writes stored objects anew, so that all of a kind are stored in one version, and says so in the CRD's status.

An update that changes nothing makes the API server compare what it would store with what it has stored. Where that is
in another version it differs, and is written; where not, nothing is.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from auditor.cluster import Client, Resource, WriteOptions
from auditor.cluster.access import dig_text
from auditor.cluster.discovery import CrdKind
from auditor.cluster.discovery.crd import read_crd
from auditor.cluster.resource import CRDS
from auditor.errors import ApiError, ClusterError, ConflictError, NotFoundError, UsageError
from auditor.json import JsonObject
from auditor.webhooks.registration.sections import list_debt

log = logging.getLogger(__name__)

MANAGER = "auditor-migration"
"""It never shows in an object whose fields stay as they are."""
ATTEMPTS = 10
"""Of one object that others are writing. Whoever writes it has it stored in the new version, so the first conflict is
already as good as done; this is for writes that only touched a subresource of it, and settles the same way."""
MAX_FAULTS = 20
"""Faults that are told in words; all are counted."""


@dataclass(slots=True)
class Migration:
    """What has been done of one kind."""

    kind: CrdKind
    rewritten: int = 0
    gone: int = 0
    """Deleted between the list and the write."""
    failed: int = 0
    faults: list[str] = field(default_factory=list)
    finished: bool = False
    """Nothing is stored in another version any more, and the CRD says so."""

    @property
    def done(self) -> int:
        return self.rewritten + self.gone + self.failed

    def fail(self, text: str) -> None:
        self.failed += 1
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(text)


Progress = Callable[[Migration], None]


def read_kind(client: Client, name: str) -> CrdKind:
    try:
        return read_crd(client.get(CRDS, name))
    except NotFoundError as error:
        raise UsageError(f"there is no CRD {name} in this cluster: it is given as databases.db.example.com") from error


def list_kinds_with_debt(client: Client) -> Iterator[CrdKind]:
    """CRDs of which objects may be stored in a version that is no longer the one to store in."""
    for crd in client.list(CRDS, limit=25):  # CRDs of 1 MB exist, and a page is in memory as a whole
        kind = read_crd(crd)
        if list_debt(kind):
            yield kind


def migrate(
    client: Client,
    kind: CrdKind,
    *,
    progress: Progress = lambda _: None,
    stop: threading.Event | None = None,
    dry_run: bool = False,
) -> Migration:
    """Page by page. May be broken off and begun again at any time. A CRD whose storage version changes meanwhile, or of
    which an object could not be written, keeps its `storedVersions`."""
    migration = Migration(kind)
    resource = kind.resource(kind.storage_version) or kind.resource()
    if resource is None:
        raise UsageError(f"{kind.name} serves no version: its objects can neither be read nor written")
    options = WriteOptions(field_manager=MANAGER, field_validation="Ignore", dry_run=dry_run)
    for obj in client.list(resource):
        if stop is not None and stop.is_set():
            return migration
        _rewrite(client, resource, obj, migration, options)
        progress(migration)
    if not migration.failed:
        migration.finished = _record(client, kind, migration, options)
    return migration


def _rewrite(client: Client, resource: Resource, obj: JsonObject, migration: Migration, options: WriteOptions) -> None:
    namespace, name, uid = (dig_text(obj, "metadata", part) for part in ("namespace", "name", "uid"))
    for attempt in range(1, ATTEMPTS + 1):
        try:
            client.update(resource, obj, options=options)
        except ConflictError as error:
            if attempt == ATTEMPTS:
                migration.fail(str(error))
                return
            try:
                obj = client.get(resource, name, namespace=namespace)
            except NotFoundError:
                migration.gone += 1
                return
            except ClusterError as unread:
                migration.fail(str(unread))
                return
            if dig_text(obj, "metadata", "uid") != uid:  # made anew since, and so stored in the version of now
                migration.gone += 1
                return
        except NotFoundError:
            migration.gone += 1
            return
        except ApiError as error:  # refused, by admission or because it is invalid by today's schema
            migration.fail(str(error))
            return
        else:
            migration.rewritten += 1
            return


def _record(client: Client, kind: CrdKind, migration: Migration, options: WriteOptions) -> bool:
    """Only if the CRD still stores as it did when we began: an object written in between went there, too."""
    changed = False

    def trim(crd: JsonObject) -> JsonObject | None:
        nonlocal changed
        now = read_crd(crd)
        changed = (now.uid, now.storage_version) != (kind.uid, kind.storage_version) or not set(
            now.stored_versions
        ) <= {*kind.stored_versions, kind.storage_version}
        if changed or not list_debt(now):
            return None
        return crd | {"status": crd["status"] | {"storedVersions": [kind.storage_version]}}

    client.edit(CRDS, kind.name, trim, subresource="status", options=options)
    if changed:
        migration.faults.append(
            f"{kind.name} was changed meanwhile, and its storedVersions are as they were. Begin again"
        )
    return not changed
