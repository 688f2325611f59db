"""URIs and e-mail addresses as Go's net/url and net/mail accept them."""

import ipaddress

from auditor.languages.schema.patterns import search

_SCHEME = search(r"^([a-zA-Z][a-zA-Z0-9+.\-]*)?:")
_BAD_ESCAPE = search(r"%(?:[^0-9a-fA-F]|[0-9a-fA-F][^0-9a-fA-F]|.?$)")
_USER = search(r"^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$")
_HOST = search(r"^(?:[A-Za-z0-9\-_.~!$&'()*+,;=\[\]<>\":%]|[^\x00-\x7f])*$")
_ASCII_ESCAPE = search(r"%[0-7][0-9a-fA-F]")
_PORT = search(r"^(?::[0-9]*)?$")

_ATOM = r"(?:[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]|[^\x00-\x7f])+"
_QUOTED = r'"(?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[\x20-\x7e\t]|\\[^\x00-\x7f])*"'
_DOMAIN = rf"(?:{_ATOM}(?:\.{_ATOM})*|\[[0-9A-Fa-f:.]+\])"
_SPEC = rf"(?:{_ATOM}(?:\.{_ATOM})*|{_QUOTED})@{_DOMAIN}"
_PHRASE = rf"(?:(?:{_ATOM}|{_QUOTED})(?:[ \t]+(?:[A-Za-z0-9!#$%&'*+\-/=?^_`{{|}}~.]|[^\x00-\x7f]|{_QUOTED})+)*)"
_COMMENT = r"(?:[ \t]*\([^()\\]*\))?[ \t]*"
_EMAIL = search(rf"^[ \t]*(?:{_SPEC}|{_PHRASE}?[ \t]*<{_SPEC}>){_COMMENT}$")
_EMPTY_LOCAL = search(r'(?:^|<)""@')


def is_email(text: str) -> bool:
    return _EMAIL(text) is not None and _EMPTY_LOCAL(text) is None


def is_uri(text: str) -> bool:
    """What may stand in an HTTP request line: absolute, or a path from the root."""
    if not text or any(c < " " or c == "\x7f" for c in text):
        return False
    if text == "*":
        return True
    found = _SCHEME(text)
    if found is not None and not found[1]:
        return False  # it begins with the colon
    scheme = found is not None
    rest = (text[found.end() :] if found is not None else text).partition("?")[0]
    if not rest.startswith("/"):
        return scheme
    if scheme and rest.startswith("//"):
        authority, slash, path = rest[2:].partition("/")
        if not _is_authority(authority):
            return False
        rest = slash + path
    return _BAD_ESCAPE(rest) is None


def _is_authority(text: str) -> bool:
    user, at, host = text.rpartition("@")
    if at and (_USER(user) is None or _BAD_ESCAPE(user) is not None):
        return False
    return _is_host(host)


def _is_host(host: str) -> bool:
    if host.startswith("["):
        inside, bracket, port = host[1:].rpartition("]")
        if not bracket or _PORT(port) is None:
            return False
        address, zone, name = inside.partition("%25")
        if zone and (not name or _BAD_ESCAPE(name) is not None):
            return False
        try:
            return ipaddress.ip_address(address).version == 6
        except ValueError:
            return False
    if "[" in host or "]" in host or host.count(":") > 1:
        return False
    name, colon, port = host.partition(":")
    if _PORT(colon + port) is None or _HOST(name) is None or _BAD_ESCAPE(name) is not None:
        return False
    return _ASCII_ESCAPE(name.replace("%25", "")) is None
