"""The real API server still says what was recorded, which the unit tests compare with ours."""

import pytest

from tests.cluster.cel.record import ask
from tests.cluster.cel.server import Server
from tests.cluster.oracle import Oracle
from tests.unit.languages.cel.recorded import load


# Five policies of 250 mutations; each takes the server about three seconds to take up.
@pytest.mark.timeout(180)
def test_the_recorded_answers_are_those_of_the_server(oracle: Oracle) -> None:
    answers = ask(Server(oracle))
    recorded = {e: answer for section in load()["sections"].values() for e, answer in section.items()}
    assert {e: a for e, a in answers.items() if recorded.get(e) != a} == {}
    assert answers.keys() == recorded.keys()
