"""The auth-provider of a kubeconfig: OpenID Connect, the only one that Kubernetes still knows.

An id-token is used until it expires; then the refresh token fetches another, and both are written back to the
kubeconfig, because many identity providers take a refresh token only once. The code of the `kubernetes` package trusts
any identity provider where the kubeconfig names no CA, and goes on with the old token where the new one is refused.
"""

import base64
import binascii
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote_plus, urlencode

import orjson

from auditor.cluster.access import dig, dig_list, dig_text
from auditor.cluster.connection import kubeconfig
from auditor.cluster.connection.command import clean
from auditor.cluster.connection.content import pem_of, read_content
from auditor.cluster.connection.credential import EARLY_SECONDS, Credential, Source, find_token_problem
from auditor.cluster.connection.proxy import find_proxy, split_url
from auditor.cluster.connection.section import Section
from auditor.cluster.connection.settings import Settings
from auditor.cluster.connection.tls import Material, make_context
from auditor.cluster.connection.writeback import write_tokens
from auditor.errors import ConnectionConfigError, UnreachableError
from auditor.json import Json, JsonObject

if TYPE_CHECKING:
    import urllib3

SUCCESSORS = {"gcp": "gke-gcloud-auth-plugin", "azure": "kubelogin"}


def make_provider(
    choice: kubeconfig.Choice, provider: Section, settings: Settings, *, wall_clock: Callable[[], float]
) -> Source:
    name = provider.text("name")
    if name == "oidc":
        return OpenId(choice, provider.section("config"), settings, wall_clock=wall_clock)
    successor = f" with the exec plugin {SUCCESSORS[name]}" if name in SUCCESSORS else ", with an exec plugin"
    raise provider.error(
        "name", f"{name!r} is not known: Kubernetes 1.26 has removed all but oidc. Fetch the kubeconfig anew{successor}"
    )


class OpenId:
    """A Source."""

    def __init__(
        self, choice: kubeconfig.Choice, config: Section | None, settings: Settings, *, wall_clock: Callable[[], float]
    ) -> None:
        if config is None:
            raise choice.user.error("auth-provider.config", "it is missing. Log in again")
        self._choice, self._config, self._settings, self._wall_clock = choice, config, settings, wall_clock
        self._issuer = _require(config, "idp-issuer-url").rstrip("/")
        self._client, self._secret = _require(config, "client-id"), config.text("client-secret")
        self._authority = read_content(config, "idp-certificate-authority", clock=time.monotonic)
        self._id_token = self._refresh_token = ""
        self._expires = 0.0
        self._seen = ("", "")
        self._take(config)
        self._pending: Future[JsonObject] = Future()
        self._closed = False

    def get(self) -> Credential:
        if not self._is_fresh():
            self._reread()
        if not self._is_fresh():
            self._exchange()
        return Credential(self._id_token)

    def renew(self) -> bool:
        before = self._id_token
        self._reread()
        if self._id_token == before and self._refresh_token:
            self._exchange()
        return self._id_token != before

    def close(self) -> None:
        self._closed = True
        with suppress(InvalidStateError):
            self._pending.set_exception(self._stopped())

    def _is_fresh(self) -> bool:
        return self._wall_clock() < self._expires - EARLY_SECONDS

    def _take(self, config: Section) -> None:
        seen = config.text("id-token"), config.text("refresh-token")
        if seen != self._seen:  # what the file still has of old is worth less than what we have fetched since
            if problem := find_token_problem(seen[0].encode()):
                raise config.error("id-token", problem)
            self._seen = seen
            self._id_token, self._refresh_token = seen
            self._expires = _read_expiry(self._id_token)

    def _reread(self) -> None:
        """Another process may have renewed them: with kubectl, people do it many times a day."""
        with suppress(ConnectionConfigError):
            provider = kubeconfig.read_user(self._choice).section("auth-provider")
            config = provider.section("config") if provider else None
            if config and config.text("id-token"):
                self._take(config)

    def _exchange(self) -> None:
        """The refresh token for a new pair."""
        if not self._refresh_token:
            end = datetime.fromtimestamp(self._expires, UTC)
            since = f"it expired at {end:%Y-%m-%d %H:%M:%S} UTC" if self._expires else "it is missing or no JWT"
            raise self._config.error("id-token", f"{since}, and there is no refresh-token. Log in again")
        answer = self._await(self._fetch)
        token = dig_text(answer, "id_token")
        if not token or find_token_problem(token.encode()):
            raise self._error("its answer has no id_token. The client needs the scope openid. Log in again")
        self._id_token, self._expires = token, _read_expiry(token)
        self._refresh_token = dig_text(answer, "refresh_token") or self._refresh_token
        write_tokens(self._choice, {"id-token": self._id_token, "refresh-token": self._refresh_token})

    def _await(self, call: Callable[[], JsonObject]) -> JsonObject:
        """In a thread of its own, because nobody can wake one that waits for an answer; `close` wakes us."""
        self._pending = pending = Future[JsonObject]()
        if self._closed:
            raise self._stopped()

        def work() -> None:
            try:
                result = call()
            except BaseException as error:
                with suppress(InvalidStateError):
                    pending.set_exception(error)
            else:
                with suppress(InvalidStateError):
                    pending.set_result(result)

        threading.Thread(target=work, name="identity-provider", daemon=True).start()
        return pending.result()

    def _fetch(self) -> JsonObject:
        pool = self._make_pool()
        try:
            found = self._ask(pool, "GET", f"{self._issuer}/.well-known/openid-configuration", {}, "")
            endpoint = dig_text(found, "token_endpoint")
            parts = split_url(endpoint)
            if parts is None or not parts.hostname or (self._issuer.startswith("https:") and parts.scheme != "https"):
                raise self._error("its token_endpoint is no https URL. Check idp-issuer-url")
            form = {"grant_type": "refresh_token", "refresh_token": self._refresh_token}
            headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
            ways = dig_list(found, "token_endpoint_auth_methods_supported")
            if self._secret and (not ways or "client_secret_basic" in ways):  # what OpenID Connect has by default
                pair = f"{quote_plus(self._client)}:{quote_plus(self._secret)}"
                headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
            else:
                form |= {"client_id": self._client} | ({"client_secret": self._secret} if self._secret else {})
            return self._ask(pool, "POST", endpoint, headers, urlencode(form))
        finally:
            pool.clear()

    def _make_pool(self) -> "urllib3.PoolManager":
        import urllib3

        context = make_context(Material(pem_of(self._authority)), verify=True)
        proxy = find_proxy(Section("", {}, self._config.directory), self._issuer)
        if proxy is None:
            return urllib3.PoolManager(ssl_context=context)
        login = urllib3.make_headers(proxy_basic_auth=proxy.credentials) if proxy.credentials else None
        return urllib3.ProxyManager(proxy.url, proxy_headers=login, ssl_context=context)

    def _ask(
        self, pool: "urllib3.PoolManager", method: str, url: str, headers: dict[str, str], body: str
    ) -> JsonObject:
        import urllib3

        timeout = urllib3.Timeout(connect=self._settings.connect_timeout, read=self._settings.read_timeout)
        try:
            answer = pool.request(
                method, url, headers=headers, body=body or None, timeout=timeout, retries=False, redirect=False
            )
        except urllib3.exceptions.HTTPError as error:
            raise UnreachableError(f"{self._where}: no answer from {url}: {error}") from None
        try:
            content: Json = orjson.loads(answer.data)
        except orjson.JSONDecodeError:
            content = None
        if answer.status != 200 or not isinstance(content, dict):
            said = ": ".join(filter(None, [dig_text(content, "error"), dig_text(content, "error_description")]))
            refused = f"{method} {url}: answered {answer.status}{' with no JSON object' if content is None else ''}"
            raise self._error(f"{refused}{f' ({clean(said)})' if said else ''}. Log in again, or check idp-issuer-url")
        return content

    @property
    def _where(self) -> str:
        return f"{self._config.locate('idp-issuer-url')} ({self._issuer})"

    def _error(self, problem: str) -> ConnectionConfigError:
        return ConnectionConfigError(f"{self._where}: {problem}")

    def _stopped(self) -> UnreachableError:
        return UnreachableError(f"{self._where}: stopped, because the connection has been closed")


def _require(config: Section, name: str) -> str:
    if text := config.text(name):
        return text
    raise config.error(name, "it is missing. Log in again, or ask whoever runs the cluster")


def _read_expiry(token: str) -> float:
    """Without checking the signature, which is the server's part; 0 for what is no JWT, or says no time."""
    parts = token.split(".")
    if len(parts) != 3:
        return 0.0
    try:
        claims = orjson.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):
        return 0.0
    end = dig(claims, "exp")
    return float(end) if isinstance(end, int | float) and not isinstance(end, bool) else 0.0
