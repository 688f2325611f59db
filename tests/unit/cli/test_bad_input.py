"""What is wrong with files is told in a line each, the rest is judged: bad/CASE.exit-CODE.txt has all that is said."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.cli.binary import AUDITOR, code_of, compare, environment, run

GOLDEN = Path(__file__).parent / "bad"
INPUTS = Path(__file__).parent / "golden" / "inputs"
POLICIES = ("--policies", "policies.yaml", "--crds", "crd.yaml")
OBJECT = """\
apiVersion: example.com/v1
kind: Shop
metadata: {name: NAME}
spec: {size: 20, image: registry.example.com/x:1}
"""
# Root may read what nobody may, unless it gives that up.
WITHOUT_PRIVILEGE = (
    ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search")
    if os.geteuid() == 0
    else ()
)


def write_broken(place: Path) -> None:
    (place / "a.yaml").write_text("a: [1\n")
    (place / "b.yaml").write_text(OBJECT + "---\nkind: Shop\n  spec:\n---\n" + OBJECT.replace("NAME", "after"))
    (place / "c.json").write_text('{"apiVersion": "v1",}')


def write_binary(place: Path) -> None:
    (place / "a.yaml").write_bytes(b"apiVersion: v1\nkind: X\n\0\1\2\377")
    (place / "b.yaml").write_bytes("apiVersion: v1\nkind: Größe\n".encode("latin-1"))
    (place / "c.json").write_bytes(b"\x1f\x8b\x08\0\0\0")


def write_huge(place: Path) -> None:
    with (place / "a.yaml").open("wb") as file:
        file.truncate(1 << 30)


def write_loop(place: Path) -> None:
    (place / "again").symlink_to(".")
    (place / "a.yaml").symlink_to("a.yaml")
    (place / "b.yaml").symlink_to("nowhere.yaml")


def write_bomb(place: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    (place / "a.yaml").write_text("apiVersion: v1\nkind: X\nmetadata: {name: x}\n" + "\n".join(lines))


def write_deep(place: Path) -> None:
    (place / "a.yaml").write_text("apiVersion: v1\nkind: X\nmetadata: {name: x}\nspec: " + "[" * 50_000)
    (place / "b.json").write_text('{"apiVersion": "v1", "kind": "X", "a": ' + "[" * 50_000)


def write_duplicate_keys(place: Path) -> None:
    (place / "a.yaml").write_text(OBJECT + "spec: {size: 1}\n")


def write_no_objects(place: Path) -> None:
    (place / "a.yaml").write_text("just text\n")
    (place / "b.yaml").write_text("- a\n- b\n")
    (place / "c.yaml").write_text("apiVersion: v1\nmetadata: {name: x}\n")
    (place / "d.yaml").write_text("apiVersion: v1\nkind: Shop\nmetadata: none\n")


def write_nothing(place: Path) -> None:
    (place / "a.yaml").write_text("")
    (place / "b.yaml").write_text("# a comment\n---\n---\n")
    (place / "c.json").write_text("")


def write_unreadable(place: Path) -> None:
    (place / "a.yaml").write_text(OBJECT)
    (place / "a.yaml").chmod(0)
    (place / "b").mkdir()
    (place / "b").chmod(0)
    if sys.platform == "linux":
        (place / "c.yaml").symlink_to("/proc/self/mem")  # it opens, and then cannot be read


def write_twice(place: Path) -> None:
    (place / "a.yaml").write_text(OBJECT)
    (place / "b.yaml").write_text("# the same again\n" + OBJECT.replace("20", "2"))


def write_unknown(place: Path) -> None:
    (place / "a.yaml").write_text("# no CRD\napiVersion: nowhere.example.com/v1\nkind: Unknown\nmetadata: {name: x}\n")


def write_empty_directory(place: Path) -> None:
    """There is nothing in it."""


CASES: dict[str, Callable[[Path], None]] = {
    "broken.exit-3": write_broken,
    "binary.exit-3": write_binary,
    "huge.exit-3": write_huge,
    "loop.exit-3": write_loop,
    "bomb.exit-3": write_bomb,
    "deep.exit-3": write_deep,
    "duplicate-keys.exit-3": write_duplicate_keys,
    "no-objects.exit-3": write_no_objects,
    "nothing.exit-0": write_nothing,
}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    for name in ("policies.yaml", "crd.yaml", "clean.yaml"):
        shutil.copy(INPUTS / name, tmp_path)
    (tmp_path / "bad").mkdir()
    return tmp_path


@pytest.mark.parametrize("case", CASES)
def test_a_line_for_each_and_the_rest_is_judged(case: str, place: Path) -> None:
    CASES[case](place / "bad")
    said = run("scan", "bad", "clean.yaml", *POLICIES, cwd=place)
    compare(GOLDEN / f"{case}.txt", said.text)
    assert said.code == code_of(case)
    assert " pass" in said.out


def test_what_may_not_be_read(place: Path) -> None:
    write_unreadable(place / "bad")
    said = run("scan", "bad", "clean.yaml", *POLICIES, cwd=place, before=WITHOUT_PRIVILEGE)
    compare(GOLDEN / f"unreadable.{sys.platform}.exit-3.txt", said.text)
    assert (said.code, "2 pass" in said.out) == (3, True)


def test_what_may_not_be_read_and_is_named(place: Path) -> None:
    write_unreadable(place / "bad")
    said = run("scan", "bad/a.yaml", "bad/b", "clean.yaml", *POLICIES, cwd=place, before=WITHOUT_PRIVILEGE)
    assert "bad/a.yaml: cannot be read: Permission denied" in said.text
    assert "bad/b: cannot be read: Permission denied" in said.text
    assert (said.code, "2 pass" in said.out) == (3, True)


def test_an_empty_directory_alone(place: Path) -> None:
    said = run("scan", "bad", *POLICIES, cwd=place)
    compare(GOLDEN / "empty.exit-2.txt", said.text)
    assert said.code == 2


@pytest.mark.parametrize("case", ["closed.exit-3", "blank.exit-0"])
def test_standard_input(case: str, place: Path) -> None:
    said = run("scan", "-", "clean.yaml", *POLICIES, cwd=place, stdin=None if case.startswith("closed") else "")
    compare(GOLDEN / f"{case}.txt", said.text)
    assert said.code == code_of(case)


def test_an_object_that_stands_twice(place: Path) -> None:
    """Which of the two will be there is not known: both are judged, and the line tells of both."""
    write_twice(place / "bad")
    said = run("scan", "bad", "clean.yaml", *POLICIES, cwd=place)
    line = next(line for line in said.text.splitlines() if line.startswith("warning: bad/b.yaml:2"))
    assert "bad/a.yaml:1" in line
    assert said.code == 1  # for the one that is too large


def test_a_kind_that_no_crd_has(place: Path) -> None:
    write_unknown(place / "bad")
    said = run("scan", "bad", "clean.yaml", *POLICIES, cwd=place)
    assert "bad/a.yaml:2" in said.text
    assert "nowhere.example.com" in said.text


def test_an_empty_directory_beside_others(place: Path) -> None:
    said = run("scan", "bad", "clean.yaml", *POLICIES, cwd=place)
    assert "bad: holds no file" in said.text
    assert "2 pass" in said.out
    assert said.code == 3


def test_no_golden_is_forgotten() -> None:
    known = {f"{case}.txt" for case in (*CASES, "empty.exit-2", "closed.exit-3", "blank.exit-0")}
    found = {file.name for file in GOLDEN.iterdir() if not file.name.startswith("unreadable.")}
    assert found == known


def test_ctrl_c_prints_what_was_found_so_far(place: Path) -> None:
    """It waits for a pipe that nobody writes to, after a file with findings."""
    (place / "shop.yaml").write_text(OBJECT)
    pipe = place / "pipe.yaml"
    os.mkfifo(pipe)
    command = [AUDITOR, "scan", "shop.yaml", "pipe.yaml", *POLICIES]
    with subprocess.Popen(
        command, cwd=place, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as scan:
        with pipe.open("w"):  # it opens as soon as the program reads it
            scan.send_signal(signal.SIGINT)
        out, err = scan.communicate(timeout=30)
    assert (scan.returncode, "Traceback" in err) == (130, False)
    assert "interrupted" in out
    assert "shops/size: the shop is too large" in out


def test_a_reader_that_goes_away(place: Path) -> None:
    (place / "many.yaml").write_text("".join(f"---\n{OBJECT.replace('NAME', f's{n}')}" for n in range(2000)))
    command = [AUDITOR, "scan", "many.yaml", *POLICIES]
    with subprocess.Popen(
        command, cwd=place, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as scan:
        assert scan.stdout is not None
        assert scan.stderr is not None
        first = scan.stdout.readline()
        scan.stdout.close()
        assert first == "Shop default/s0  (many.yaml:2)\n"
        assert not re.sub(r" +\d+%\n", "", scan.stderr.read())  # how far it is, on a slow computer
        assert scan.wait(timeout=30) == 141
