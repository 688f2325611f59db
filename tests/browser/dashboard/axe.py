"""axe-core, which checks pages for accessibility. It is no part of what we ship: a Python package carries it."""

import fcntl
import importlib.util
import os
import subprocess
import sys
import zipfile
from hashlib import sha256
from importlib import resources
from pathlib import Path
from typing import Final

PACKAGE: Final = "axe_playwright_python"
WHEEL: Final = "axe-playwright-python==0.1.8"
FILE: Final = "axe.min.js"
DIGEST: Final = "84494fec757e4710dc751c8d7a636e457f4532f08f85c86dc9070133fbff53bc"
"""Of the file in that wheel, axe-core 4.12.1."""
RULES: Final = ("wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice")


class AxeError(Exception):
    """There is none, and it cannot be fetched."""


def read_axe() -> str:
    """From the environment; else from a cache, where pip puts it once. Raises AxeError."""
    if given := os.environ.get("AXE_CORE"):
        return Path(given).read_text()
    if importlib.util.find_spec(PACKAGE) is not None:
        return (resources.files(PACKAGE) / FILE).read_text()
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "auditor" / "tests"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "axe.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the first worker fetches it, the others wait
        kept = folder / f"axe-{DIGEST[:16]}.js"
        if not kept.exists():
            _fetch(folder)
            content = zipfile.ZipFile(next(folder.glob("*.whl"))).read(f"{PACKAGE}/{FILE}")
            if sha256(content).hexdigest() != DIGEST:
                raise AxeError(f"{WHEEL} has another {FILE} than it had")
            kept.write_bytes(content)
        return kept.read_text()


def _fetch(folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), WHEEL]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AxeError(f"pip cannot fetch {WHEEL}: {done.stderr.strip()[-200:]}")


def ask_axe() -> str:
    """As an expression for a browser: what is wrong, a line each. The rest of what axe tells takes longer than axe."""
    return f"""axe.run(document, {{runOnly: {list(RULES)}, resultTypes: ["violations"]}}).then(told =>
        told.violations.flatMap(each => each.nodes.map(node => `${{each.id}}: ${{node.html.slice(0, 120)}}`)))"""
