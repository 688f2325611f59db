"""`auditor scan` as a program: one file, 2,000 files, a stream of 100,000 objects; 5 rules in CEL, or a rule and a
mutation in jq.

CPU is that of the program and its processes, memory that of all together; start-up is in all of it.
"""

import os
import statistics
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

from auditor.json import Json, JsonObject
from tests.bench.figure import Notebook
from tests.bench.filled import RULES, make, name_of
from tests.bench.program import Run, auditor

IN_JQ: JsonObject = {
    "rules": [{"name": "replicas", "jq": ".spec.replicas % 2 == 1", "message": "odd"}],
    "mutate": [{"name": "tier", "jq": '.spec.tier //= "standard"'}],
}
ONCE, FILES, STREAM = 10, 2_000, 100_000
POLICIES = (1, 10, 100, 1000)


def run(book: Notebook) -> None:
    with tempfile.TemporaryDirectory(prefix="auditor-bench-") as folder:
        place = Path(folder)
        by_cel, by_jq = place / "policy.yaml", place / "jq.yaml"
        by_cel.write_text(yaml.safe_dump(make_policy(rules=RULES)))
        by_jq.write_text(yaml.safe_dump(make_policy(**IN_JQ)))
        texts = list(make_texts(FILES))
        objects = write_files(place / "objects", texts)
        one = objects / "0000.yaml"
        for what, path, by, times, goal in (
            ("one file", one, by_cel, ONCE, 0.15),
            (f"{FILES:,} files of {sum(map(len, texts)) / FILES:.0f} bytes", objects, by_cel, 5, 0.5),
            (f"{FILES:,} files, a rule and a mutation in jq", objects, by_jq, 3, None),
        ):
            runs = [_scan(path, by) for _ in range(times)]
            book.wall(f"scan of {what}", [each.wall for each in runs], "s", goal)
            book.cpu(f"scan of {what}, CPU", [each.cpu for each in runs], "s")
        _stream(book, place, texts, by_cel)
        _grow(book, place, texts, by_cel)


def _stream(book: Notebook, place: Path, texts: list[str], by: Path) -> None:
    walls, memories, runs = {}, {}, []
    for count in (STREAM // 100, STREAM // 10, STREAM):
        path = place / f"stream-{count}.yaml"
        with path.open("w") as file:
            for number in range(count):
                text = texts[number % FILES].replace(name_of(number % FILES), f"orders-{number}", 1)
                file.write(f"---\n{text}")
        runs = [_scan(path, by, memory=True) for _ in range(3)]
        walls[count] = statistics.median(each.wall for each in runs)
        memories[count] = statistics.median(each.memory for each in runs)
    what = f"scan of a stream of {STREAM:,} objects"
    book.wall(what, [each.wall for each in runs], "s", 15.0)
    book.cpu(f"{what}, CPU", [each.cpu for each in runs], "s")
    book.put(f"{what}, memory of all processes", [each.memory for each in runs], "MB", 200.0)
    book.grow("scan of a stream, wall", "s", "objects of one stream", walls)
    book.grow("memory of all processes", "MB", "objects of one stream", memories)


def _grow(book: Notebook, place: Path, texts: list[str], by: Path) -> None:
    walls = {}
    for count in (1, 20, 200, FILES):
        objects = write_files(place / f"objects-{count}", texts[:count])
        walls[count] = statistics.median(_scan(objects, by).wall for _ in range(3))
    book.grow("scan, wall", "s", "files", walls)
    ours: dict[int, float] = {}
    others: dict[int, float] = {}
    for count in POLICIES:
        for found, group in ((ours, "db.example.com"), (others, "other.example.com")):
            path = place / f"policies-{group}-{count}.yaml"
            made = [
                make_policy(f"p{n}", group, rules=[{"name": "few", "cel": f"object.spec.replicas < {n + 10}"}])
                for n in range(count)
            ]
            path.write_text(yaml.safe_dump_all(made))
            found[count] = statistics.median(_scan(place / "objects" / "0000.yaml", path).wall for _ in range(3))
    book.grow("scan of one file, policies for its kind, wall", "s", "policies of one CEL rule", ours)
    book.grow("scan of one file, policies for other kinds, wall", "s", "policies of one CEL rule", others)


def _scan(path: Path, by: Path, *, memory: bool = False) -> Run:
    found = auditor("scan", str(path), "--policies", str(by), "-o", f"json={os.devnull}", memory=memory)
    assert found.code in (0, 1), found.code
    return found


def make_texts(count: int, *, bad: int = 0) -> Iterator[str]:
    """YAML of about 0.6 KB each; every `bad`-th violates the rule on replicas."""
    for number in range(count):
        made = make(number, "Database", 1)
        made["apiVersion"] = "db.example.com/v1"
        made["spec"]["members"] = made["spec"]["members"][: 4 + number % 6]
        if bad and number % bad == 0:
            made["spec"]["replicas"] = 4
        yield yaml.safe_dump(made, sort_keys=False)


def write_files(folder: Path, texts: list[str]) -> Path:
    folder.mkdir(exist_ok=True)
    for number, text in enumerate(texts):
        (folder / f"{number:04}.yaml").write_text(text)
    return folder


def make_policy(name: str = "sizes", group: str = "db.example.com", **what: Json) -> Mapping[str, Json]:
    rule = {"apiGroups": [group], "apiVersions": ["*"], "resources": ["databases"], "operations": ["CREATE"]}
    spec = {"match": {"resourceRules": [rule]}, **what}
    return {"apiVersion": "auditor.dev/v1", "kind": "Policy", "metadata": {"name": name}, "spec": spec}
