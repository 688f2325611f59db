"""What a Lease says, and how to write one. The form is that of client-go, so `kubectl get leases` shows who leads."""

import re
from dataclasses import dataclass
from datetime import datetime

from auditor.cluster.access import dig, dig_object, dig_text
from auditor.cluster.lease.clock import micro_time
from auditor.cluster.lease.durations import LONGEST
from auditor.cluster.resource import LEASES
from auditor.errors import UsageError
from auditor.json import JsonObject

NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
LONGEST_NAME = 253
LONGEST_LABEL = 63
"""Characters: the API server refuses longer ones."""
RELEASED_SECONDS = 1
"""client-go's mark of a lease that was given back: no holder, and one second."""


@dataclass(frozen=True, slots=True)
class Record:
    """Garbage reads as nothing said."""

    name: str
    uid: str
    version: str
    holder: str
    seconds: int
    acquired: str
    transitions: int

    @property
    def released(self) -> bool:
        """Given back by who held it, who had stopped to write. A holder that somebody has removed is none such."""
        return self.holder == "" and self.seconds == RELEASED_SECONDS

    def patience(self, own: int) -> int:
        """Seconds for which it must not have changed. Whoever wrote it may trust in it longer than we in ours."""
        return max(own, min(self.seconds, LONGEST))

    def same_hold(self, other: "Record") -> bool:
        """One holder's uninterrupted hold, renewed or not."""
        mine = (self.holder, self.acquired, self.transitions)
        return mine == (other.holder, other.acquired, other.transitions)


def check_name(what: str, name: str, *, longest: int) -> None:
    """Or each round would be refused for as long as the process runs."""
    if not NAME.fullmatch(name) or len(name) > longest:
        raise UsageError(
            f"{what} {name[:longest]!r}: a name of small letters, digits, dots and dashes, as my-controller, "
            f"1 to {longest} characters"
        )


def read(lease: JsonObject) -> Record:
    spec = dig_object(lease, "spec")
    return Record(
        name=dig_text(lease, "metadata", "name"),
        uid=dig_text(lease, "metadata", "uid"),
        version=dig_text(lease, "metadata", "resourceVersion"),
        holder=dig_text(spec, "holderIdentity"),
        seconds=_whole(spec, "leaseDurationSeconds"),
        acquired=dig_text(spec, "acquireTime"),
        transitions=_whole(spec, "leaseTransitions"),
    )


def _whole(spec: JsonObject, field: str) -> int:
    found = dig(spec, field)
    return found if type(found) is int and found >= 0 else 0


def new_lease(namespace: str, name: str, *, labels: dict[str, str] | None = None) -> JsonObject:
    metadata: JsonObject = {"namespace": namespace, "name": name}
    if labels:
        metadata["labels"] = labels
    return {"apiVersion": LEASES.api_version, "kind": LEASES.kind, "metadata": metadata}


def held(lease: JsonObject, *, holder: str, seconds: int, now: datetime, acquired: str, transitions: int) -> JsonObject:
    """The lease as `holder` wants it. Its uid and version go along, so it lands on that very object or not at all.

    The uid is needed: the API server creates a Lease that is not there, whatever version an update names.
    """
    spec = {
        "holderIdentity": holder,
        "leaseDurationSeconds": seconds,
        "acquireTime": acquired,
        "renewTime": micro_time(now),
        "leaseTransitions": transitions,
    }
    return {"apiVersion": LEASES.api_version, "kind": LEASES.kind, "metadata": _metadata(lease), "spec": spec}


def released(lease: JsonObject, *, now: datetime) -> JsonObject:
    """Its number of transitions stays, so that the next holder's is higher."""
    transitions = read(lease).transitions
    stamp = micro_time(now)
    return held(lease, holder="", seconds=RELEASED_SECONDS, now=now, acquired=stamp, transitions=transitions)


def annotated(lease: JsonObject, annotations: dict[str, str]) -> JsonObject:
    metadata = _metadata(lease)
    return lease | {"metadata": metadata | {"annotations": dig_object(metadata, "annotations") | annotations}}


def _metadata(lease: JsonObject) -> JsonObject:
    return {k: v for k, v in dig_object(lease, "metadata").items() if k != "managedFields"}
