"""`make lint` refuses imports that cross the layers: tried on a copy of the tree, one crossing at a time."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("tree")
    for name in ("auditor", "certs", "webhooks"):
        shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-logo", "--no-cache"],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
    )


def test_tree_as_it_is(tree: Path) -> None:
    answer = lint(tree)
    assert answer.returncode == 0, answer.stdout


@pytest.mark.parametrize(
    ("room", "imported"),
    [
        ("auditor/model", "auditor.languages"),
        ("auditor/languages", "auditor.engine"),
        ("auditor/engine", "auditor.cluster"),
        ("auditor/report", "auditor.audit"),
        ("auditor/audit", "auditor.webhooks"),
        ("auditor/dashboard", "auditor.cli"),
        ("auditor/cluster", "auditor.model"),
        ("auditor/sandbox", "auditor.engine"),
        ("certs", "auditor.cluster"),
        ("webhooks", "auditor.dashboard"),
    ],
)
def test_crossing_is_refused(tree: Path, room: str, imported: str) -> None:
    crossing = tree / room / "crossing.py"
    crossing.write_text(f"import {imported}\n")
    try:
        answer = lint(tree)
    finally:
        crossing.unlink()
    importer = ("" if room.startswith("auditor") else "auditor.") + room.replace("/", ".")
    assert answer.returncode == 1
    assert f"{importer}.crossing -> {imported}" in answer.stdout


@pytest.mark.parametrize("name", ["certs", "policies", "webhooks"])
def test_second_import_path_is_refused(tmp_path: Path, name: str) -> None:
    module = tmp_path / "module.py"
    module.write_text(f"import {name}\n\n{name}.x()\n")
    answer = subprocess.run(
        [Path(sys.executable).parent / "ruff", "check", "--config", ROOT / "pyproject.toml", "--no-cache", module],
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 1
    assert f"There is one import path: auditor.{name}" in answer.stdout
