"""A start that is written works: its cases pass, and its examples are what they are called."""

import subprocess
import sys
from pathlib import Path

import pytest

from auditor.intake.packs.pack import read_pack


def run(*arguments: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "auditor", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def test_a_pack_is_tested_and_finds_what_is_wrong(tmp_path: Path) -> None:
    done = run("new", "pack", "gadgets", "--kind", "Gadget", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Next: auditor test gadgets" in done.stdout
    tested = run("test", "gadgets", cwd=tmp_path)
    assert (tested.returncode, tested.stdout.splitlines()[-1]) == (0, "5 passed, 0 failed")
    assert "no case" not in tested.stdout, "every rule has a case that violates it, and one that passes"
    good = run("scan", "gadgets/examples/good", "--policies", "gadgets", cwd=tmp_path)
    assert good.returncode == 0, good.stdout
    bad = run("scan", "gadgets/examples/bad", "--policies", "gadgets", cwd=tmp_path)
    assert "3 warn" in bad.stdout


@pytest.mark.parametrize(
    "target", [("--crd", "g/crd.yaml"), ("--resource", "gadgets.example.com", "--kind", "Gadget")], ids=["crd", "names"]
)
def test_a_policy_is_tested(tmp_path: Path, target: tuple[str, ...]) -> None:
    run("new", "pack", "g", "--kind", "Gadget", cwd=tmp_path)
    assert run("new", "policy", "p", *target, cwd=tmp_path).returncode == 0
    assert run("test", "p", cwd=tmp_path).stdout.splitlines()[-1] == "2 passed, 0 failed"


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "g" / "tests").mkdir(parents=True)
    mine = tmp_path / "g" / "tests" / "pass.yaml"
    mine.write_text("mine")
    done = run("new", "pack", "g", "--kind", "Gadget", cwd=tmp_path)
    assert done.returncode == 2
    assert "g/tests/pass.yaml is there already" in done.stderr
    assert mine.read_text() == "mine"
    assert not (tmp_path / "g" / "crd.yaml").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("pack", "x", "--kind", "gadget"), "--kind 'gadget'"),
        (("pack", "x", "--kind", "Gadget", "--group", "one"), "--group 'one'"),
        (("policy", "x"), "by --crd FILE, or by --resource"),
        (("policy", "x", "--resource", "gadgets", "--kind", "G"), "--resource ''"),
        (("policy", "x", "--resource", "gadgets.example.com"), "--kind ''"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_names_are_told(tmp_path: Path, arguments: tuple[str, ...], told: str) -> None:
    done = run("new", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert told in done.stderr
    assert not (tmp_path / "x").exists()


def test_a_file_without_a_crd_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n")
    done = run("new", "policy", "p", "--crd", "x.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert "x.yaml: there is no CRD in it" in done.stderr


def test_one_of_several_crds(tmp_path: Path) -> None:
    for kind in ("Gadget", "Widget"):
        run("new", "pack", kind, "--kind", kind, cwd=tmp_path)
    (tmp_path / "all.yaml").write_text(
        "---\n".join((tmp_path / k / "crd.yaml").read_text() for k in ("Gadget", "Widget"))
    )
    done = run("new", "policy", "p", "--crd", "all.yaml", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, "auditor: all.yaml: choose by --kind one of Gadget, Widget\n")
    done = run("new", "policy", "p", "--crd", "all.yaml", "--kind", "Gizmo", cwd=tmp_path)
    assert "there is no CRD of the kind Gizmo in it, but of Gadget, Widget" in done.stderr
    assert run("new", "policy", "p", "--crd", "all.yaml", "--kind", "Widget", cwd=tmp_path).returncode == 0
    assert "resources: [widgets]" in (tmp_path / "p" / "policy.yaml").read_text()


def test_a_new_pack_is_fixed_and_is_a_pack(tmp_path: Path) -> None:
    run("new", "pack", "gadgets", "--kind", "Gadget", cwd=tmp_path)
    fixed = run("fix", "gadgets/examples/bad", "--policies", "gadgets", cwd=tmp_path)
    assert (fixed.returncode, "gadget-basics/at-least-one" in fixed.stderr) == (0, True)
    pack = read_pack(tmp_path / "gadgets")
    assert (pack.title, pack.summary.endswith("answers for it.")) == ("Gadget objects", True)
