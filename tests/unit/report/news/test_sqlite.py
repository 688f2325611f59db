"""News from a history in SQLite."""

from pathlib import Path

import pytest

from tests.unit.report.news.contract import NewsContract


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One file for all examples: each is a cluster of its own in it."""
    folder: Path = tmp_path_factory.mktemp("news")
    return f"sqlite:///{folder / 'history.db'}"


class TestSqlite(NewsContract):
    pass
