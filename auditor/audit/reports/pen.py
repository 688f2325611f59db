"""One report at a time, written or taken away under the lease of its kind; and what an answer means for the others."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from auditor.audit.reports.meters import ReportMeters
from auditor.audit.reports.shelf import Shelf
from auditor.cluster import Client, WriteOptions
from auditor.cluster.access import dig_text, split_key
from auditor.cluster.lease import Permit
from auditor.cluster.stores.packed import DIGEST_SIZE
from auditor.errors import ConflictError, ForbiddenError, NotFoundError
from auditor.json import JsonObject
from auditor.report.crs import content_of_report

MANAGER: Final = "auditor-watch"
"""Who wrote it, in managedFields."""
WRITE_TIMEOUT: Final = 10.0
"""Seconds for one write, if its lease lasts so long. The largest report takes the API server 0.4 s."""
NO_RIGHT: Final = re.compile(r'User ".*" cannot \w+ resource ')
"""In the words of RBAC."""

Guard = Callable[[str], AbstractContextManager[Permit]]


@dataclass(frozen=True, slots=True)
class Pen:
    client: Client
    guard: Guard
    meters: ReportMeters
    again: Callable[[str], None]
    """That one is to be tried once more, though nobody marks it."""

    def write(self, shelf: Shelf, key: str, report: JsonObject, kind_name: str) -> bool:
        """Whether it is there as it has to be. Where it is not, `shelf` knows why, unless it is its namespace that is
        gone, or about to be."""
        content = content_of_report(report)
        digest = blake2b(content, digest_size=DIGEST_SIZE).digest()
        if shelf.digest(key) == digest:
            shelf.said[key] = digest
            return True
        try:
            with self.guard(kind_name) as permit:
                options = WriteOptions(field_manager=MANAGER, timeout=min(permit.left(), WRITE_TIMEOUT))
                shelf.said[key] = digest  # before: its notice may be faster than the answer
                answer = self.client.apply(shelf.resource, report, force=True, options=options)
        except NotFoundError as error:
            if not error.message.startswith("namespaces "):  # with which the object is gone, too
                shelf.doubt()
                self.again(key)
            return False
        except ForbiddenError as error:
            if not _ends(error):
                self._hold(shelf, error, "written")
            return False
        self.meters.wrote(shelf.api)
        if content_of_report(answer) == content:
            shelf.succeed()
        else:
            shelf.complain(
                f"the cluster does not keep reports as they are written, {key} for one: the CRD {shelf.form.crd} lacks "
                "fields, or a webhook changes them"
            )
        return True

    def look_up(self, shelf: Shelf, key: str) -> str:
        """The uid of one that we have written and that is not among ours: not yet, or somebody took our label away."""
        if key not in shelf.said:
            return ""
        namespace, name = split_key(key)
        try:
            return dig_text(self.client.get(shelf.resource, name, namespace=namespace), "metadata", "uid")
        except NotFoundError:
            shelf.said.pop(key, None)
            return ""

    def take_away(self, shelf: Shelf, key: str, uid: str, kind_name: str) -> None:
        namespace, name = split_key(key)
        try:
            with self.guard(kind_name) as permit:
                options = WriteOptions(timeout=min(permit.left(), WRITE_TIMEOUT))
                self.client.delete(shelf.resource, name, namespace=namespace, uid=uid, options=options)
        except NotFoundError:
            shelf.said.pop(key, None)
            return
        except ConflictError:
            return  # it is another by now, of which we hear
        except ForbiddenError as error:
            self._hold(shelf, error, "deleted")
            return
        shelf.said.pop(key, None)
        self.meters.took_away(shelf.api)

    def _hold(self, shelf: Shelf, error: ForbiddenError, done: str) -> None:
        """By RBAC, it concerns all reports; others who refuse mean this one."""
        if NO_RIGHT.search(error.message) is None:
            raise error
        self.meters.fail()
        shelf.hold(f"reports cannot be {done}: {error}")


def _ends(error: ForbiddenError) -> bool:
    """Nothing can be created in a namespace that is being deleted, where objects may wait for finalizers for long."""
    return any(cause.reason == "NamespaceTerminating" for cause in error.causes)
