"""Networks: `cidr`, `isCIDR` and their members. The address before the slash is kept, host bits and all."""

from ipaddress import ip_network
from typing import ClassVar, Final, Self

from auditor.dataclass import dataclass
from auditor.languages.cel.libraries.declare import Function, Library
from auditor.languages.cel.libraries.ip import IP, Address, parse_address
from auditor.languages.cel.types import BOOL, INT, STRING, Type


@dataclass(frozen=True, slots=True)
class CIDR:
    address: Address
    length: int

    TYPE: ClassVar[Type] = Type("kubernetes.net.CIDR")

    def to_text(self) -> str:
        return f"{self.address}/{self.length}"

    @classmethod
    def from_text(cls, text: str) -> Self:
        before, slash, after = text.rpartition("/")
        address = parse_address(before)
        plain = after.isascii() and after.isdigit() and (after == "0" or not after.startswith("0"))
        if not slash or not plain or int(after) > address.max_prefixlen:
            raise ValueError(f"{text!r} is no network with a prefix length")
        return cls(address, int(after))

    @property
    def masked(self) -> "CIDR":
        return CIDR(self._masked(self.address), self.length)

    def _masked(self, address: Address) -> Address:
        return ip_network((address, self.length), strict=False).network_address

    def contains_ip(self, ip: IP) -> bool:
        return ip.address.version == self.address.version and self._masked(ip.address) == self._masked(self.address)

    def contains(self, other: "CIDR") -> bool:
        same = other.address.version == self.address.version and self.length <= other.length
        return same and self._masked(other.address) == self._masked(self.address)


def is_cidr(text: str) -> bool:
    try:
        CIDR.from_text(text)
    except ValueError:
        return False
    return True


_CIDR = CIDR.TYPE

LIBRARY: Final = Library(
    (
        Function("cidr", (STRING,), _CIDR, CIDR.from_text, member=False),
        Function("isCIDR", (STRING,), BOOL, is_cidr, member=False),
        Function("string", (_CIDR,), STRING, member=False),
        Function("containsIP", (_CIDR, STRING), BOOL, lambda c, s: c.contains_ip(IP.from_text(s))),
        Function("containsIP", (_CIDR, IP.TYPE), BOOL, CIDR.contains_ip),
        Function("containsCIDR", (_CIDR, STRING), BOOL, lambda c, s: c.contains(CIDR.from_text(s))),
        Function("containsCIDR", (_CIDR, _CIDR), BOOL, CIDR.contains),
        Function("ip", (_CIDR,), IP.TYPE, lambda c: IP(c.address)),
        Function("masked", (_CIDR,), _CIDR, lambda c: c.masked),
        Function("prefixLength", (_CIDR,), INT, lambda c: c.length),
    ),
    (CIDR,),
)
