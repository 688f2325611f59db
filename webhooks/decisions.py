"""What was decided lately, and how often: for the watcher to collect. No message and no value of an object is in it."""

import itertools
import secrets
import threading
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final

from auditor.json import JsonObject
from auditor.model.finding import Finding
from auditor.model.resource import GroupVersionResource
from auditor.operations import Page

# A decision takes about 1 KB. The watcher asks every 10 s or so: this is room for 400 denials a second, in 4 MB.
SIZE: Final = 4096
# The rules that one decision names; an object that violates more is told in full to the user, not here.
MAX_RULES: Final = 32
# What one call of a collector gets: about 1 MB of JSON at most; it asks again for what comes after.
PAGE: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    id: str
    time: datetime
    webhook: str
    """validate or mutate, and the group of policies that was asked."""
    uid: str
    operation: str
    api_version: str
    kind: str
    namespace: str
    name: str
    object_uid: str
    """Of the object that is there; empty if none is yet."""
    subresource: str
    user: str
    outcome: str
    allowed: bool
    dry_run: bool
    broke_glass: bool
    late: bool
    """The API server had stopped waiting: its failurePolicy decided instead."""
    seconds: float
    findings: Sequence[Finding]
    resource: GroupVersionResource | None = None
    """Of the request. What it is about may be of another kind than what it brings: for things/scale that is a Scale."""

    def describe(self) -> JsonObject:
        """Also for a line in the log."""
        rules = [
            {
                "policy": each.policy,
                "rule": each.rule,
                "result": str(each.result),
                "blocks": each.blocks,
                "path": each.path,
                "fingerprint": each.fingerprint,
                **({"exception": each.exception} if each.exception else {}),
            }
            for each in self.findings[:MAX_RULES]
        ]
        return {
            "id": self.id,
            "time": self.time.isoformat(),
            "webhook": self.webhook,
            "uid": self.uid,
            "operation": self.operation,
            "apiVersion": self.api_version,
            "kind": self.kind,
            "namespace": self.namespace,
            "name": self.name,
            "objectUid": self.object_uid,
            "subresource": self.subresource,
            "user": self.user,
            "outcome": self.outcome,
            "allowed": self.allowed,
            "dryRun": self.dry_run,
            "breakGlass": self.broke_glass,
            "late": self.late,
            "seconds": round(self.seconds, 6),
            "findings": rules,
            "moreFindings": max(0, len(self.findings) - MAX_RULES),
        }


class Ring:
    """The last decisions that tell something; plain admissions are counted only, they would push the others out.

    Numbers begin with 1 and have no gaps, so that a collector sees what it has missed. Another `instance` is another
    process, which counts anew.
    """

    def __init__(self, size: int = SIZE, *, instance: str | None = None) -> None:
        self.instance = instance or secrets.token_hex(4)
        self._ids = itertools.count(1)
        self._lock = threading.Lock()
        self._kept: deque[tuple[int, Decision]] = deque(maxlen=size)
        self._last = 0
        self._outcomes: Counter[tuple[str, str]] = Counter()
        self._results: Counter[tuple[str, str, bool]] = Counter()

    def next_id(self) -> str:
        """Of a decision that begins: unique among all processes, and short enough to be read out on a telephone."""
        return f"{self.instance}-{next(self._ids)}"

    def add(self, decision: Decision) -> None:
        with self._lock:
            self._last += 1
            self._kept.append((self._last, decision))

    def count(self, webhook: str, outcome: str, findings: Sequence[Finding]) -> None:
        """Of what was really asked for: a dry run admits nothing, and refuses nothing."""
        with self._lock:
            self._outcomes[webhook, outcome] += 1
            for each in findings:
                self._results[each.policy, each.result, each.blocks] += 1

    def since(self, number: int, limit: int = PAGE) -> JsonObject:
        """The decisions after this number, the oldest first."""
        with self._lock:
            first = self._last - len(self._kept) + 1
            start = max(0, number + 1 - first)
            found = list(itertools.islice(self._kept, start, start + max(0, min(limit, PAGE))))
            last = self._last
            outcomes, results = dict(self._outcomes), dict(self._results)
        return {
            "instance": self.instance,
            "last": last,
            "missed": max(0, first - 1 - number),
            "decisions": [{"number": number, **decision.describe()} for number, decision in found],
            "counters": {
                "decisions": [
                    {"webhook": webhook, "outcome": outcome, "count": count}
                    for (webhook, outcome), count in outcomes.items()
                ],
                "findings": [
                    {"policy": policy, "result": str(result), "blocks": blocks, "count": count}
                    for (policy, result, blocks), count in results.items()
                ],
            },
        }

    def show(self, asked: Mapping[str, str]) -> Page:
        """On the operations port, for collectors."""
        since, limit = asked.get("since", "0"), asked.get("limit", str(PAGE))
        if not (since.isdecimal() and limit.isdecimal() and len(since) < 19 and len(limit) < 19):
            return Page.text("since and limit must be whole numbers\n", HTTPStatus.BAD_REQUEST)
        return Page.json(self.since(int(since), int(limit)))
