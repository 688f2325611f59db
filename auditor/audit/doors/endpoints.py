"""Where the doors of a Service are: the addresses in its EndpointSlices, ready or not.

Not ready are those that begin, and those that end: what they decided last counts, too.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Self

from auditor.audit.doors.asking import PORT
from auditor.cluster import Resource
from auditor.cluster.access import dig_list, dig_text
from auditor.cluster.stores import Keep
from auditor.errors import UsageError
from auditor.json import JsonObject

ENDPOINT_SLICES: Final = Resource("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", namespaced=True)
SERVICE_LABEL: Final = "kubernetes.io/service-name"
KEEP: Final = Keep(fields=frozenset({("addressType",), ("endpoints",)}))


@dataclass(frozen=True, slots=True)
class DoorService:
    name: str
    port: int = PORT
    """Of the operations of its pods: the Service itself has that of admission."""

    @classmethod
    def read(cls, text: str) -> Self:
        name, colon, port = text.partition(":")
        if colon and not (port.isascii() and port.isdecimal() and 0 < int(port) < 1 << 16):
            raise UsageError(f"door service {text!r}: NAME, or NAME:PORT with the port of its pods' operations")
        return cls(name, int(port) if colon else PORT)


def find_urls(slices: Iterable[JsonObject], port: int) -> set[str]:
    """One for each pod. Of those with addresses of both families that of IPv4, where a server listens by default."""
    found: dict[str, tuple[str, str]] = {}
    for each in slices:
        family = dig_text(each, "addressType")
        if family not in ("IPv4", "IPv6"):
            continue  # names, which are deprecated
        for endpoint in dig_list(each, "endpoints"):
            address = next((a for a in dig_list(endpoint, "addresses") if isinstance(a, str)), "")
            if address:
                pod = dig_text(endpoint, "targetRef", "uid") or address
                found[pod] = min(found.get(pod, (family, address)), (family, address))
    return {f"http://{f'[{address}]' if family == 'IPv6' else address}:{port}" for family, address in found.values()}
