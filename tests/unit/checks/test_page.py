"""docs/checks.md says what is true: of each check, its severity, its rules, and an AuditConfig that can be applied."""

import re
from pathlib import Path

import pytest
import yaml

from auditor import crds
from auditor.languages.schema import read_crd
from auditor.model.settings import DEFAULT_CHECKS, Check

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "checks.md").read_text()
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("check", Check)
def test_section_and_severity(check: Check) -> None:
    severity = DEFAULT_CHECKS[check].severity or "that of the rule"
    assert re.search(rf"^\| \[`{check}`\]\(#{check}\) \| .+ \| {severity} \|$", PAGE, re.MULTILINE)
    assert check in SECTIONS


RULES = {
    Check.SCHEMA: "unknown required invalid typeinvalid notsupported toolong toomany duplicate forbidden",
    Check.OWNERSHIP: "changed removed",
    Check.VERSIONS: "deprecated unserved stored-versions",
    Check.CONVERSION: "v1-v2-v1 v1-v2",
    Check.RECONCILE: "behind never-reconciled stuck-deletion owner-gone dangling-reference",
}


@pytest.mark.parametrize(("check", "rule"), [(check, rule) for check, rules in RULES.items() for rule in rules.split()])
def test_rule_is_described(check: Check, rule: str) -> None:
    assert f"`{rule}`" in SECTIONS[check]


def test_example_can_be_applied() -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    config = yaml.safe_load(text)
    version = read_crd(yaml.safe_load(crds.read("auditconfig"))).versions[0].compile()
    received = version.receive(config)
    assert received.unknown == []
    assert version.validate(received.object) == []
