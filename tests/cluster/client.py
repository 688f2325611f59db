"""Connections to the API server of the tests: one for each thread, kept open in between."""

import http.client
import ssl
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import orjson

from auditor.json import Json, JsonObject
from auditor.sandbox import Sandbox

BUSY = 429


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: JsonObject
    warnings: tuple[str, ...]
    """The headers as they came."""


class Client:
    """As the administrator, or whoever has the certificate `folder/name.crt`."""

    def __init__(self, control_plane: Sandbox, certificate: Path | None = None) -> None:
        pki = control_plane.record.directory / "pki"
        certificate = certificate or pki / "admin.crt"
        self._tls = ssl.create_default_context(cafile=pki / "ca.crt")
        self._tls.load_cert_chain(certificate, certificate.with_suffix(".key"))
        self._address = urlsplit(control_plane.record.url)
        self._local = threading.local()
        self._open: list[http.client.HTTPSConnection] = []

    def close(self) -> None:
        for connection in self._open:
            connection.close()

    def ask(self, method: str, path: str, body: Json = None, content: str = "application/json") -> Response:
        payload = None if body is None else body if isinstance(body, bytes) else orjson.dumps(body)
        while (answer := self._insist(method, path, payload, content)).status == BUSY:
            time.sleep(0.2)  # a kind that has just come: "storage is (re)initializing"
        return answer

    def _insist(self, method: str, path: str, payload: bytes | None, content: str) -> Response:
        connection = self._connection()
        try:
            return self._ask(connection, method, path, payload, content)
        except (http.client.HTTPException, ConnectionError, ssl.SSLError):
            connection.close()  # the server ends those that were idle for 90 s; the next request opens it again
            return self._ask(connection, method, path, payload, content)

    def _ask(
        self, connection: http.client.HTTPSConnection, method: str, path: str, payload: bytes | None, content: str
    ) -> Response:
        connection.request(method, path, payload, {"Content-Type": content})
        response = connection.getresponse()
        raw = response.read()
        body: JsonObject = orjson.loads(raw) if raw.startswith(b"{") else {"message": raw.decode()}
        warnings = tuple(value for name, value in response.getheaders() if name.lower() == "warning")
        return Response(response.status, body, warnings)

    def _connection(self) -> http.client.HTTPSConnection:
        connection: http.client.HTTPSConnection | None = getattr(self._local, "connection", None)
        if connection is None:
            host, port = self._address.hostname or "", self._address.port
            connection = http.client.HTTPSConnection(host, port, context=self._tls, timeout=30)
            self._local.connection = connection
            self._open.append(connection)
        return connection
