"""What is installed is what was locked, and what was locked is looked at for known faults."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
LOCKS = sorted(str(each.relative_to(ROOT)) for each in (*ROOT.glob("*.lock"), *ROOT.glob("deploy/*.lock")))
AUDIT = yaml.safe_load((ROOT / ".github" / "workflows" / "audit.yml").read_text())["jobs"]["advisories"]

_PIN = re.compile(
    r"[a-z0-9][a-z0-9.-]*==[a-zA-Z0-9.+!-]+(?: ; [^\\\n]+)? \\\n(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+"
)


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_has_versions_and_hashes_and_nothing_else(lock: str) -> None:
    """No address, no folder, no index of somebody else: whatever is served, other bytes are refused."""
    text = re.sub(r"^ *#.*\n", "", (ROOT / lock).read_text(), flags=re.MULTILINE)
    assert text.count("==") > 20
    assert _PIN.sub("", text) == ""


def test_what_is_shipped_is_what_is_tested() -> None:
    shipped, tested = (
        dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE))
        for lock in ("deploy/requirements.lock", "requirements-dev.lock")
    )
    assert shipped.items() <= tested.items()
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert {re.split(r"[\[<>=!~ ]", each)[0].lower() for each in needed} <= shipped.keys()


def test_each_lock_is_audited() -> None:
    """And what could not be looked up is no pass."""
    assert sorted(AUDIT["strategy"]["matrix"]["lock"]) == LOCKS
    (audited,) = (each["run"] for each in AUDIT["steps"] if each.get("run", "").startswith("pip-audit"))
    assert {"--strict", "--require-hashes", "--disable-pip"} <= {*audited.split()}


@pytest.mark.parametrize("file", ["Makefile", "deploy/Dockerfile"])
def test_no_installation_goes_without_hashes(file: str) -> None:
    """But that of ourselves, from the folder beside it."""
    commands = re.split(r"&&|\n", (ROOT / file).read_text().replace("\\\n", " "))
    found = [each for each in commands if re.search(r"-m pip .*\binstall\b", each)]
    assert len(found) == 2
    for each in found:
        assert "--require-hashes" in each or "--no-deps" in each, each
