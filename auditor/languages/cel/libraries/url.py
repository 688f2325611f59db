"""URLs: `url`, `isURL` and their members, parsed as Go does it."""

from typing import ClassVar, Final, Self
from urllib.parse import quote, unquote_to_bytes

import re2

from auditor.dataclass import dataclass
from auditor.languages.cel.libraries.declare import Function, Library
from auditor.languages.cel.types import BOOL, STRING, Type, list_of, map_of

_SCHEME: Final = re2.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
_CONTROL: Final = re2.compile(r"[\x00-\x1f\x7f]")
_BAD_ESCAPE: Final = re2.compile(r"%(?:[^0-9A-Fa-f]|[0-9A-Fa-f][^0-9A-Fa-f]|.?$)")
_PORT: Final = re2.compile(r"(?::[0-9]*)?")
_USER: Final = re2.compile(r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*")
_HOST: Final = re2.compile(r"(?:[A-Za-z0-9\-_.~!$&'()*+,;=:\[\]<>\"]|%25|%[89A-Fa-f][0-9A-Fa-f]|[^\x00-\x7f])*")
_RAW_PATH: Final = re2.compile(r"[A-Za-z0-9\-_.~!$&'()*+,;=:@\[\]%/]*")
_UNESCAPED_IN_PATH: Final = "$&+,/:;=@-_.~"


@dataclass(frozen=True, slots=True)
class URL:
    text: str
    scheme: str
    host: str
    path: str
    """As it was written."""
    query: str

    TYPE: ClassVar[Type] = Type("kubernetes.URL")

    def to_text(self) -> str:
        return self.text

    @classmethod
    def from_text(cls, text: str) -> Self:
        """An absolute URI or an absolute path; raises ValueError."""
        check_request_uri(text)
        before, _, fragment = text.partition("#")
        _unescape(fragment)
        scheme, host, path, query = split(before)
        return cls(text, scheme, host, path, query)

    @property
    def hostname(self) -> str:
        host, _ = self._host_and_port()
        return host[1:-1] if host.startswith("[") and host.endswith("]") else host

    @property
    def port(self) -> str:
        return self._host_and_port()[1]

    def _host_and_port(self) -> tuple[str, str]:
        host, colon, port = self.host.rpartition(":")
        return (host, port) if colon and _PORT.fullmatch(f":{port}") else (self.host, "")

    @property
    def escaped_path(self) -> str:
        """As it was written, if that is a correct escaping, otherwise with the standard one."""
        if self.path == "*" or _RAW_PATH.fullmatch(self.path):
            return self.path
        return quote(unquote_to_bytes(self.path), safe=_UNESCAPED_IN_PATH)

    @property
    def parameters(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for part in self.query.split("&"):
            key, _, value = part.partition("=")
            if not part or ";" in part or _BAD_ESCAPE.search(part):
                continue
            found.setdefault(_plus(key), []).append(_plus(value))
        return found


def check_request_uri(text: str) -> None:
    """Go's ParseRequestURI: no fragment, which counts as a part of the path or query here."""
    if text == "":
        raise ValueError("empty url")
    _, _, path, _ = split(text, only_absolute=True)
    _unescape(path)


def split(text: str, *, only_absolute: bool = False) -> tuple[str, str, str, str]:
    """Scheme, host, path and query."""
    if _CONTROL.search(text):
        raise ValueError("invalid control character in URL")
    if text.startswith(":"):
        raise ValueError("missing protocol scheme")
    if text == "*":
        return "", "", "*", ""
    match = _SCHEME.match(text)
    scheme = match.group(1).lower() if match else ""
    rest, _, query = text[match.end() if match else 0 :].partition("?")
    if not rest.startswith("/"):
        if scheme:
            return scheme, "", "", query
        if only_absolute:
            raise ValueError("invalid URI for request")
        if ":" in rest.partition("/")[0]:
            raise ValueError("first path segment in URL cannot contain colon")
    host = ""
    if rest.startswith("//") and (scheme or (not only_absolute and not rest.startswith("///"))):
        authority, slash, path = rest[2:].partition("/")
        rest = slash + path
        host = _authority(authority)
    _unescape(rest)
    return scheme, host, rest, query


def _authority(text: str) -> str:
    user, at, host = text.rpartition("@")
    if at and (not _USER.fullmatch(user) or _BAD_ESCAPE.search(user)):
        raise ValueError("net/url: invalid userinfo")
    if host.startswith("["):
        _, bracket, port = host.rpartition("]")
        if not bracket:
            raise ValueError("missing ']' in host")
    else:
        port = host[host.find(":") :] if ":" in host else ""
    if not _PORT.fullmatch(port):
        raise ValueError(f"invalid port {port!r} after host")
    if not _HOST.fullmatch(host):
        raise ValueError(f"invalid character in host name {host!r}")
    return unquote_to_bytes(host).decode(errors="replace")


def _unescape(text: str) -> None:
    if _BAD_ESCAPE.search(text):
        raise ValueError("invalid URL escape")


def _plus(text: str) -> str:
    return unquote_to_bytes(text.replace("+", " ")).decode(errors="replace")


def is_url(text: str) -> bool:
    try:
        check_request_uri(text)
    except ValueError:
        return False
    return True


_URL = URL.TYPE

LIBRARY: Final = Library(
    (
        Function("url", (STRING,), _URL, URL.from_text, member=False),
        Function("isURL", (STRING,), BOOL, is_url, member=False),
        Function("getScheme", (_URL,), STRING, lambda u: u.scheme),
        Function("getHost", (_URL,), STRING, lambda u: u.host),
        Function("getHostname", (_URL,), STRING, lambda u: u.hostname),
        Function("getPort", (_URL,), STRING, lambda u: u.port),
        Function("getEscapedPath", (_URL,), STRING, lambda u: u.escaped_path),
        Function("getQuery", (_URL,), map_of(STRING, list_of(STRING)), lambda u: u.parameters),
    ),
    (URL,),
)
