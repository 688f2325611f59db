"""IP addresses: `ip`, `isIP`, `ip.isCanonical` and their members."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import ClassVar, Final, Self, TypeAlias

from auditor.dataclass import dataclass
from auditor.languages.cel.libraries.declare import Function, Library
from auditor.languages.cel.types import BOOL, INT, STRING, Type

Address: TypeAlias = IPv4Address | IPv6Address

# Of the local multicast addresses only those that stay on the link, in either family.
_LINK_LOCAL_MULTICAST: Final = IPv4Network("224.0.0.0/24")
_BROADCAST: Final = IPv4Address("255.255.255.255")
_LINK_LOCAL_6: Final = IPv6Network("fe80::/10")


def parse_address(text: str) -> Address:
    """As Kubernetes reads one: neither with a zone nor an IPv4 address in disguise."""
    address = ip_address(text)
    if isinstance(address, IPv6Address):
        if "%" in text:
            raise ValueError(f"IP address {text!r} with zone value is not allowed")
        if address.ipv4_mapped is not None:
            raise ValueError(f"IPv4-mapped IPv6 address {text!r} is not allowed")
    return address


@dataclass(frozen=True, slots=True)
class IP:
    address: Address

    TYPE: ClassVar[Type] = Type("kubernetes.net.IP")

    def to_text(self) -> str:
        return str(self.address)

    @classmethod
    def from_text(cls, text: str) -> Self:
        return cls(parse_address(text))

    @property
    def is_link_local_multicast(self) -> bool:
        if isinstance(self.address, IPv4Address):
            return self.address in _LINK_LOCAL_MULTICAST
        first, second = self.address.packed[:2]
        return first == 0xFF and second & 0x0F == 0x02

    @property
    def is_link_local_unicast(self) -> bool:
        if isinstance(self.address, IPv4Address):
            return self.address.is_link_local
        return self.address in _LINK_LOCAL_6

    @property
    def is_global_unicast(self) -> bool:
        """All that is no special address; private ones count."""
        address = self.address
        special = address.is_unspecified or address.is_loopback or address.is_multicast or address == _BROADCAST
        return not special and not self.is_link_local_unicast


def is_ip(text: str) -> bool:
    try:
        parse_address(text)
    except ValueError:
        return False
    return True


_IP = IP.TYPE

LIBRARY: Final = Library(
    (
        Function("ip", (STRING,), _IP, IP.from_text, member=False),
        Function("isIP", (STRING,), BOOL, is_ip, member=False),
        Function("ip.isCanonical", (STRING,), BOOL, lambda s: str(parse_address(s)) == s, member=False),
        Function("string", (_IP,), STRING, member=False),
        Function("family", (_IP,), INT, lambda i: i.address.version),
        Function("isUnspecified", (_IP,), BOOL, lambda i: i.address.is_unspecified),
        Function("isLoopback", (_IP,), BOOL, lambda i: i.address.is_loopback),
        Function("isLinkLocalMulticast", (_IP,), BOOL, lambda i: i.is_link_local_multicast),
        Function("isLinkLocalUnicast", (_IP,), BOOL, lambda i: i.is_link_local_unicast),
        Function("isGlobalUnicast", (_IP,), BOOL, lambda i: i.is_global_unicast),
    ),
    (IP,),
)
