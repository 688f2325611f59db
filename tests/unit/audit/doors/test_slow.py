"""A line to a door that sends one byte now and then: no timeout of a socket ends that."""

import threading

import pytest

from auditor.audit.doors.asking import Line
from auditor.errors import UnreachableError
from tests.unit.cluster.scripted import Connection, Scripted


def drip(connection: Connection) -> None:
    connection.read()
    pause = threading.Event()
    connection.send(b"HTTP/1.0 200 OK\r\n\r\n")
    while True:
        connection.send(b" ")
        pause.wait(0.02)


def drip_header(connection: Connection) -> None:
    connection.read()
    pause = threading.Event()
    connection.send(b"HTTP/1.0 200 OK\r\nX: ")
    while True:
        connection.send(b"y")
        pause.wait(0.02)


@pytest.mark.parametrize("script", [drip, drip_header, Connection.wait])
def test_an_answer_has_so_long_as_a_whole(script: object) -> None:
    server = Scripted([script])  # type: ignore[list-item]
    with server.serving(), pytest.raises(UnreachableError, match=r"no answer within 0\.3 s"):
        Line(f"http://127.0.0.1:{server.port}", seconds=0.3).ask(0)
