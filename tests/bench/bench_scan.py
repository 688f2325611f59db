"""`auditor scan` as a program (printed): one file, 2,000 files, a stream of 100,000 objects; 5 rules in CEL, or a rule
and a mutation in jq.

CPU is that of the program and its processes, memory that of all together; start-up is in all of it. Of several runs the
quickest counts: what a busy machine adds is not ours. The goals (wall, 2 cores): 0.15 s, 0.5 s, 15 s and 200 MB.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import yaml

from auditor.json import Json, JsonObject
from tests.bench.bench_audit import RULES, make

IN_JQ = {
    "rules": [{"name": "replicas", "jq": ".spec.replicas % 2 == 1", "message": "odd"}],
    "mutate": [{"name": "tier", "jq": '.spec.tier //= "standard"'}],
}
FILES = 2_000
STREAM = 100_000
LOOK_EVERY = 0.05
# The modules are compiled already, as they are where somebody has installed it.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def show() -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        policy, in_jq = place / "policy.yaml", place / "jq.yaml"
        policy.write_text(yaml.safe_dump(_policy(rules=RULES)))
        in_jq.write_text(yaml.safe_dump(_policy(**IN_JQ)))
        texts = [yaml.safe_dump(_object(number), sort_keys=False) for number in range(FILES)]
        objects = place / "objects"
        objects.mkdir()
        for number, text in enumerate(texts):
            (objects / f"{number:04}.yaml").write_text(text)
        stream = place / "stream.yaml"
        with stream.open("w") as file:
            for number in range(STREAM):
                name = f"orders-database-{number % FILES:06}"
                file.write(f"---\n{texts[number % FILES].replace(name, f'orders-{number}', 1)}")
        one = sum(map(len, texts)) / FILES
        for what, path, by, times in (
            ("one file", objects / "0000.yaml", policy, 10),
            (f"{FILES} files of {one:.0f} bytes", objects, policy, 5),
            (f"{FILES} files, a rule and a mutation in jq", objects, in_jq, 2),
            (f"a stream of {STREAM} objects, {stream.stat().st_size >> 20} MB", stream, policy, 1),
        ):
            runs = [
                _measure("scan", str(path), "--policies", str(by), "-o", f"json={os.devnull}") for _ in range(times)
            ]
            cpu, wall, memory = (min(each) for each in zip(*runs, strict=True))
            print(f"  scan of {what}: {cpu:.2f} s CPU, {wall:.2f} s wall, {memory:.0f} MB in all processes", flush=True)


def _measure(*arguments: str) -> tuple[float, float, float]:
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    command = [sys.executable, "-m", "auditor", *arguments]
    program = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=ENVIRONMENT)
    most = 0.0
    while program.poll() is None:
        most = max(most, _memory(program.pid))
        time.sleep(LOOK_EVERY)
    wall, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    assert program.returncode in (0, 1), program.returncode
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, wall, most / 1e6


def _memory(pid: int) -> float:
    """What several share counts for each with its part."""
    try:
        process = psutil.Process(pid)
        return float(sum(each.memory_full_info().pss for each in (process, *process.children(recursive=True))))
    except psutil.Error:
        return 0.0


def _object(number: int) -> JsonObject:
    made = make(number, "Database", 1)
    made["apiVersion"] = "db.example.com/v1"
    made["spec"]["members"] = made["spec"]["members"][: 4 + number % 6]
    return made


def _policy(**what: Json) -> JsonObject:
    rule = {"apiGroups": ["db.example.com"], "apiVersions": ["*"], "resources": ["databases"], "operations": ["CREATE"]}
    spec = {"match": {"resourceRules": [rule]}, **what}
    return {"apiVersion": "auditor.dev/v1", "kind": "Policy", "metadata": {"name": "sizes"}, "spec": spec}


def benchmarks() -> list[tuple[str, Callable[[], object]]]:
    show()
    return []


if __name__ == "__main__":
    show()
