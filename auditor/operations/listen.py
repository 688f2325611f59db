"""Where a service listens."""

import ipaddress
import socket
from dataclasses import dataclass, field
from typing import Final, Self

from auditor.errors import UsageError

EVERYWHERE: Final = "0.0.0.0"  # noqa: S104 - a service: in a pod, who may come is for NetworkPolicies to say


@dataclass(frozen=True, slots=True)
class Listen:
    host: str
    port: int
    """0: any that is free, which is told in the log."""
    option: str = field(default="", compare=False)
    """By which it was said, for who has to say another."""

    @classmethod
    def read(cls, text: str, *, option: str = "") -> Self:
        host, colon, port = text.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not colon or not port.isdecimal() or int(port) > 65535:
            raise UsageError(f"{text!r} is no address to listen on: HOST:PORT, :PORT or [IPV6]:PORT")
        return cls(host or EVERYWHERE, int(port), option)

    @property
    def text(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def loopback(self) -> str:
        """Where this machine reaches it itself."""
        try:
            address = ipaddress.ip_address(self.host)
        except ValueError:
            return self.host
        if not address.is_unspecified:
            return self.host
        return "::1" if address.version == 6 else "127.0.0.1"

    def open(self, *, backlog: int | None = None) -> socket.socket:
        """`backlog`: connections that may wait to be taken. Raises UsageError where it is not possible."""
        try:
            family, _, _, _, address = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)[0]
            return socket.create_server(address[:2], family=family, backlog=backlog)
        except OSError as error:
            told = f" ({self.option})" if self.option else ""
            raise UsageError(f"cannot listen on {self.text}{told}: {error.strerror or error}") from error
