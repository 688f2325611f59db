"""Good and wrong objects, judged by our own schemas as the API server judges them."""

from collections.abc import Callable
from functools import cache

import pytest

from auditor.engine.convert import Conversion
from auditor.engine.match import read_match
from auditor.engine.read import read_exception, read_policy
from auditor.errors import CompileError
from auditor.json import JsonObject
from auditor.languages.schema.structural import StructuralSchema
from tests.unit.crds.cases import BASES, GOOD, UNKNOWN, WRONG, Case
from tests.unit.crds.schemas import schema_of


@cache
def compiled(name: str) -> StructuralSchema:
    return StructuralSchema.compile(schema_of(name))


@pytest.mark.parametrize("case", GOOD, ids=str)
def test_good(case: Case) -> None:
    received = compiled(case.name).receive(case.object)
    assert received.unknown == []
    assert compiled(case.name).validate(received.object) == []


@pytest.mark.parametrize("case", WRONG, ids=str)
def test_wrong(case: Case) -> None:
    received = compiled(case.name).receive(case.object)
    found = compiled(case.name).validate(received.object)
    assert [v for v in found if v.field == case.field and case.says in v.message], found


@pytest.mark.parametrize("case", UNKNOWN, ids=str)
def test_unknown(case: Case) -> None:
    assert compiled(case.name).receive(case.object).unknown == [case.field]


@pytest.mark.parametrize("name", BASES)
def test_nothing_is_lost(name: str) -> None:
    """Nulls in patches, schemas and params among them."""
    assert compiled(name).receive(BASES[name]).object == BASES[name]


def test_defaults() -> None:
    least = next(case for case in GOOD if case.what == "the least" and case.name == "policy")
    spec = compiled("policy").receive(least.object).object["spec"]
    defaults = {"severity": "medium", "enforcement": "Audit", "existing": "Audit", "failurePolicy": "Fail"}
    assert defaults.items() <= spec.items()
    assert spec["match"]["matchPolicy"] == "Equivalent"
    assert spec["match"]["resourceRules"][0]["scope"] == "*"


def test_defaults_of_the_configuration() -> None:
    nothing = next(case for case in GOOD if case.what == "nothing")
    spec = compiled("auditconfig").receive(nothing.object).object["spec"]
    assert all(check["enabled"] is True for check in spec["checks"].values())
    assert spec["checks"]["reconcile"] == {"enabled": True, "severity": "medium", "lag": "10m", "deletion": "1h"}
    assert spec["checks"]["bypass"] == {"enabled": True}
    assert spec["reading"] == {"mode": "listed"}
    assert spec["reports"] == {"api": "openreports", "passes": False, "maxFindingsPerObject": 200, "maxReports": 50000}
    assert spec["exceptions"] == {"maxDays": 365}


READERS: dict[str, Callable[[JsonObject], object]] = {
    "policy": read_policy,
    "policyexception": read_exception,
    "conversion": Conversion.compile,
}


@pytest.mark.parametrize("case", [case for case in GOOD if case.name in READERS], ids=str)
def test_the_engine_reads_what_the_schema_accepts(case: Case) -> None:
    READERS[case.name](case.object)


WRONG_MATCHES = [case for case in WRONG if case.field.startswith("spec.match.") and "a group" not in case.what]
"""But for groups that cannot be: native policies may name them, and match nothing."""


@pytest.mark.parametrize("case", WRONG_MATCHES, ids=str)
def test_the_engine_refuses_what_the_schema_refuses(case: Case) -> None:
    with pytest.raises(CompileError, match="match"):
        read_match(case.object["spec"]["match"], rules_required=case.name == "policy")
