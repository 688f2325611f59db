"""Each alert fires when it has to, is quiet otherwise, and says where to read on."""

import subprocess
from pathlib import Path

import pytest
import yaml

from auditor.json import Json
from tests.programs import promtool
from tests.unit.observability.queries import ALERTS, ROOT, Rule, find_unknown, read_alerts, read_rules

# All as text: YAML takes 0x30, which is 31 times 0, for a number.
CASES = yaml.load((Path(__file__).parent / "rules" / "alerts.yaml").read_text(), Loader=yaml.BaseLoader)  # noqa: S506
SEVERITIES = {"critical", "warning", "info"}


@pytest.fixture(scope="module")
def tool() -> Path:
    return promtool()


def run(tool: Path, *arguments: str | Path) -> str:
    done = subprocess.run([tool, *arguments], capture_output=True, text=True, check=False, timeout=50)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def write_test(name: str, severity: str, case: Json) -> Json:
    series = case.get("fires", case.get("quiet"))
    expected = [
        " ".join(["ALERTS", _labels({"alertname": name, "alertstate": "firing", "severity": severity, **labels})])
        for labels in case.get("labels", ())
    ]
    return {
        "interval": case.get("interval", "1m"),
        "name": f"{name} {'fires' if 'fires' in case else 'is quiet'}: {series}",
        "input_series": [{"series": key, "values": str(values)} for key, values in series.items()],
        "promql_expr_test": [
            {
                "expr": f'ALERTS{{alertname="{name}", alertstate="firing"}}',
                "eval_time": case["at"],
                "exp_samples": [{"labels": each.replace(" ", ""), "value": 1} for each in expected],
            }
        ],
    }


def write_file(directory: Path, rule: Rule, cases: Json) -> Path:
    """With that alert and what is recorded for it: to evaluate all of them for each case would take long."""
    needed = [each.content for each in read_rules() if not each.alert and each.name in rule.expr]
    rules = directory / f"{rule.name}.rules.yaml"
    rules.write_text(yaml.safe_dump({"groups": [{"name": "one", "rules": [*needed, rule.content]}]}))
    file = directory / f"{rule.name}.yaml"
    tests = [write_test(rule.name, rule.content["labels"]["severity"], case) for case in cases]
    file.write_text(
        yaml.safe_dump({"rule_files": [str(rules)], "evaluation_interval": tests[0]["interval"], "tests": tests})
    )
    return file


def _labels(labels: dict[str, str]) -> str:
    return "{" + ",".join(f'{key}="{value}"' for key, value in sorted(labels.items())) + "}"


def test_promtool_takes_the_rules(tool: Path) -> None:
    assert f"{len(read_rules())} rules found" in run(tool, "check", "rules", "--lint=all", "--lint-fatal", ALERTS)


def test_each_alert_fires_and_is_quiet(tool: Path, tmp_path: Path) -> None:
    run(tool, "test", "rules", *(write_file(tmp_path, rule, CASES[rule.name]) for rule in read_alerts()))


def test_no_alert_is_without_both_sorts_of_cases() -> None:
    sorts = {name: {"fires" if "fires" in case else "quiet" for case in cases} for name, cases in CASES.items()}
    assert sorts == {each.name: {"fires", "quiet"} for each in read_alerts()}


def test_a_case_that_is_wrong_is_seen(tool: Path, tmp_path: Path) -> None:
    case = {**CASES["AuditorDoorNotReady"][1], "labels": [{"instance": "a"}]}
    (rule,) = (each for each in read_alerts() if each.name == "AuditorDoorNotReady")
    file = write_file(tmp_path, rule, [case])
    with pytest.raises(AssertionError, match="FAILED"):
        run(tool, "test", "rules", file)


@pytest.mark.parametrize("rule", read_rules(), ids=lambda rule: rule.name)
def test_it_asks_for_what_there_is(rule: Rule) -> None:
    assert find_unknown(rule.expr, {each.name for each in read_rules() if not each.alert}) == []


def test_what_there_is_not_is_seen() -> None:
    assert find_unknown("sum by (kid) (auditor_audit_kind_stale)") == ["kid"]
    assert find_unknown('auditor_audit_kind_stale{kid="a"}') == ["auditor_audit_kind_stale{kid}"]
    assert find_unknown("auditor_audit_kind_stail") == ["auditor_audit_kind_stail"]


@pytest.mark.parametrize("rule", read_alerts(), ids=lambda rule: rule.name)
def test_it_says_how_bad_it_is_and_where_to_read_on(rule: Rule) -> None:
    content = rule.content
    assert content["labels"]["severity"] in SEVERITIES
    assert set(content["annotations"]) == {"summary", "description", "runbook_url"}
    assert content["annotations"]["runbook_url"] == f"docs/runbooks/{rule.name}.md"
    assert (ROOT / content["annotations"]["runbook_url"]).is_file()
    assert content["annotations"]["summary"].endswith(".")
