"""To whom a connection leads: the address of a receiver is looked at, and then taken. Asked again, a name may lead
elsewhere.
"""

import ipaddress
import socket
from typing import Final

from auditor.report.delivery.parcel import DeliveryError

ADDRESSES: Final = 4
"""Of a receiver that are tried: an attempt is over by then, and not to be taken for one that was left behind."""
_HOLDS_IPV4: Final = tuple(map(ipaddress.IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "::/96")))
"""In its last 32 bits: NAT64 (RFC 6052, RFC 8215), and what came before mapped addresses. Gateways take them there."""


def connect(host: str, port: int, *, where: str, step: float, public_only: bool) -> socket.socket:
    """`where` is how a person is told of it. `public_only` refuses private addresses: no service of the cluster or of
    its provider can be meant."""
    every = [each[4] for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    found = [each for each in every if not _is_beside(str(each[0]))]
    if not found:
        raise DeliveryError(f"{where}: it has a link-local address, at which clouds tell machines their secrets")
    allowed = [each for each in found if not public_only or _is_public(str(each[0]))]
    if not allowed:
        said = "it has a private address, and this watcher delivers to public ones alone"
        raise DeliveryError(f"{where}: {said}")
    failed: OSError | None = None
    for address in allowed[:ADDRESSES]:
        try:
            return socket.create_connection((str(address[0]), int(address[1])), timeout=step)
        except OSError as error:
            failed = failed or error
    raise failed or OSError("no address")


def _is_public(address: str) -> bool:
    return all(each.is_global and not each.is_multicast for each in _read(address))


def _is_beside(address: str) -> bool:
    return any(each.is_link_local for each in _read(address))


def _read(address: str) -> tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, ...]:
    """And the address of IPv4 that it leads to, where it holds one."""
    read = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(read, ipaddress.IPv4Address):
        return (read,)
    if read.ipv4_mapped is not None:
        return (read.ipv4_mapped,)
    held = [read.sixtofour] if read.sixtofour is not None else []
    if any(read in network for network in _HOLDS_IPV4):
        held.append(ipaddress.IPv4Address(int(read) & 0xFFFFFFFF))
    return (read, *held)
