"""Which kinds are followed, and what is not known about them is no reason to give them up."""

from collections.abc import Mapping
from typing import Any

import pytest

from auditor.audit.kinds import CRDS_PAIR, choose
from auditor.cluster import Resource
from auditor.engine.engine import Engine
from auditor.errors import ClusterError, UnknownKindError, UnreachableError
from auditor.model.settings import AuditSettings
from tests.unit.audit.making import policy

CRDS = Resource(
    CRDS_PAIR[0],
    "v1",
    CRDS_PAIR[1],
    "CustomResourceDefinition",
    namespaced=False,
    verbs=frozenset({"list", "watch"}),
)
THINGS = "things.example.com"


class Answers:
    def __init__(self, error: ClusterError, broken: Mapping[str, str] | ClusterError | None = None) -> None:
        self.error = error
        self._broken = broken or {}

    @property
    def broken(self) -> Mapping[str, str]:
        if isinstance(self._broken, ClusterError):
            raise self._broken
        return self._broken

    def find(self, name: str) -> Resource:
        if name == CRDS.name:
            return CRDS
        raise self.error


@pytest.mark.parametrize(
    "answers",
    [
        Answers(UnreachableError("it is away")),
        Answers(UnknownKindError("no such kind"), {"example.com/v1": "it does not answer"}),
        Answers(UnknownKindError("no such kind"), UnreachableError("it is away")),
    ],
    ids=["away", "group away", "not to be asked"],
)
def test_what_cannot_be_looked_for_is_not_gone(answers: Any) -> None:
    """Its findings stay: the API server, or that of its group, is away."""
    policies = Engine.compile([policy("p")]).policies
    chosen, left = choose({}, policies, AuditSettings(), answers)
    assert chosen[THINGS].resource is None
    assert "away" in chosen[THINGS].trouble or "answer" in chosen[THINGS].trouble
    assert left == []


def test_what_is_not_there_is_left() -> None:
    answers: Any = Answers(UnknownKindError("no such kind"), {"other.example.com/v1": "it does not answer"})
    policies = Engine.compile([policy("p")]).policies
    chosen, left = choose({}, policies, AuditSettings(), answers)
    assert THINGS not in chosen
    assert [each.name for each in left] == [THINGS]
