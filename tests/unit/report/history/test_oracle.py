"""The history in SQLite against a dictionary."""

from pathlib import Path

import pytest
from hypothesis import given, settings

from tests.unit.report.history.oracle import Killed, Passed, Told, calls, play


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One file for all examples: each is a cluster of its own in it."""
    folder: Path = tmp_path_factory.mktemp("history")
    return f"sqlite:///{folder / 'history.db'}"


@settings(max_examples=30)
@given(played=calls)
def test_the_database_says_what_a_dictionary_says(shared: str, played: list[Told | Passed | Killed]) -> None:
    play(shared, played)
