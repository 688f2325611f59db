"""Each process tells which program it is, and how near it is to the end of its memory."""

from pathlib import Path

import pytest

from auditor import __version__
from auditor.operations import Vitals


def read(
    cgroup: Path, stops: dict[tuple[str, str], int] | None = None
) -> dict[str, list[tuple[dict[str, str], float]]]:
    vitals = Vitals("watch", stops=(stops or {}).copy, cgroup=cgroup)
    return {family.name: [(each.labels, each.value) for each in family.samples] for family in vitals.collect()}


def write(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


def test_a_container_has_its_memory_without_what_can_be_given_back(tmp_path: Path) -> None:
    write(tmp_path, memory__current="900\n", memory__max="1000\n", memory__stat="anon 700\ninactive_file 150\n")
    found = read(tmp_path)
    assert found["auditor_memory_bytes"] == [({}, 750)]
    assert found["auditor_memory_limit_bytes"] == [({}, 1000)]


def test_so_it_has_with_cgroups_of_the_first_version(tmp_path: Path) -> None:
    first = {
        "memory__usage_in_bytes": "900",
        "memory__limit_in_bytes": "1000",
        "memory__stat": "total_inactive_file 950\n",
    }
    write(tmp_path / "memory", **first)
    found = read(tmp_path)
    assert (found["auditor_memory_bytes"], found["auditor_memory_limit_bytes"]) == ([({}, 0)], [({}, 1000)])


@pytest.mark.parametrize(
    ("folder", "files"),
    [
        (".", {}),
        (".", {"memory__current": "900", "memory__max": "max\n", "memory__stat": "inactive_file 1\n"}),
        (".", {"memory__current": "x", "memory__max": "1000", "memory__stat": "inactive_file 1\n"}),
        (
            "memory",
            {"memory__usage_in_bytes": "9", "memory__limit_in_bytes": str(2**63 - 4096), "memory__stat": "a 1\n"},
        ),
    ],
)
def test_without_a_limit_nothing_is_told_of_it(tmp_path: Path, folder: str, files: dict[str, str]) -> None:
    write(tmp_path / folder, **files)
    found = read(tmp_path)
    assert found["auditor_memory_bytes"] == found["auditor_memory_limit_bytes"] == []


def test_it_says_which_program_it_is_and_which_rules_were_stopped(tmp_path: Path) -> None:
    found = read(tmp_path, {("jq", "rule"): 2})
    assert found["auditor_info"] == [({"program": "watch", "version": __version__}, 1)]
    assert found["auditor_expression_stops"] == [({"language": "jq", "reason": "rule"}, 2)]
