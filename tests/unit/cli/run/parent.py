"""`auditor run` in tests, with stand-ins for its children: `parent.py "door wait" "watcher fail 2"`."""

import logging
import sys
from pathlib import Path

from auditor.cli.run import pair
from auditor.cli.run.pair import Group

logging.basicConfig(format="%(message)s")
pair.GRACE, pair.IMPATIENT = 20.0, 0.3  # type: ignore[misc]
standin = str(Path(__file__).with_name("standin.py"))
sys.exit(Group({words.split()[0]: [sys.executable, standin, *words.split()] for words in sys.argv[1:]}).run())
