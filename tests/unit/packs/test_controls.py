"""The frameworks, and the page that maps their controls to rules."""

import pytest

from auditor.intake.packs.facts import list_rules, map_controls
from auditor.intake.packs.frameworks import FRAMEWORKS, find_framework
from auditor.intake.packs.pack import list_packs
from tests.unit.packs import controls


def test_the_page_is_what_the_policies_say() -> None:
    written = controls.PAGE.read_text(encoding="utf-8") if controls.PAGE.is_file() else ""
    assert written == controls.render(), "write it again: python -m tests.unit.packs.controls"


def test_every_rule_stands_on_the_page() -> None:
    page = controls.render()
    rules = [mapped.name for pack in list_packs() for mapped in list_rules(pack)]
    assert [rule for rule in rules if rule not in page] == []


def test_controls_come_in_the_order_in_which_people_count() -> None:
    found = [control for control in map_controls(list_packs()) if control.startswith("ISO27001-A.8.")]
    numbers = [int(control.rpartition(".")[2]) for control in found]
    assert len(numbers) > 1
    assert numbers == sorted(numbers)


@pytest.mark.parametrize(
    "control",
    [
        "SOC2-CC6.1", "SOC2-CC6.8", "SOC2-A1.2", "SOC2-PI1.5", "SOC2-C1.2", "SOC2-P6.7", "ISO27001-A.5.1",
        "ISO27001-A.5.37", "ISO27001-A.8.34", "CIS-K8S-5.2.2", "CIS-K8S-5.7.4", "NSA-CISA-pod-security",
        "NSA-CISA-upgrading",
    ],
)  # fmt: skip
def test_controls_that_there_are(control: str) -> None:
    framework = find_framework(control)
    assert framework is not None
    assert control.startswith(framework.prefix)


@pytest.mark.parametrize(
    "control",
    [
        "SOC2-CC6.9", "SOC2-CC10.1", "SOC2-A1.4", "SOC2-CC6", "SOC2-cc6.1", "SOC2", "ISO27001-A.5.38", "ISO27001-A.9.1",
        "ISO27001-A.8.0", "ISO27001-8.13", "CIS-K8S-5.2.14", "CIS-K8S-1.2.3", "NSA-CISA-pods", "internal-DB-7", "",
    ],
)  # fmt: skip
def test_controls_that_there_are_not(control: str) -> None:
    assert find_framework(control) is None


def test_frameworks_are_told_apart_by_their_prefixes() -> None:
    prefixes = [framework.prefix for framework in FRAMEWORKS]
    assert not any(a != b and b.startswith(f"{a}-") for a in prefixes for b in prefixes)
