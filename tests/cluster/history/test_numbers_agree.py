"""All tell the same numbers of one moment with the history in PostgreSQL, too, where several clusters have theirs."""

import pytest

from tests.cluster.history.conftest import create_database
from tests.cluster.history.server import Server
from tests.unit.audit.agreement import compare
from tests.unit.audit.lifetime import Lifetime
from tests.unit.audit.test_numbers_agree import LIVES, live


@pytest.fixture(scope="module")
def shared(postgresql: Server) -> str:
    return create_database(postgresql)


def test_lives_beside_each_other(shared: str) -> None:
    """Each is a cluster, with objects of the same names; whoever is looked at last tells nothing of the others."""
    names = ("it could not be evaluated", "its kind is left out", "its policies are others")
    lives = [Lifetime(shared) for _ in names]
    try:
        for life, name in zip(lives, names, strict=True):
            live(life, LIVES[name])
        for life in lives:
            compare(life)
    finally:
        for life in lives:
            life.close()
