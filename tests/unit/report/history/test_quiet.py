"""A library that is loud when it is imported is none of a reader's business."""

import subprocess
import sys
from pathlib import Path

OPEN = """
import logging, sys
logging.basicConfig(level=logging.INFO)
from auditor.report.history import History
History.open("sqlite:///" + sys.argv[1], cluster="c").close()
"""


def test_making_the_tables_says_nothing(tmp_path: Path) -> None:
    file = tmp_path / "h.db"
    done = subprocess.run([sys.executable, "-c", OPEN, str(file)], capture_output=True, text=True, check=True)
    assert file.exists()
    assert done.stderr == ""
