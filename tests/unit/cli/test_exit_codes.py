"""Each command, with each exit code that it has without a cluster: commands/CASE.exit-CODE.txt has all that it says.

Those that need a cluster that answers are in tests/cluster.
"""

import shutil
from pathlib import Path

import pytest

from auditor.cli.frame import COMMANDS
from tests.unit.cli.binary import code_of, compare, run

HERE = Path(__file__).parent / "commands"
GONE = ("--kubeconfig", "kubeconfig.yaml")  # a cluster that does not answer
NOWHERE = ("--kubeconfig", "nowhere.yaml")
CONVERT = ("convert", "--conversions", "conversion.yaml")
IMPACT = ("impact", "--offline", "fixer.yaml", "--decisions")
CASES = {
    "frame.exit-0": ("--version",),
    "frame.exit-2": ("--log-format", "xml", "scan"),
    "no-command.exit-2": ("scann",),
    "certs.unreadable.exit-3": ("certs", "show", *GONE),
    "certs.no-cluster.exit-2": ("certs", "show", *NOWHERE),
    "completion.exit-2": ("completion", "tcsh"),
    "convert.exit-0": (*CONVERT, "small.yaml", "--to", "v2"),
    "convert.json.exit-0": (*CONVERT, "small.yaml", "large.yaml", "--to", "v2", "-o", "json"),
    "convert.pack.exit-0": ("convert", "--conversions", "converted", "converted/examples", "--to", "v2"),
    "convert.no-version.exit-2": (*CONVERT, "small.yaml"),
    "convert.nowhere.exit-2": (*CONVERT, "nowhere.yaml", "--to", "v2"),
    "convert.no-conversion.exit-2": ("convert", "--conversions", "small.yaml", "small.yaml", "--to", "v2"),
    "convert.broken.exit-3": (*CONVERT, "broken.yaml", "small.yaml", "--to", "v2"),
    "convert.no-step.exit-3": (*CONVERT, "small.yaml", "--to", "v3"),
    "convert.loss.exit-3": (*CONVERT, "v2.yaml", "--to", "v1", "--check-round-trip"),
    "convert.migrate.exit-3": ("convert", "--migrate-storage", *GONE),
    "dashboard.no-history.exit-2": ("dashboard", "--database-url", "sqlite:////nonexistent/history.db"),
    "demo.exit-2": ("demo", "--nonsense"),
    "except.no-object.exit-2": ("except", "database", "quorum", *GONE),
    "except.exit-3": ("except", "database/main", "quorum", "--reason", "for a test", "--expires", "30d", *GONE),
    "explain.exit-0": ("explain", "fixer.yaml", "small.yaml"),
    "explain.exit-1": ("explain", "fixer.yaml", "large.yaml"),
    "explain.mistake.exit-2": ("explain", "mistake.yaml", "small.yaml"),
    "explain.no-policy.exit-2": ("explain", "shop", "small.yaml", "--policies", "fixer.yaml"),
    "explain.update.exit-2": ("explain", "fixer.yaml", "small.yaml", "--operation", "update"),
    "explain.create-of-old.exit-2": (
        "explain",
        "fixer.yaml",
        "small.yaml",
        "--operation",
        "CREATE",
        "--old",
        "large.yaml",
    ),
    "explain.user.exit-2": ("explain", "fixer.yaml", "small.yaml", "--user", "jane,,ops"),
    "explain.broken.exit-3": ("explain", "fixer.yaml", "broken.yaml", "small.yaml"),
    "explain.files-in-cluster.exit-2": ("explain", "quorum", "small.yaml", "--cluster", *NOWHERE),
    "explain.no-cluster.exit-2": ("explain", "fixer.yaml", "database/shop"),
    "explain.gone.exit-3": ("explain", "quorum", "database/main", "--cluster", *GONE),
    "findings.exit-2": ("findings", "database/main", "-A", *GONE),
    "findings.no-name.exit-2": ("findings", "database/", *GONE),
    "findings.exit-3": ("findings", *GONE),
    "fix.exit-0": ("fix", "small.yaml", "--policies", "fixer.yaml"),
    "fix.check.exit-1": ("fix", "small.yaml", "large.yaml", "--policies", "fixer.yaml", "--check"),
    "fix.diff.exit-1": ("fix", "small.yaml", "--policies", "fixer.yaml", "--diff"),
    "fix.mistake.exit-2": ("fix", "small.yaml", "--policies", "mistake.yaml"),
    "fix.nowhere.exit-2": ("fix", "nowhere.yaml", "--policies", "fixer.yaml"),
    "fix.broken.exit-3": ("fix", "broken.yaml", "small.yaml", "--policies", "fixer.yaml"),
    "impact.exit-0": (*IMPACT, "admitted.log"),
    "impact.exit-1": (*IMPACT, "refused.log"),
    "impact.offline.exit-2": ("impact", "--offline", "fixer.yaml"),
    "impact.torn.exit-3": (*IMPACT, "torn.log"),
    "impact.nowhere.exit-3": (*IMPACT, "nowhere.log"),
    "impact.gone.exit-3": ("impact", "fixer.yaml", *GONE),
    "new.exit-0": ("new", "pack", "gadgets", "--kind", "Gadget"),
    "new.exit-2": ("new", "pack", "cases", "--kind", "gadget"),
    "packs.exit-2": ("packs", "install"),
    "packs.gone.exit-3": ("packs", "install", "passing", *GONE),
    "rbac.exit-0": ("rbac", "--policies", "fixer.yaml", "--derived-only"),
    "rbac.exit-2": ("rbac", "--check", "-o", "yaml"),
    "rbac.mistake.exit-2": ("rbac", "--policies", "mistake.yaml"),
    "rbac.account.exit-2": ("rbac", "--policies", "fixer.yaml", "--service-account", "robot=me"),
    "rbac.open.exit-3": ("rbac", "--packs", "common", "--part", "scan"),
    "rbac.gone.exit-3": ("rbac", *GONE),
    "registration.exit-2": ("registration", "plan", *NOWHERE),
    "registration.exit-3": ("registration", "plan", *GONE),
    "report.exit-2": ("report", "--fail-under", "101"),
    "report.no-history.exit-2": ("report", "--database-url", "sqlite:////nonexistent/history.db"),
    "run.exit-2": ("run",),
    "sandbox.exit-2": ("sandbox", "down", "--name", "no-such-sandbox"),
    "scan.gone.exit-3": ("scan", "--cluster", *GONE),
    "scan.no-cluster.exit-2": ("scan", "--cluster", *NOWHERE),
    "status.exit-2": ("status", *NOWHERE),
    "status.exit-3": ("status", *GONE),
    "test.exit-0": ("test", "passing"),
    "test.quiet.exit-0": ("test", "passing", "-q"),
    "test.exit-1": ("test", "cases"),
    "test.nowhere.exit-2": ("test", "nowhere"),
    "test.junit.exit-2": ("test", "passing", "--junit", "no/such/folder.xml"),
    "test.unread.exit-3": ("test", "unread"),
    "watch.exit-2": ("watch", "--share", "--database-url", "sqlite:///x.db"),
    "webhook.exit-2": ("webhook", "--authority", "system"),
}
# Their codes 0, 1 and 3 need a cluster that answers (tests/cluster), or are in a file of their own.
ELSEWHERE = {"docs", "scan"}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return Path(shutil.copytree(HERE, tmp_path / "commands", ignore=shutil.ignore_patterns("*.txt")))


@pytest.mark.parametrize("case", CASES)
def test_what_it_says_and_its_code(case: str, place: Path) -> None:
    said = run(*CASES[case], cwd=place, more={"XDG_STATE_HOME": str(place), "XDG_CACHE_HOME": str(place)})
    compare(HERE / f"{case}.txt", said.text.replace(str(place), "/commands"))
    assert said.code == code_of(case)


def test_fix_wrote_what_it_said(place: Path) -> None:
    run("fix", "small.yaml", "--policies", "fixer.yaml", cwd=place)
    assert (place / "small.yaml").read_text() == (HERE / "small.yaml").read_text().replace("2}", "2, open: true}")


def test_every_command_has_a_case() -> None:
    named = {case.partition(".")[0] for case in CASES} - {"frame", "no-command"}
    assert set(COMMANDS) <= named | ELSEWHERE, "write cases for each exit code of a new command"


def test_no_golden_is_forgotten() -> None:
    assert {file.name for file in HERE.glob("*.txt")} == {f"{case}.txt" for case in CASES}


def test_no_page_of_help_fails(place: Path) -> None:
    """And none depends on a cluster, or on what is in the folder."""
    for name in sorted(COMMANDS):
        said = run(name, "--help", cwd=place)
        assert (said.code, said.err, said.out.startswith(f"Usage: auditor {name}")) == (0, "", True)
