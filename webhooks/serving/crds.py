"""Updates of CRDs at admission: what they would do to the objects that are stored, before they do it.

Objects are listed while the API server waits, so all of it is bounded: how long, how many at once, and by a client of
its own, so that nothing else waits for its turn behind these lists. What cannot be told in time passes, with a warning
that says so.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Final

from auditor.cluster import Client, Resource
from auditor.cluster.access import dig, dig_text
from auditor.cluster.discovery import CrdKind, read_crd
from auditor.engine.patch import same
from auditor.errors import AuditorError, ClusterError
from auditor.intake.impact.crd import Convert, CrdImpact, describe_gaps, describe_harm, judge_crd_update
from auditor.intake.live.view import View
from auditor.intake.load import OWN_GROUP
from auditor.intake.once.reading import explain
from auditor.json import JsonObject
from auditor.model.finding import Finding
from auditor.model.request import Operation, Request
from auditor.webhooks import judge
from auditor.webhooks.judge import Fault, Judgement
from auditor.webhooks.registration.configurations import CRD_TIMEOUT
from auditor.webhooks.serving.own import ALLOWED, deny
from auditor.webhooks.wording import one_line, sort_findings

PATH: Final = "validate/crds"
NAME: Final = "crd-impact"
"""In place of a policy's, in messages, metrics and Events."""
ACCEPT: Final = "auditor.dev/accept-impact"
"""Annotation of a CRD: the generation that may do harm. So it is for one change, and not for those after it."""
ALL: Final = "`auditor impact --crd FILE` tells all of it"

AT_ONCE: Final = 2
"""Each holds one of the threads that answer reviews (16), and a page of objects, which takes up to 36 MB."""
SECONDS: Final = CRD_TIMEOUT * 2 / 3
"""For looking at objects. The rest is for the way, and for a page that is still to come."""
PATIENCE: Final = CRD_TIMEOUT * 0.85
"""Seconds until it is answered even if a page does not come at all."""
PAUSE: Final = 0.0001
"""Seconds after each object, for reviews that wait for the interpreter: else each of them would wait for 5 ms, several
times. To look at a small object takes about as long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    at_once: int = AT_ONCE
    seconds: float = SECONDS
    patience: float = PATIENCE


class CrdReviewer:
    """Safe to share among threads."""

    def __init__(
        self, client: Client, current: Callable[[], View | None], *, deny: bool, limits: Limits | None = None
    ) -> None:
        """`current` gives what is known of the cluster at the moment: our conversions."""
        self._client = client
        self._current = current
        self._deny = deny
        self._limits = limits or Limits()
        self._free = threading.BoundedSemaphore(self._limits.at_once)

    def judge(self, request: Request) -> Judgement:
        old, new = request.old_object, request.object
        if request.operation is not Operation.UPDATE or request.subresource or old is None or new is None:
            return ALLOWED
        kind = read_crd(old)
        unchanged = same(old["spec"].get("versions"), new["spec"].get("versions"))
        if unchanged or kind.group == OWN_GROUP or kind.terminating or not kind.established:
            return ALLOWED
        try:
            impact = self._look(kind, old, new)
        except AuditorError as error:
            return judge.fail(one_line(f"{error}; {ALL}"), closed=False, fault=Fault.CLUSTER)
        return self._answer(impact, new)

    def _look(self, kind: CrdKind, old: JsonObject, new: JsonObject) -> CrdImpact:
        if not self._free.acquire(blocking=False):
            raise ClusterError(f"auditor is looking at the objects of {self._limits.at_once} other CRDs at the moment")
        found: Future[CrdImpact] = Future()

        def work() -> None:
            try:
                found.set_result(self._compare(kind, old, new))
            except BaseException as error:
                found.set_exception(error)
            finally:
                self._free.release()

        threading.Thread(target=work, name="crd impact", daemon=True).start()
        try:
            return found.result(self._limits.patience)
        except TimeoutError:
            seconds = self._limits.patience
            raise ClusterError(f"the objects of {kind.name} could not be listed within {seconds:g} s") from None

    def _compare(self, kind: CrdKind, old: JsonObject, new: JsonObject) -> CrdImpact:
        end = time.monotonic() + self._limits.seconds
        resource = kind.resource(kind.storage_version) or kind.resource()
        if resource is None:
            raise ClusterError(f"{kind.name}: no version of it is served: what is stored cannot be read")
        return judge_crd_update(
            old,
            new,
            lambda: self._list(resource),
            lambda: time.monotonic() > end,
            convert=self._find_conversion(kind),
        )

    def _list(self, resource: Resource) -> Iterator[JsonObject]:
        read = 0
        try:
            for thing in self._client.list(resource):
                yield thing
                read += 1
                time.sleep(PAUSE)
        except ClusterError as error:
            raise explain(error, resource, read=read) from error

    def _find_conversion(self, kind: CrdKind) -> Convert | None:
        view = self._current()
        state = None if view is None else view.conversions.get(kind.name)
        return None if state is None or state.good is None else state.good.convert

    def _answer(self, impact: CrdImpact, new: JsonObject) -> Judgement:
        harm, gaps = ([one_line(each) for each in what(impact)] for what in (describe_harm, describe_gaps))
        generation = dig(new, "metadata", "generation")
        accepted = self._deny and dig_text(new, "metadata", "annotations", ACCEPT) == str(generation)
        if self._deny and harm and not accepted:
            name = dig_text(new, "metadata", "name")
            annotate = f"kubectl annotate crd {name} {ACCEPT}={generation} --overwrite"
            insist = f"{ALL}. To have this one change nevertheless: {annotate}"
            return Judgement(allowed=False, findings=_find(harm, insist), warnings=gaps)
        more = [ALL] if harm or gaps else []
        return Judgement(allowed=True, warnings=(*harm, *gaps, *more), error="; ".join(gaps), fault=_fault(gaps))


def _fault(gaps: list[str]) -> Fault:
    return Fault.CLUSTER if gaps else Fault.NONE


def _find(harm: list[str], insist: str) -> list[Finding]:
    findings = [deny(NAME, each, reason="Forbidden") for each in harm]
    first, *rest = sort_findings(findings)  # however long the list is, the first is told
    return [replace(first, remediation=insist), *rest]
