"""To a webhook: one POST, signed, with a key by which the receiver knows what it has already.

Redirects are not followed: a report would go to where nobody has sent it, with its headers. No proxy is asked.
"""

import hashlib
import hmac
import http.client
import json
import re
import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import SplitResult, urlsplit

from auditor import __version__
from auditor.json import JsonObject
from auditor.report.delivery.address import connect
from auditor.report.delivery.limits import STEP, WHOLE, cut_off
from auditor.report.delivery.parcel import DeliveryError, Parcel
from auditor.report.delivery.template import fill, fill_json

JSON: Final = "application/json"
SAID: Final = 200
"""Characters of what a receiver says for itself: it stands in a status."""
_CANNOT_BE_SENT: Final = re.compile(r"[\x00-\x20\x7f]")


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    url: str = field(repr=False)
    """Many chat tools know who posts by a secret in it: no message shows more of it than its host."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: str = ""
    """A template; empty: all words and the report or the findings, as JSON."""
    content_type: str = JSON
    key: bytes = field(default=b"", repr=False)
    """Of the signature; empty: none."""
    ca: str = ""
    """In PEM; empty: those of the system."""
    public_only: bool = False
    """Whether private addresses are refused."""
    step: float = STEP
    whole: float = WHOLE
    clock: Callable[[], datetime] = _now

    def deliver(self, parcel: Parcel) -> str:
        url = _split(self.url)
        where = f"{url.scheme}://{url.netloc}"
        body = self._write_body(parcel)
        sent = False
        try:
            with ExitStack() as stack:
                connection = http.client.HTTPConnection(url.hostname or "", url.port or _port(url))
                stack.callback(connection.close)
                connection.sock = connect(
                    url.hostname or "", connection.port, where=where, step=self.step, public_only=self.public_only
                )
                stack.enter_context(cut_off(lambda: connection.sock, self.whole))
                if url.scheme == "https":
                    connection.sock = self._encrypt(connection.sock, url.hostname or "")
                sent = True
                target = (url.path or "/") + (f"?{url.query}" if url.query else "")
                connection.request("POST", target, body=body, headers=self._write_headers(parcel, body))
                with connection.getresponse() as answer:
                    _judge(where, answer)
        # ValueError: a name, path or header with characters that cannot be sent.
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise DeliveryError(f"{where}: {_explain(error)}", uncertain=sent) from error
        return ""

    def _write_body(self, parcel: Parcel) -> bytes:
        if not self.body:
            return json.dumps(_tell_all(parcel), ensure_ascii=False).encode()
        write = fill_json if self.content_type.startswith(JSON) else fill
        return write(self.body, parcel.words).encode()

    def _write_headers(self, parcel: Parcel, body: bytes) -> dict[str, str]:
        headers = {
            "User-Agent": f"auditor/{__version__}",
            **self.headers,
            "Content-Type": self.content_type,
            "Idempotency-Key": parcel.key,
            "Connection": "close",
        }
        if self.key:
            # Of this attempt, so that a receiver may refuse what somebody recorded and plays back later.
            timestamp = str(int(self.clock().timestamp()))
            headers["Auditor-Timestamp"] = timestamp
            headers["Auditor-Signature"] = f"sha256={sign(self.key, timestamp, body)}"
        return headers

    def _encrypt(self, sock: socket.socket, host: str) -> ssl.SSLSocket:
        return ssl.create_default_context(cadata=self.ca or None).wrap_socket(sock, server_hostname=host)


def sign(key: bytes, timestamp: str, body: bytes) -> str:
    """In hexadecimal, over timestamp, "." and body."""
    return hmac.new(key, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _split(url: str) -> SplitResult:
    """It may come from a Secret, where no schema has looked at it."""
    try:
        parts = urlsplit(url.strip())
        known = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc and parts.port != 0
        # Else the library would refuse it, in words that show the path.
        known = known and not _CANNOT_BE_SENT.search(parts.geturl())
    except ValueError:
        known = False
    if not known:
        raise DeliveryError("the URL of a webhook is none: it has the form https://host/path")
    return parts


def _port(url: SplitResult) -> int:
    return 443 if url.scheme == "https" else 80


def _judge(where: str, answer: http.client.HTTPResponse) -> None:
    if 200 <= answer.status < 300:
        return
    if 300 <= answer.status < 400:
        raise DeliveryError(f"{where}: it answers {answer.status} and leads elsewhere, which is not followed")
    said = f"{where}: it answers {answer.status} {' '.join(answer.reason.split())[:SAID]}".rstrip()
    raise DeliveryError(said, retry_after=_read_pause(answer.getheader("Retry-After")))


def _read_pause(text: str | None) -> float | None:
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - _now()).total_seconds())
    except (TypeError, ValueError, OverflowError):  # no date, one without a time zone, one of the year 99999999999
        return None


def _tell_all(parcel: Parcel) -> JsonObject:
    reports: JsonObject = {}
    for sheet in parcel.sheets:
        text = sheet.content.decode()
        reports[sheet.ending] = json.loads(text) if sheet.ending == "json" else text
    told = {**parcel.words, "subject": parcel.subject, "text": parcel.text, **parcel.facts}
    return {**told, "report": reports} if reports else told


def _explain(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, TimeoutError):
        return "it does not answer in time"
    if isinstance(error, http.client.RemoteDisconnected | ConnectionError):
        return "it closes the connection, or does not take it"
    if isinstance(error, ValueError) and not isinstance(error, OSError):
        return "its URL, or a header for it, has characters that cannot be sent"  # and not which: it may be a secret
    return str(getattr(error, "strerror", None) or error) or type(error).__name__
