"""The history in PostgreSQL against a dictionary."""

import pytest
from hypothesis import given, settings

from tests.cluster.history.conftest import create_database
from tests.cluster.history.server import Server
from tests.unit.report.history.oracle import Killed, Passed, Told, calls, play


@pytest.fixture(scope="module")
def shared(postgresql: Server) -> str:
    return create_database(postgresql)


@settings(max_examples=20)
@given(played=calls)
def test_the_database_says_what_a_dictionary_says(shared: str, played: list[Told | Passed | Killed]) -> None:
    play(shared, played)
