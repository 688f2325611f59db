"""What every policy and every rule says of itself."""

import re
from collections import Counter

import pytest

from auditor.intake.packs.facts import list_rules
from auditor.intake.packs.frameworks import find_framework
from auditor.model.policy import Enforcement
from tests.unit.packs.shipped import NAMES, find_unknown, pack_of, prepared, skip_without_crds


@pytest.mark.parametrize("name", NAMES)
def test_each_policy_says_what_it_is_for(name: str) -> None:
    for policy in pack_of(name).read_policies():
        assert policy.title, policy.name
        assert len(policy.description) > 40, policy.name
        assert "://" not in policy.description, policy.name
        assert re.fullmatch("[a-z0-9][-a-z0-9]*", policy.name)
    written = {policy["metadata"]["name"]: policy["spec"] for policy in pack_of(name).policies}
    assert [policy for policy, spec in written.items() if "enforcement" not in spec] == []


@pytest.mark.parametrize("name", NAMES)
def test_each_rule_has_a_severity_a_remediation_and_a_message(name: str) -> None:
    written = {policy["metadata"]["name"]: policy["spec"] for policy in pack_of(name).policies}
    for mapped in list_rules(pack_of(name)):
        assert mapped.rule.severity or "severity" in written[mapped.policy.name], f"{mapped.name}: severity"
        assert mapped.remediation, f"{mapped.name}: remediation"
        if mapped.rule.language != "deny":  # its program says the message
            assert mapped.rule.message or mapped.rule.message_expression, f"{mapped.name}: message"


@pytest.mark.parametrize("name", NAMES)
def test_each_rule_gives_evidence_for_controls_that_there_are(name: str) -> None:
    rules = list_rules(pack_of(name))
    assert [mapped.name for mapped in rules if not mapped.controls] == []
    unknown = {control: mapped.name for mapped in rules for control in mapped.controls if not find_framework(control)}
    assert unknown == {}


@pytest.mark.parametrize("name", NAMES)
def test_a_rule_has_its_name_alone_so_that_a_case_can_name_it(name: str) -> None:
    counted = Counter(mapped.rule.name for mapped in list_rules(pack_of(name)))
    assert [rule for rule, count in counted.items() if count > 1] == []


@pytest.mark.parametrize("name", NAMES)
def test_what_is_refused_can_be_excused_or_is_about_deletion_or_critical(name: str) -> None:
    """A rule that refuses, and that nobody can be excused from, stops somebody at night for good."""
    for policy in pack_of(name).read_policies():
        denies = any((rule.enforcement or policy.enforcements[0]) is Enforcement.DENY for rule in policy.rules)
        deletes = all(rule.operations == {"DELETE"} for match in policy.matches for rule in match.rules)
        critical = any((rule.severity or policy.severity) == "critical" for rule in policy.rules)
        assert not denies or policy.exceptions is not None or deletes or critical, policy.name


def test_names_of_policies_are_unique_over_all_packs() -> None:
    counted = Counter(policy.name for name in NAMES for policy in pack_of(name).read_policies())
    assert [policy for policy, count in counted.items() if count > 1] == []


@pytest.mark.parametrize("name", NAMES)
def test_policies_compile_against_the_schemas_of_their_kinds(name: str) -> None:
    """A field that the CRD does not know would be a warning, and a rule about nothing."""
    skip_without_crds(name)
    assert find_unknown(name) == []
    assert [str(each) for each in prepared(name).engine.warnings] == []
