"""The real API server still says what was recorded, which the unit tests compare with ours."""

import contextlib
import ssl

import pytest

from auditor.sandbox import Sandbox
from tests.cluster.cel.record import ask
from tests.cluster.cel.server import Server
from tests.cluster.schema.oracle import Oracle
from tests.unit.languages.cel.recorded import load


# Five policies of 250 mutations; each takes the server about three seconds to take up.
@pytest.mark.timeout(180)
def test_the_recorded_answers_are_those_of_the_server(control_plane: Sandbox) -> None:
    pki = control_plane.record.directory / "pki"
    context = ssl.create_default_context(cafile=pki / "ca.crt")
    context.load_cert_chain(pki / "admin.crt", pki / "admin.key")
    with contextlib.closing(Oracle(control_plane.record.url, context)) as oracle:
        answers = ask(Server(oracle))
    recorded = {e: answer for section in load()["sections"].values() for e, answer in section.items()}
    assert {e: a for e, a in answers.items() if recorded.get(e) != a} == {}
    assert answers.keys() == recorded.keys()
