"""The wheel, built from the sdist as an installer would, and used without the repository."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import auditor
from auditor.sandbox import assets

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    built = tmp_path_factory.mktemp("dist")
    build: list[str | Path] = [sys.executable, "-m", "hatchling", "build", "-d", built]
    subprocess.run([*build, "-t", "sdist"], cwd=ROOT, check=True, capture_output=True)
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        archive.extractall(built, filter="data")
    subprocess.run(
        [*build, "-t", "wheel"], cwd=built / f"auditor-{auditor.__version__}", check=True, capture_output=True
    )
    return next(built.glob("*.whl"))


def test_wheel_takes_no_name_but_its_own(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names} == {"auditor", f"auditor-{auditor.__version__}.dist-info"}
    assert len(names) == len(set(names))


def test_wheel_has_all_that_the_tree_has(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    shipped = {
        str(path.relative_to(ROOT))
        for room in ("auditor", "certs", "policies", "webhooks")
        for path in (ROOT / room).rglob("*")
        if path.is_file() and not path.is_symlink() and "__pycache__" not in path.parts
    }
    expected = {name if name.startswith("auditor/") else f"auditor/{name}" for name in shipped}
    assert {name for name in names if ".dist-info" not in name} == expected
    assert f"auditor/sandbox/controlplane/v{assets.DEFAULT_VERSION}.sum" in names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_the_same_bytes_are_built_elsewhere_and_later(wheel: Path, tmp_path: Path) -> None:
    """Of the same sources, whose files have other times there."""
    elsewhere = tmp_path / "elsewhere"
    unpacked = next(each for each in wheel.parent.iterdir() if each.is_dir())
    shutil.copytree(unpacked, elsewhere, copy_function=shutil.copyfile)
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", tmp_path / "dist"],
        cwd=elsewhere,
        env={**os.environ, "TZ": "Asia/Tokyo"},
        check=True,
        capture_output=True,
    )
    built = sorted(file.name for file in wheel.parent.iterdir() if file.is_file())
    assert sorted(file.name for file in (tmp_path / "dist").iterdir()) == built
    for name in built:
        assert (tmp_path / "dist" / name).read_bytes() == (wheel.parent / name).read_bytes(), name


def test_wheel_works_alone(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")  # noqa: S202 our own wheel
    code = (
        "import sys; sys.path = [p for p in sys.path if p != sys.argv[1]]; sys.path.insert(0, sys.argv[2])\n"
        "import auditor.certs, auditor.webhooks, importlib.resources as r\n"
        "print(auditor.certs.__file__)\n"
        "assert (r.files('auditor') / 'policies' / 'databasecluster' / 'crd.yaml').is_file()\n"
        "sys.argv = ['auditor', '--help']\n"
        "from auditor.__main__ import main; main()"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code, str(ROOT), tmp_path / "site"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith(str(tmp_path / "site"))
    assert "sandbox" in answer.stdout
