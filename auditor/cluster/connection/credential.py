"""Who we are to a server: a token, a certificate with its key, or both."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from auditor.cluster.connection.content import Content, Fixed, Pem, pem_of, read_content
from auditor.cluster.connection.section import Section
from auditor.errors import ClusterError

T = TypeVar("T")

EARLY_SECONDS = 10.0
"""A credential is renewed so long before it expires: for requests under way, and clocks that differ a little."""
HOLD_SECONDS = 5.0
"""A plugin that failed is not asked again so long: two hundred watches are one reason to run it."""


@dataclass(frozen=True, slots=True)
class Credential:
    token: str = field(default="", repr=False)
    certificate: Pem = field(default_factory=Pem)
    key: Pem = field(default_factory=Pem)


class Source(Protocol):
    """Whoever calls holds the lock of the access: a source is never asked by two at a time."""

    def get(self) -> Credential:
        """As of now. Takes microseconds, unless something is due."""

    def renew(self) -> bool:
        """The server did not take it: whether there is another now."""

    def close(self) -> None:
        """From any thread: whatever `get` is waiting for ends."""


class Written:
    """What the kubeconfig holds, or the files that it names and that others renew."""

    def __init__(self, user: Section, *, clock: Callable[[], float]) -> None:
        self._token: Content | Fixed
        # Of both the file goes first, as in kubectl: it is the fresher one.
        if path := user.path("tokenFile"):
            self._token = Content(user, "tokenFile", path, clock=clock, find_problem=find_token_problem)
        else:
            self._token = Fixed(user.text("token").encode())
            if problem := find_token_problem(self._token.get()):
                raise user.error("token", problem)
        self._certificate = read_content(user, "client-certificate", clock=clock)
        self._key = read_content(user, "client-key", clock=clock)

    def get(self) -> Credential:
        return Credential(self._token.get().strip().decode(), pem_of(self._certificate), pem_of(self._key))

    def renew(self) -> bool:
        before = self.get()
        for content in (self._token, self._certificate, self._key):
            content.reread()
        return self.get() != before

    def close(self) -> None:
        """Nothing is open."""


def find_token_problem(token: bytes) -> str:
    """What a header cannot carry."""
    if all(0x21 <= byte <= 0x7E for byte in token.strip()):
        return ""
    return "this is no token: it holds blanks or other characters that no token has. Fetch it anew"


class Layered:
    """A plugin beside what is written: its certificate goes before the written one, its token after."""

    def __init__(self, written: Written, plugin: Source, *, clock: Callable[[], float]) -> None:
        self._written, self._plugin, self._clock = written, plugin, clock
        self._failure: ClusterError | None = None
        self._failed_at = 0.0

    def get(self) -> Credential:
        written, plugin = self._written.get(), self._guard(self._plugin.get)
        if plugin.certificate.text:
            return Credential(written.token or plugin.token, plugin.certificate, plugin.key)
        return Credential(written.token or plugin.token, written.certificate, written.key)

    def renew(self) -> bool:
        written, plugin = self._written.renew(), self._guard(self._plugin.renew)
        return written or plugin

    def close(self) -> None:
        self._plugin.close()

    def _guard(self, ask: Callable[[], T]) -> T:
        if self._failure is not None and self._clock() - self._failed_at < HOLD_SECONDS:
            raise type(self._failure)(*self._failure.args)
        try:
            return ask()
        except ClusterError as error:
            self._failure, self._failed_at = error, self._clock()
            raise
