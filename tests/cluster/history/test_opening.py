"""Several processes begin at once, on a database that does not exist yet."""

import subprocess
import sys
from pathlib import Path

from tests.unit.report.history.cases import rows

OPEN = """
import sys
from auditor.report.history import History
sys.stdout.write("ready")
sys.stdout.flush()
sys.stdin.read()
History.open(sys.argv[1], cluster="one").close()
"""


def open_at_once(url: str) -> None:
    command = [sys.executable, "-c", OPEN, url]
    children = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(3)]
    try:
        for child in children:
            assert child.stdout is not None
            assert child.stdout.read(5) == b"ready"  # all have imported what they need
        for child in children:
            assert child.stdin is not None
            child.stdin.close()
        assert [child.wait(60) for child in children] == [0, 0, 0]
    finally:
        for child in children:
            child.kill()
            child.wait()
            assert child.stdout is not None
            child.stdout.close()
    assert [row["uid"] for row in rows(url, "clusters")] == ["one"]


def test_sqlite(tmp_path: Path) -> None:
    open_at_once(f"sqlite:///{tmp_path / 'state' / 'history.db'}")


def test_postgresql(url: str) -> None:
    open_at_once(url)
