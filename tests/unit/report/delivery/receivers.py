"""A mail server and a web server on loopback, as small as can be, with bad days on demand."""

import base64
import contextlib
import email
import http.server
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage, Message
from email.policy import default
from pathlib import Path
from types import TracebackType
from typing import Self

from auditor.certs import Authority

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Trust:
    """A CA, and what servers need of it."""

    ca: str
    context: ssl.SSLContext


def make_trust(folder: Path, *hosts: str) -> Trust:
    authority = Authority.create("receivers")
    pair = authority.issue("receiver", hosts=hosts or (HOST, "localhost"), server=True)
    certificate, key = folder / "tls.crt", folder / "tls.key"
    certificate.write_bytes(pair.certificate_pem)
    key.write_bytes(pair.key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return Trust(authority.pair.certificate_pem.decode(), context)


@dataclass(slots=True)
class Letter:
    sender: str
    receivers: tuple[str, ...]
    message: Message
    user: str
    encrypted: bool


@dataclass(slots=True, kw_only=True)
class MailDay:
    """How the server behaves; may be changed at any time."""

    starttls: bool = True
    silent: bool = False
    """It takes a connection and says nothing."""
    greeting: bytes = b"220 ready"
    refused: Mapping[str, bytes] = field(default_factory=dict)
    """By receiver, what it answers."""
    after_data: bytes | None = b"250 taken"
    """None: it has the message and hangs up."""
    at_quit: bytes | None = b"221 bye"


class MailServer:
    def __init__(self, trust: Trust | None = None, *, tls: bool = False, user: str = "", password: str = "") -> None:
        self.day = MailDay()
        self.letters: list[Letter] = []
        self.lines: list[str] = []
        """All that was said to it before a connection was encrypted."""
        self._trust, self._tls, self._login = trust, tls, (user, password)
        self._sock = socket.create_server((HOST, 0))
        self.port: int = self._sock.getsockname()[1]
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()
        for each in self._open:
            each.close()
        self._thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._sock.accept()
            except OSError:
                return
            self._open.append(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        try:
            if self._tls and self._trust is not None:
                sock = self._trust.context.wrap_socket(sock, server_side=True)
                self._open.append(sock)
            if self.day.silent:
                return
            self._talk(sock)
        except OSError:
            pass

    def _talk(self, sock: socket.socket) -> None:
        """Ends with the connection, whoever ended it."""
        talked = [sock]
        try:
            self._converse(talked)
        finally:
            with contextlib.suppress(OSError):
                talked[-1].shutdown(socket.SHUT_RDWR)

    def _converse(self, talked: list[socket.socket]) -> None:
        sock = talked[-1]
        encrypted, user, sender, receivers = self._tls, "", "", list[str]()
        file = sock.makefile("rwb", buffering=0)

        def say(text: bytes) -> None:
            file.write(text + b"\r\n")

        say(self.day.greeting)
        while line := file.readline():
            text = line.decode().strip()
            if not encrypted:
                self.lines.append(text)
            verb = text.upper()
            if verb.startswith("EHLO"):
                offers = [b"mail", *([b"STARTTLS"] if self._offers(encrypted=encrypted) else ())]
                offers += [b"AUTH PLAIN"] if self._login[0] else []
                for each in offers[:-1]:
                    say(b"250-" + each)
                say(b"250 " + offers[-1])
            elif verb == "STARTTLS" and self._trust is not None:
                say(b"220 go")
                file.close()
                sock = self._trust.context.wrap_socket(sock, server_side=True)
                self._open.append(sock)
                talked.append(sock)
                file, encrypted = sock.makefile("rwb", buffering=0), True
            elif verb.startswith("AUTH PLAIN"):
                _, name, password = base64.b64decode(text.split()[2]).decode().split("\0")
                user = name if (name, password) == self._login else ""
                say(b"235 welcome" if user else b"535 who are you")
            elif verb.startswith("MAIL FROM:"):
                sender, receivers = text[10:].split()[0].strip("<>"), []
                say(b"250 ok" if user or not self._login[0] else b"530 log in first")
            elif verb.startswith("RCPT TO:"):
                receiver = text[8:].strip("<>")
                said = self.day.refused.get(receiver, b"250 ok")
                if said.startswith(b"2"):
                    receivers.append(receiver)
                say(said)
            elif verb == "DATA":
                say(b"354 go on")
                body = b""
                while (part := file.readline()) != b".\r\n":
                    if not part:
                        return
                    body += part[1:] if part.startswith(b"..") else part
                message = email.message_from_bytes(body, policy=default)
                answer = self.day.after_data
                if answer is None or answer.startswith(b"2"):
                    self.letters.append(Letter(sender, tuple(receivers), message, user, encrypted))
                if answer is None:
                    return
                say(answer)
            elif verb == "QUIT":
                if self.day.at_quit is not None:
                    say(self.day.at_quit)
                return
            else:
                say(b"250 ok")

    def _offers(self, *, encrypted: bool) -> bool:
        return self.day.starttls and self._trust is not None and not encrypted


def parts_of(letter: Letter) -> dict[str, bytes]:
    assert isinstance(letter.message, EmailMessage)
    found = {}
    for part in letter.message.iter_attachments():
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        found[str(part.get_filename())] = content
    return found


@dataclass(frozen=True, slots=True)
class Post:
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True, kw_only=True)
class WebDay:
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    hang_up: bool = False
    """It has what was sent, and closes the connection without a word."""
    hold: threading.Event | None = None
    """It answers when this is set."""


class WebServer:
    def __init__(self, trust: Trust | None = None) -> None:
        self.day = WebDay()
        self.posts: list[Post] = []
        self.came = threading.Event()
        self._server = http.server.ThreadingHTTPServer((HOST, 0), self._handler())
        self._server.daemon_threads = True
        if trust is not None:
            self._server.socket = trust.context.wrap_socket(self._server.socket, server_side=True)
        self.port: int = self._server.server_address[1]
        self.url = f"{'https' if trust else 'http'}://{HOST}:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def known(self) -> list[Post]:
        """As a receiver has them that looks at the key: each once."""
        return list({post.headers["Idempotency-Key"]: post for post in self.posts}.values())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def _handler(receiver) -> type[http.server.BaseHTTPRequestHandler]:  # noqa: N805 - of the class within
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                day = receiver.day
                receiver.posts.append(Post(self.path, dict(self.headers), body))
                receiver.came.set()
                if day.hold is not None:
                    day.hold.wait(20)
                if day.hang_up:
                    self.close_connection = True
                    return
                self.send_response(day.status)
                for name, value in day.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        return Handler


def closed_port() -> int:
    with socket.socket() as free:
        free.bind((HOST, 0))
        return int(free.getsockname()[1])
