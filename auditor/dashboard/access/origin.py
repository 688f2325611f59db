"""What every request has to be before anything looks at it: for our host, and a POST from our own pages."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from flask import Request

from auditor.errors import UsageError

SAFE: Final = frozenset(("GET", "HEAD", "OPTIONS"))


@dataclass(frozen=True, slots=True)
class Origin:
    """As browsers write it: `https://auditor.example.com`."""

    scheme: str
    hosts: frozenset[str]
    """With the port, where it is not that of the scheme. A page of another name that leads here is none of ours."""

    @classmethod
    def read(cls, url: str) -> "Origin":
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/") or parts.username:
            raise UsageError(f"{url!r} is no public URL: it is https://HOST or https://HOST:PORT, without a path")
        return cls(parts.scheme, frozenset((parts.netloc.lower(),)))

    @classmethod
    def of_loopback(cls, host: str, port: int, *, scheme: str = "http") -> "Origin":
        named = f"[{host}]" if ":" in host else host
        return cls(scheme, frozenset(f"{each}:{port}" for each in (named, "localhost", "127.0.0.1")))

    @property
    def secure(self) -> bool:
        return self.scheme == "https"

    @property
    def lasting(self) -> bool:
        """Browsers may remember that it has TLS: not of the names of this computer, which belong to others, too."""
        return self.secure and not any(host.startswith(("localhost", "127.", "[::1]")) for host in self.hosts)

    def is_asked(self, request: Request) -> bool:
        """A name that somebody else let point to us is not ours (DNS rebinding)."""
        return request.headers.get("Host", "").lower() in self.hosts

    def is_own(self, request: Request) -> bool:
        """Browsers say with every POST where it comes from; who does not say it is none."""
        if request.method in SAFE:
            return True
        return request.headers.get("Origin", "").lower() in {f"{self.scheme}://{host}" for host in self.hosts}
