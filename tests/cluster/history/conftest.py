"""One PostgreSQL for the session, and an empty database of it for each test."""

import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.cluster.history.server import Server, find_program


def make_server(folder: Path, *, port: int = 0) -> Server:
    if not all(find_program(name) for name in ("initdb", "pg_ctl", "postgres")):
        pytest.skip("PostgreSQL (initdb, pg_ctl, postgres) is not installed")
    server = Server(folder, port=port)
    server.make()
    server.start()
    return server


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    # Not in pytest's own folder: that is closed to the user nobody.
    with tempfile.TemporaryDirectory(prefix="auditor-pg-") as place:
        Path(place).chmod(0o755)
        server = make_server(Path(place) / "server")
        try:
            yield server
        finally:
            if server.running:
                server.stop("immediate")


def create_database(server: Server, *options: str) -> str:
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} {' '.join(options)}".encode())
    return server.url(name)


@pytest.fixture
def url(postgresql: Server) -> str:
    return create_database(postgresql)
