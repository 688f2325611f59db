"""News from a history in PostgreSQL."""

import pytest

from tests.cluster.history.conftest import create_database
from tests.cluster.history.server import Server
from tests.unit.report.news.contract import NewsContract


@pytest.fixture(scope="module")
def shared(postgresql: Server) -> str:
    return create_database(postgresql)


class TestPostgresql(NewsContract):
    pass
