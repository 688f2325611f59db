"""The app over a history of two teams."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from auditor.dashboard.app import Source, make_app
from tests.unit.dashboard.visits import ORIGIN, HeaderEntrance, Visit, open_source
from tests.unit.dashboard.world import make_url, make_world


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[str]]:
    url = make_url(Path(tmp_path_factory.mktemp("dashboard")))
    return url, make_world(url)


@pytest.fixture(scope="session")
def source(world: tuple[str, list[str]]) -> Iterator[Source]:
    source = open_source(world[0])
    yield source
    source.database.close()


@pytest.fixture(scope="session")
def visit(source: Source) -> Visit:
    app = make_app(source, HeaderEntrance(), ORIGIN)

    def come(name: str) -> FlaskClient:
        client = app.test_client()
        client.environ_base["HTTP_X_TEST"] = name
        return client

    return come
