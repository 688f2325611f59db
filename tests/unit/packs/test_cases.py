"""The cases of each pack: all as expected, every rule shown from both sides, every object one that could exist."""

import pytest

from auditor.errors import InputError
from auditor.intake.cases import run_cases
from auditor.intake.load import Item
from auditor.intake.requests import kind_of, receive
from auditor.json import Json, JsonObject
from auditor.model.match import BUILT_IN_GROUPS
from auditor.model.request import GroupVersionResource
from tests.unit.packs.shipped import NAMES, OWN, POLICIES, cases, examples, pack_of, prepared, read, skip_without_crds


@pytest.mark.parametrize("name", NAMES)
def test_all_is_as_expected_and_no_rule_is_left_out(name: str) -> None:
    """A failing case violates its own rule and no other: `auditor test` insists on that, by the name of the rule, and
    that is of one rule only (test_rules.py)."""
    report = run_cases([str(POLICIES / name)])
    assert [f"{each.file}: {each.problem}" for each in report.outcomes if each.problem] == []
    assert (report.never_violated, report.never_passed, report.warnings) == ([], [], [])


@pytest.mark.parametrize("name", OWN)
def test_updates_and_deletions_are_tried_where_policies_are_about_them(name: str) -> None:
    asked = {
        (item.thing.get("request") or {}).get("operation")
        for case in cases(name)
        for item in read(case)[:1]
        if item.kind == "AdmissionReview"
    }
    rules = [rule for policy in pack_of(name).read_policies() for match in policy.matches for rule in match.rules]
    if any("DELETE" in rule.operations for rule in rules):
        assert "DELETE" in asked
    if any("oldObject" in str(policy) or "$old" in str(policy) for policy in pack_of(name).policies):
        assert "UPDATE" in asked or "DELETE" in asked


@pytest.mark.parametrize("name", NAMES)
def test_each_object_of_a_case_or_example_could_exist(name: str) -> None:
    skip_without_crds(name)
    faults = []
    for path in [*cases(name), *examples(name, "good"), *examples(name, "bad")]:
        # What comes into a mutation may lack what it adds: the API server validates what comes out.
        items = read(path)[path.name.startswith("mutate.") :]
        faults += [f"{path.name}: {fault}" for item in items for fault in _find_faults(name, item)]
    assert faults == []


def _find_faults(name: str, item: Item) -> list[str]:
    if item.kind != "AdmissionReview":
        return _find_faults_of(name, item.thing)
    request = item.thing["request"]
    if request.get("subResource"):
        return []  # what is sent there has another shape, or is not validated as a whole
    return [each for part in ("object", "oldObject") for each in _find_faults_of(name, request.get(part))]


def _find_faults_of(name: str, thing: Json) -> list[str]:
    if not isinstance(thing, dict):
        return []
    ready = prepared(name)
    kind = kind_of(thing)
    schema = ready.catalog.schemas.get(ready.catalog.resource_of(kind))
    if schema is None:
        return [] if kind.group in {*BUILT_IN_GROUPS, "auditor.dev"} or _is_anything(name) else [f"{kind}: no CRD"]
    try:
        ready.catalog.check(kind)
    except InputError as error:
        return [str(error)]
    stored = _with_status(receive(thing, ready.catalog), thing)
    unknown = [f"{path}: unknown" for path in schema.receive(thing).unknown]
    return [*unknown, *(f"{each.path}: {each.message}" for each in schema.validate(stored))]


def _with_status(stored: JsonObject, written: JsonObject) -> JsonObject:
    return {**stored, "status": written["status"]} if "status" in written else stored


def _is_anything(name: str) -> bool:
    """A pack for any custom resource shows its rules on kinds that nobody defines."""
    return any("*" in target for target in pack_of(name).targets())


def test_the_check_of_objects_can_fail() -> None:
    resource = GroupVersionResource("db.auditor.dev", "v1", "databaseclusters")
    name = next(name for name in OWN if resource in prepared(name).catalog.schemas)
    thing = {"apiVersion": "db.auditor.dev/v1", "kind": "DatabaseCluster", "metadata": {"name": "x"}, "spec": {"a": 1}}
    assert any("unknown" in each for each in _find_faults_of(name, thing))
    assert any("required" in each.lower() for each in _find_faults_of(name, thing))
