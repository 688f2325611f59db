"""A connection of the door: what it does of itself, it does as far as that goes without waiting."""

import socket
import ssl
from typing import Any, Final

from gunicorn import util
from gunicorn.sock import ssl_wrap_socket
from gunicorn.workers.gthread import TConn

from auditor.webhooks.certificates.tls import DoorSocket
from auditor.webhooks.serving.heads import DoorParser
from auditor.webhooks.serving.sockets import PATIENCE, Watch, WatchedSocket

MAX_LAST_WORDS: Final = 1 << 16
"""Bytes of such a client that are read and forgotten, so that it can read the end. More is an attack."""


class DoorConnection(TConn):  # type: ignore[misc]
    def __init__(self, watch: Watch, *args: Any) -> None:
        self.sock: Any
        self.timeout: float
        super().__init__(*args)
        self._watch = watch
        self._heard = 0

    def fileno(self) -> int:
        number: int = self.sock.fileno()
        return number

    def shake_hands(self) -> bool:
        """Goes on with the handshake, as far as that goes without waiting. Whether it is done."""
        if not isinstance(self.sock, ssl.SSLSocket):
            self.sock = ssl_wrap_socket(self.sock, self.cfg)
        try:
            self.sock.do_handshake()
        except ssl.SSLWantReadError:  # what we write to it fits into an empty buffer of the system
            return False
        self.sock = WatchedSocket(self.sock)
        self.parser = DoorParser(self.cfg, self.sock, self.client, server=self.server)
        self.initialized = True
        self._watch.add(self.sock)
        return True

    def set_timeout(self) -> None:
        arrival = self.parser.arrival
        if arrival is None:
            super().set_timeout()
        else:
            self.timeout = arrival.since + PATIENCE

    def holds_more(self) -> bool:
        """Bytes that have been read already, of which no poller would tell."""
        return bool(self.parser.ahead or self.sock.pending())

    def cut(self) -> None:
        """From any thread. Whoever serves it sees its end."""
        sock = self.sock
        if isinstance(sock, WatchedSocket):
            sock.cut()

    def close(self, graceful: bool = False) -> None:
        """Never waits."""
        sock = self._let_go()
        if isinstance(sock, DoorSocket) and not self.initialized:
            sock.give_up()
        elif sock is not None:
            util.close(sock)

    def half_close(self) -> bool:
        """Tells the client that it ends. Whether that has to be waited for: else what is on its way to the client would
        be lost, where the client still sends."""
        self.sock = self._let_go()
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            return False
        return True

    def hear(self) -> bool:
        """Whether it still is to be waited for."""
        try:
            found = len(self.sock.recv(MAX_LAST_WORDS))
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        self._heard += found
        return found > 0 and self._heard < MAX_LAST_WORDS

    def _let_go(self) -> Any:
        sock, self.sock = self.sock, None
        if isinstance(sock, WatchedSocket):
            self._watch.remove(sock)
            return sock.sock
        return sock
