"""Through which proxy a server is reached, if through any."""

import ipaddress
from dataclasses import dataclass, field
from importlib.util import find_spec
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies

from auditor.cluster.connection.section import Section
from auditor.errors import ConnectionConfigError

SCHEMES = ("http", "https", "socks5", "socks5h")


@dataclass(frozen=True, slots=True)
class Proxy:
    url: str
    """Without name and password."""
    credentials: str = field(default="", repr=False)
    """`name:password`."""


def find_proxy(cluster: Section, server: str) -> Proxy | None:
    """That of the kubeconfig, which nothing overrides, or that of the environment, unless NO_PROXY has the server."""
    if named := cluster.text("proxy-url"):
        return _read(named, cluster.locate("proxy-url"))
    scheme = urlsplit(server).scheme
    proxies = getproxies()
    found = proxies.get(scheme) or proxies.get("all")
    if not found or _is_exempt(server, proxies.get("no", "")):
        return None
    return _read(found, f"${scheme.upper()}_PROXY" if proxies.get(scheme) else "$ALL_PROXY")


def _is_exempt(server: str, no_proxy: str) -> bool:
    from kubernetes.client.rest import should_bypass_proxies

    return is_local(server) or should_bypass_proxies(server, no_proxy)


def is_local(server: str) -> bool:
    """Go exempts this computer, whatever NO_PROXY says, and so does kubectl."""
    host = urlsplit(server).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _read(text: str, where: str) -> Proxy:
    parts = split_url(text if "://" in text else f"http://{text}")  # as curl and Go read it
    if parts is None or not parts.hostname or parts.scheme not in SCHEMES:
        raise ConnectionConfigError(f"{where}: this is no URL of a proxy. Write it as http://proxy.example.com:3128")
    if parts.scheme.startswith("socks") and find_spec("socks") is None:
        raise ConnectionConfigError(f"{where}: a SOCKS proxy needs the package PySocks: pip install PySocks")
    login, _, address = parts.netloc.rpartition("@")
    if parts.scheme.startswith("socks"):
        return Proxy(f"{parts.scheme}://{parts.netloc}")  # its client takes name and password from the URL
    return Proxy(f"{parts.scheme}://{address}", unquote(login))


def split_url(text: str) -> SplitResult | None:
    """None if it is no URL at all."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return None
    return parts
