"""Exec plugins: programs that print an ExecCredential, which is kept until it expires or a server refuses it.

Not the ExecProvider of the `kubernetes` package: it runs the program for every request, without a timeout, writes
certificates to files that stay, and logs what fails instead of saying it.
"""

import base64
import logging
import math
import os
import time
from collections.abc import Callable
from datetime import datetime

import orjson

from auditor.cluster.access import dig, dig_object, dig_text
from auditor.cluster.connection.command import Command, can_ask, clean
from auditor.cluster.connection.content import Pem
from auditor.cluster.connection.credential import EARLY_SECONDS, Credential, find_token_problem
from auditor.cluster.connection.section import Section
from auditor.errors import ConnectionConfigError
from auditor.json import Json, JsonObject

log = logging.getLogger(__name__)

VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
CONFIG_EXTENSION = "client.authentication.k8s.io/exec"
SHORTEST_SECONDS = 5.0
"""A credential is used so long, whatever it says: where our clock is wrong, only the server can tell."""
BY_HAND = "Run it by hand"
TERMINAL_SECONDS = 600.0
"""For a person to log in, by another device perhaps: such codes live 10 to 15 minutes."""


class ExecPlugin:
    """A Source. `cluster` is what the plugin is told about it, if the kubeconfig says so."""

    def __init__(
        self,
        section: Section,
        cluster: JsonObject,
        *,
        timeout: float,
        wall_clock: Callable[[], float] = time.time,
        may_ask: Callable[[], bool] = can_ask,
    ) -> None:
        self._wall_clock = wall_clock
        self._version = _read_version(section)
        self._interactive = _read_interactive(section, may_ask)
        self._timeout = max(timeout, TERMINAL_SECONDS) if self._interactive else timeout
        self._environment = {item.text("name"): item.text("value") for item in section.sections("env")}
        spec: JsonObject = {"interactive": self._interactive}
        if section.flag("provideClusterInfo"):
            spec["cluster"] = cluster
        info = {"apiVersion": self._version, "kind": "ExecCredential", "spec": spec}
        self._environment["KUBERNETES_EXEC_INFO"] = orjson.dumps(info).decode()
        arguments = _read_command(section)
        self._where = f"{section.locate('command')} ({arguments[0]})"
        self._command = Command(arguments, where=self._where, install_hint=clean(section.text("installHint")))
        self._credential: Credential | None = None
        self._fresh_until = 0.0

    def get(self) -> Credential:
        if self._credential is None or self._wall_clock() >= self._fresh_until:
            self._credential = self._ask()
        return self._credential

    def renew(self) -> bool:
        before, self._credential = self._credential, None
        return self.get() != before

    def close(self) -> None:
        self._command.close()

    def _ask(self) -> Credential:
        output = self._command.run(os.environ | self._environment, interactive=self._interactive, timeout=self._timeout)
        credential, expires = _read_answer(output, self._version, self._where)
        now = self._wall_clock()
        self._fresh_until = max(expires - EARLY_SECONDS, now + SHORTEST_SECONDS)
        if expires <= now:
            log.warning("%s: the credential that it gave has expired already. Check the clock", self._where)
        return credential


def describe_cluster(cluster: Section, authority: bytes) -> JsonObject:
    """As an ExecCredential tells it to the plugin."""
    told: JsonObject = {name: cluster.text(name) for name in ("server", "tls-server-name", "proxy-url")}
    told["certificate-authority-data"] = base64.b64encode(authority).decode()
    told["insecure-skip-tls-verify"] = cluster.flag("insecure-skip-tls-verify")
    told["disable-compression"] = cluster.flag("disable-compression")
    for extension in cluster.sections("extensions"):
        if extension.text("name") == CONFIG_EXTENSION:
            told["config"] = extension.fields.get("extension")
    return {name: value for name, value in told.items() if value}


def _read_command(section: Section) -> list[str]:
    """Its name is looked up in PATH; a path starts at the kubeconfig, as in kubectl."""
    command = section.text("command")
    if not command:
        raise section.error("command", "it is missing. Name the program that prints the credential")
    return [str(section.directory / command) if "/" in command else command, *section.texts("args")]


def _read_version(section: Section) -> str:
    version = section.text("apiVersion")
    if version not in VERSIONS:
        said = f"{version!r} is not known" if version else "it is missing"
        raise section.error("apiVersion", f"{said}. Write {' or '.join(VERSIONS)}, whichever the plugin speaks")
    return version


def _read_interactive(section: Section, may_ask: Callable[[], bool]) -> bool:
    mode = section.text("interactiveMode") or "IfAvailable"
    if mode not in ("Never", "IfAvailable", "Always"):
        raise section.error("interactiveMode", f"{mode!r} is not known. Write Never, IfAvailable or Always")
    if mode == "Always" and not may_ask():
        raise section.error("interactiveMode", "the plugin needs a terminal to ask at, and here is none. Log in before")
    return mode != "Never" and may_ask()


def _read_answer(output: bytes, version: str, where: str) -> tuple[Credential, float]:
    """The credential, and the time at which it expires. The answer is never shown: it holds secrets."""
    try:
        answer = orjson.loads(output)
    except orjson.JSONDecodeError:
        raise ConnectionConfigError(f"{where}: it printed {len(output)} bytes that are no JSON. {BY_HAND}") from None
    if dig_text(answer, "kind") != "ExecCredential":
        raise ConnectionConfigError(f"{where}: it printed JSON that is no ExecCredential. {BY_HAND}")
    if dig(answer, "apiVersion") != version:
        raise ConnectionConfigError(
            f"{where}: it answers in {dig(answer, 'apiVersion')!r}, and exec.apiVersion asks for {version!r}. "
            "Write the version that it speaks into the kubeconfig"
        )
    status = dig_object(answer, "status")
    token, certificate, key = (dig_text(status, name) for name in ("token", "clientCertificateData", "clientKeyData"))
    if not token and not certificate:
        raise ConnectionConfigError(f"{where}: its status has neither token nor clientCertificateData. {BY_HAND}")
    if bool(certificate) != bool(key):
        raise ConnectionConfigError(
            f"{where}: it gave one of clientCertificateData and clientKeyData, not both. {BY_HAND}"
        )
    if problem := find_token_problem(token.encode()):
        raise ConnectionConfigError(f"{where}: status.token: {problem}")
    credential = Credential(
        token.strip(),
        Pem(certificate.encode(), f"{where}: status.clientCertificateData"),
        Pem(key.encode(), f"{where}: status.clientKeyData"),
    )
    return credential, _read_expiry(dig(status, "expirationTimestamp"), where)


def _read_expiry(text: Json, where: str) -> float:
    """Without one, a credential lasts as long as the server takes it."""
    if text is None:
        return math.inf
    try:
        expires = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        expires = None
    if expires is None or expires.tzinfo is None:
        raise ConnectionConfigError(
            f"{where}: status.expirationTimestamp: this is no time like 2026-01-31T12:00:00Z. {BY_HAND}"
        )
    return expires.timestamp()
