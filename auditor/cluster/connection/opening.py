"""From settings to an open access: every mistake in them is found here, before anything is asked of the cluster."""

import logging
import time
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

from auditor.cluster.connection import kubeconfig
from auditor.cluster.connection.access import Access
from auditor.cluster.connection.content import read_content
from auditor.cluster.connection.credential import Layered, Source, Written
from auditor.cluster.connection.impersonation import read_impersonation
from auditor.cluster.connection.plugin import ExecPlugin, describe_cluster
from auditor.cluster.connection.provider import make_provider
from auditor.cluster.connection.proxy import find_proxy, is_local, split_url
from auditor.cluster.connection.section import Section
from auditor.cluster.connection.settings import Settings
from auditor.errors import ConnectionConfigError

if TYPE_CHECKING:
    from kubernetes.client import Configuration

log = logging.getLogger(__name__)

NO_BASIC_AUTH = (
    "API servers have not known users with passwords since Kubernetes 1.19. "
    "Use a token, a client certificate or an exec plugin"
)


def open_access(
    settings: Settings,
    *,
    clock: Callable[[], float] = time.monotonic,
    wall_clock: Callable[[], float] = time.time,
) -> Access:
    """Reads all that the settings name, and runs the exec plugin, if there is one."""
    # Not "<= 0": what is no number at all is neither that nor more.
    if not all(limit > 0 for limit in (settings.connect_timeout, settings.read_timeout, settings.exec_timeout)):
        raise ConnectionConfigError("a timeout is not more than 0 seconds. Give it some")
    if not settings.qps > 0 or settings.burst < 1:
        raise ConnectionConfigError(
            f"{settings.qps:g} calls a second (qps), {settings.burst} at a time (burst): nothing could be asked. "
            "Allow more than 0 a second, and 1 or more at a time"
        )
    choice = kubeconfig.choose(settings)
    cluster, user = choice.cluster, choice.user
    configuration = _configure(cluster)
    authority = read_content(cluster, "certificate-authority", clock=clock)
    access = Access(
        configuration=configuration,
        context=choice.context,
        namespace=choice.namespace,
        user=choice.user_name,
        authority=authority,
        impersonation=read_impersonation(settings, user),
        source=_make_source(choice, authority.get(), settings, clock=clock, wall_clock=wall_clock),
        clock=clock,
        wall_clock=wall_clock,
    )
    try:
        access.headers()
        access.tls()
        _warn(access, cluster)
        return access
    except BaseException:
        access.close()
        raise


def _warn(access: Access, cluster: Section) -> None:
    from urllib3.exceptions import InsecureRequestWarning

    if not access.configuration.verify_ssl:
        # urllib3 would say it for each connection, once for each line of code that makes one.
        warnings.filterwarnings("ignore", category=InsecureRequestWarning)
        log.warning(
            "%s: insecure-skip-tls-verify: whoever is in between can read and change everything that is asked of %s",
            cluster.place,
            access.server,
        )
    if access.server.startswith("http:") and not is_local(access.server) and access.headers().get("Authorization"):
        log.warning(
            "%s: %s is not encrypted: everybody on the way can read the token", cluster.locate("server"), access.server
        )


def _configure(cluster: Section) -> "Configuration":
    """Of the `kubernetes` package, for its transport. It looks for proxies in the environment, too, and would apply
    NO_PROXY to that of a kubeconfig: it is told what was found here."""
    from kubernetes.client import Configuration
    from urllib3.util import make_headers

    server = _read_server(cluster)
    insecure = cluster.flag("insecure-skip-tls-verify")
    if insecure and (cluster.text("certificate-authority") or cluster.text("certificate-authority-data")):
        raise cluster.error("insecure-skip-tls-verify", "there is a certificate-authority, too. Remove one of the two")
    proxy = find_proxy(cluster, server)
    configuration = Configuration(host=server, no_proxy="", verify_ssl=not insecure)
    configuration.proxy = proxy.url if proxy else None
    if proxy and proxy.credentials:
        configuration.proxy_headers = make_headers(proxy_basic_auth=proxy.credentials)
    configuration.tls_server_name = cluster.text("tls-server-name") or None
    return configuration


def _read_server(cluster: Section) -> str:
    text = cluster.text("server")
    if not text:
        raise cluster.error("server", "it is missing. Write the URL of the API server")
    parts = split_url(text)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise cluster.error("server", "this is no URL of an API server. Write it as https://HOST:PORT")
    if "@" in parts.netloc:
        raise cluster.error("server", "a URL with a user in it. Put its token or certificate into the user's entry")
    return text.rstrip("/")


def _make_source(
    choice: kubeconfig.Choice,
    authority: bytes,
    settings: Settings,
    *,
    clock: Callable[[], float],
    wall_clock: Callable[[], float],
) -> Source:
    user = choice.user
    plugin, provider = user.section("exec"), user.section("auth-provider")
    if user.text("username") or user.text("password"):
        raise user.error("username", NO_BASIC_AUTH)
    if plugin and provider:
        raise user.error("exec", "there is an auth-provider, too. Remove one of the two")
    written = Written(user, clock=clock)
    if written.get().token:  # it goes first, as in kubectl
        return written
    if provider:
        return Layered(written, make_provider(choice, provider, settings, wall_clock=wall_clock), clock=clock)
    if not plugin:
        return written
    cluster = describe_cluster(choice.cluster, authority)
    source = ExecPlugin(plugin, cluster, timeout=settings.exec_timeout, wall_clock=wall_clock)
    return Layered(written, source, clock=clock)
