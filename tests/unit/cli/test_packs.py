"""`auditor packs` without a cluster."""

import json
from pathlib import Path

import pytest
import yaml
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from auditor.cli.frame import auditor
from auditor.errors import UsageError
from auditor.intake.packs.folder import pack_names
from auditor.json import JsonObject
from auditor.model.policy import Enforcement
from tests.unit.intake.packs.making import CONVERSION, CRD, policy, write_pack


def run(*arguments: str) -> str:
    result = CliRunner().invoke(auditor, ["packs", *arguments], standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.stdout


def test_list_tells_of_each_pack() -> None:
    told = run("list")
    assert all(name in told for name in pack_names())
    packs = json.loads(run("list", "-o", "json"))
    assert [each["name"] for each in packs] == [*pack_names()]
    assert yaml.safe_load(run("list", "-o", "yaml")) == packs
    assert all(each["rules"] >= each["policies"] > 0 and each["kinds"] for each in packs)


def test_show_tells_of_each_rule_param_and_control(tmp_path: Path) -> None:
    pack = str(write_pack(tmp_path, policy(params={"max": 3, "hosts": ["a"]}, controls=["SOC2-A1.2"]), CRD, CONVERSION))
    told = run("show", pack)
    for word in ("things: Things", "Keeps things in order.", "v1alpha1, v1 (stored)", "v1 -> v1alpha1", "too large"):
        assert word in told
    assert "param max = 3" in told
    assert "param hosts = [a]" in told
    shown = json.loads(run("show", pack, "-o", "json"))
    assert shown["policies"][0]["rules"][0]["controls"] == ["SOC2-A1.2"]


def test_show_by_control() -> None:
    (first, *_) = json.loads(run("show", "databasecluster", "--controls", "-o", "json"))
    assert first["framework"].startswith("ISO/IEC 27001")
    assert any(rule.startswith("databasecluster-") for rule in first["rules"])
    assert "SOC2-A1.2" in run("show", "databasecluster", "--controls")


def test_a_summary_cannot_act_on_a_terminal(tmp_path: Path) -> None:
    pack = write_pack(tmp_path, page="# x\n\nred \x1b[31m alarm\n")
    assert "\x1b" not in run("show", str(pack))


def test_install_to_a_folder_asks_no_cluster(tmp_path: Path) -> None:
    told = run("install", "databasecluster", "--to", str(tmp_path / "out"), "--kubeconfig", "/nonexistent")
    folder = tmp_path / "out" / "databasecluster"
    assert f"wrote {folder / 'policies.yaml'}" in told
    policies: list[JsonObject] = list(yaml.safe_load_all((folder / "policies.yaml").read_text()))
    assert {each["spec"]["enforcement"] for each in policies} == {str(Enforcement.AUDIT)}
    run("install", "databasecluster", "--to", str(tmp_path / "out"), "--enforcement", "As-Shipped")
    policies = list(yaml.safe_load_all((folder / "policies.yaml").read_text()))
    assert str(Enforcement.DENY) in {each["spec"]["enforcement"] for each in policies}


def test_install_refuses_what_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="leave out --dry-run"):
        run("install", "databasecluster", "--to", str(tmp_path), "--dry-run")
    with pytest.raises(UsageError, match="there is no pack nothing"):
        run("install", "nothing")
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        run("install", "databasecluster", "--to", str(tmp_path / "file" / "below"))


@pytest.mark.parametrize("command", ["show", "install", "remove"])
def test_names_of_packs_are_completed(command: str) -> None:
    complete = ShellComplete(auditor, {}, "auditor", "_AUDITOR_COMPLETE")
    found = [each.value for each in complete.get_completions(["packs", command], "databasec")]
    assert found == ["databasecluster"]
    assert [each.type for each in complete.get_completions(["packs", command], "./my")] == ["dir"]
