"""A scan on all cores finds what a scan on one finds: also what objects see of each other."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import yaml

from auditor.intake import portions
from auditor.intake import scan as scanning
from auditor.intake.crew import LostError
from auditor.intake.found import Scan
from auditor.intake.prepare import prepare
from auditor.intake.scan import scan
from auditor.intake.twins import TOLD
from auditor.json import Json, JsonObject
from tests.unit.intake.files import NOW, crd, policy, thing, write

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here"),
    # pytest-xdist has threads, the program has none when it forks.
    pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning"),
]
LOOKUP = {
    "lookups": [{"name": "peers", "resource": {"group": "example.com", "resource": "geese"}, "namespace": "same"}],
}
PEERS = policy("peers", [{"cel": "lookups.peers.exists(p, p.spec.size == object.spec.size)"}], **LOOKUP)
SIZE = policy("sizes", [{"cel": "object.spec.size < 40"}, {"jq": ".spec.size != 7"}], severity="high")


def goose(name: str, size: int) -> JsonObject:
    return {**thing(name, size=size), "kind": "Goose"}


def geese() -> JsonObject:
    """Nobody would guess the plural."""
    made = crd()
    made["metadata"]["name"] = "geese.example.com"
    made["spec"]["names"] = {"kind": "Goose", "plural": "geese"}
    return made


def told(found: Scan) -> Json:
    rows = [
        (str(judged.place), judged.subject, each.rule, each.result, each.message, judged.position_of(each))
        for judged, each in found.findings()
    ]
    counted = found.objects, found.counts, found.percent, [str(each) for each in found.unreadable], found.warnings
    gaps = [(each.kind, each.rule, each.reason, each.objects, each.examples) for each in found.coverage.gaps]
    return rows, counted, gaps, found.coverage.kinds


@pytest.mark.parametrize("held", [0, 1 << 20])
def test_all_cores_find_what_one_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: int) -> None:
    prepared = prepare([write(tmp_path / "p.json", SIZE, PEERS)])
    objects = tmp_path / "objects"
    objects.mkdir()
    documents = [thing(f"t{n}", size=n) for n in range(60)]
    (objects / "many.yaml").write_text(
        "---\n".join(map(yaml.safe_dump, documents)) + "---\na: [broken\n---\nkind: Thing\n"
    )
    for n in range(0, 60, 2):
        (objects / f"z{n}.yaml").write_text(yaml.safe_dump(goose(f"g{n}", n)))
    (objects / "zz-crd.json").write_text(json.dumps(geese()))
    monkeypatch.setattr(portions, "SIZE", 300)
    monkeypatch.setattr(portions, "HELD", held)
    alone = scan([str(objects)], prepared, time=NOW, into=Scan(passes=True))
    monkeypatch.setattr(scanning, "ALONE", 0)
    monkeypatch.setattr(scanning, "count_cores", lambda: 3)
    shared = scan([str(objects)], prepared, time=NOW, into=Scan(passes=True))
    assert told(shared) == told(alone)
    assert shared.objects == 91
    assert shared.counts["fail"] == 20 + 1 + 30
    assert len(shared.unreadable) == 2


def test_what_was_found_before_a_process_was_lost_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portions, "SIZE", 100)

    def lose(work: Sequence[object], do: Callable[[object], object], *, processes: int) -> Iterator[object]:
        yield do(work[0])
        raise LostError("process 7 is gone.")

    monkeypatch.setattr(scanning, "share_out", lose)
    path = tmp_path / "o.yaml"
    path.write_text("---\n".join(yaml.safe_dump(thing(f"t{n}", size=99)) for n in range(10)))
    found = scan([str(path)], prepare([write(tmp_path / "p.json", SIZE)]), time=NOW)
    assert 0 < found.objects < 10
    assert found.counts["fail"] == found.objects
    assert [str(each) for each in found.unreadable] == ["process 7 is gone. What comes after that was not judged."]


def test_progress_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portions, "SIZE", 100)
    seen: list[tuple[int, int]] = []
    path = tmp_path / "o.yaml"
    path.write_text("---\n".join(yaml.safe_dump(thing(f"t{n}", size=n)) for n in range(10)))
    scan([str(path)], prepare([write(tmp_path / "p.json", SIZE)]), time=NOW, progress=lambda *now: seen.append(now))
    assert seen == sorted(seen)
    assert len(seen) > 3
    assert seen[-1] == (path.stat().st_size, path.stat().st_size)


def test_objects_that_stand_twice_are_told(tmp_path: Path) -> None:
    first, second = write(tmp_path / "a.json", thing("one"), thing("two")), write(tmp_path / "b.json", thing("two"))
    prepared = prepare([write(tmp_path / "p.json", SIZE)])
    found = scan([first, second], prepared, time=NOW)
    assert found.objects == 3
    assert found.warnings == [f"{second}:1: Thing here/two stands in {first}:3 already: both were judged"]
    many = write(tmp_path / "c.json", *[thing("same")] * (TOLD + 6))
    found = scan([many], prepared, time=NOW)
    assert len(found.warnings) == TOLD + 1
    assert found.warnings[-1] == f"5 more objects stand twice: the first {TOLD} are told"
