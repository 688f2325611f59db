"""`auditor report`: what it answers, and with which exit code."""

import contextlib
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from auditor.cli import report as module
from auditor.errors import AuditorError, UsageError
from auditor.model.finding import Result as Outcome
from auditor.report.compliance.formats import FORMATS
from auditor.report.history import Fault, History, HistoryError, Interval, KindCoverage, Tally
from auditor.report.history.reader import open_to_read
from tests.unit.report.history.cases import GROUP, RESOURCE

Run = Callable[..., Result]
HOUR = timedelta(hours=1)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'history.db'}"


@pytest.fixture
def run(url: str) -> Run:
    def call(*arguments: str) -> Result:
        return CliRunner().invoke(
            module.command, ["--database-url", url, *arguments], standalone_mode=False, catch_exceptions=False
        )

    return call


def keep(url: str, *, name: str = "prod", uid: str = "uid-1", passes: int = 9, fails: int = 1, errors: int = 0) -> None:
    now = datetime.now(UTC)
    history = History.open(url, cluster=uid, name=name, now=now - 30 * 24 * HOUR)
    start = now.replace(minute=0, second=0, microsecond=0) - HOUR
    tally = Tally(policy="quorum", rule="odd", namespace="shop", passes=passes, fails=fails, errors=errors)
    history.write(
        [
            KindCoverage(at=start - 40 * HOUR, group=GROUP, resource=RESOURCE, present=10, evaluated=10),
            Interval(start=start, length=HOUR, group=GROUP, resource=RESOURCE, tallies=[tally]),
        ]
    )
    history.close()


def test_formats_are_those_that_there_are() -> None:
    assert tuple(FORMATS) == module.FORMATS


def test_a_report_on_standard_output(url: str, run: Run) -> None:
    keep(url)
    result = run("--period", "24h")
    assert result.return_value == 0
    assert result.output.startswith("# Compliance of prod: 90.0 %")


def test_several_formats_at_once(url: str, run: Run, tmp_path: Path) -> None:
    keep(url)
    files = {name: tmp_path / f"report.{name}" for name in FORMATS}
    result = run(*(f"-o{name}={file}" for name, file in files.items()))
    assert (result.return_value, result.output) == (0, "")
    said = json.loads(files["json"].read_text())
    assert said["percent"] == 90
    assert all(said["digest"] in file.read_text() for file in files.values())


def test_exit_codes(url: str, run: Run) -> None:
    keep(url)
    assert run("--fail-under", "90").return_value == 0
    assert run("--fail-under", "90.1").return_value == 1
    assert run("--namespace", "other", "--fail-under", "1").return_value == 3  # nothing was evaluated there
    assert run("--namespace", "other").return_value == 0
    assert run("--require-complete", "--period", "24h").return_value == 0
    assert run("--require-complete", "--period", "90d").return_value == 3  # it began 30 days ago


def test_errors_are_never_complete(url: str, run: Run) -> None:
    keep(url, errors=1)
    assert run("--require-complete", "--period", "24h").return_value == 3


def test_what_is_nowhere_is_told(url: str, run: Run) -> None:
    keep(url)
    said = run("--namespace", "shpo", "--kind", "databses", "--policy", "qourum", "--framework", "SOC3").stderr
    for what in ("namespace 'shpo'", "kind 'databses'", "policy 'qourum'", "framework 'SOC3'"):
        assert f"nothing is known of the {what} in this period" in said
    assert run("--namespace", "shop", "--kind", RESOURCE, "--policy", "quorum").stderr == ""


@pytest.mark.parametrize("beside", [True, False], ids=["folder can be written", "nor the folder"])
def test_a_history_that_cannot_be_written(url: str, run: Run, monkeypatch: pytest.MonkeyPatch, beside: bool) -> None:
    """As for somebody else, or of a backup; who is root may write everything, so it is only said here."""
    keep(url)
    real = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: real(path, mode) and beside and Path(path).is_dir())
    assert run("--period", "24h").output.startswith("# Compliance of prod: 90.0 %")
    with (
        contextlib.closing(open_to_read(url)) as database,
        pytest.raises(HistoryError, match="readonly") as caught,
        database.reading() as connection,
    ):
        connection.execute(text("DELETE FROM clusters"))
    assert caught.value.fault is Fault.READ_ONLY


def test_no_database(run: Run, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no history in sqlite.*no such file"):
        run()
    assert not list(tmp_path.iterdir()), "nothing is made by who reads"


def test_an_empty_file_is_no_history(run: Run, tmp_path: Path) -> None:
    (tmp_path / "history.db").touch()
    with pytest.raises(UsageError, match=r"no history in .* yet"):
        run()


def test_no_cluster(url: str, run: Run) -> None:
    keep(url)
    with pytest.raises(UsageError, match=r"no cluster 'test' in the history. There are prod \(uid-1\)"):
        run("--cluster", "test")


def test_several_clusters(url: str, run: Run) -> None:
    keep(url)
    keep(url, name="", uid="other-2", passes=1, fails=0)
    with pytest.raises(UsageError, match=r"several clusters: choose one of other-2, prod \(uid-1\) with --cluster"):
        run()
    assert "prod: 90.0 %" in run("--cluster", "prod").output
    assert "other-2: 100.0 %" in run("--cluster", "other").output.replace("\\-", "-")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--period", "2099-01"], "future"),
        (["--period", "whenever"], "is no period"),
        (["--time-zone", "Nowhere"], "no time zone"),
        (["--overdue", "high"], "SEVERITY=DAYS"),
        (["-o", "json", "-o", "csv"], "only one format can go to standard output"),
        (["-o", "json=/nowhere/x.json"], "no directory"),
    ],
)
def test_mistakes_are_told(url: str, run: Run, arguments: list[str], said: str) -> None:
    keep(url)
    with pytest.raises(AuditorError, match=said) as caught:
        run(*arguments)
    assert caught.value.exit_code == 2


def test_a_history_of_an_older_auditor_is_left_alone(url: str, run: Run) -> None:
    from auditor.report.history import Database

    keep(url)
    database = Database(url)
    with database.writing(0) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    database.close()
    with pytest.raises(HistoryError, match=r"older auditor \(revision 0001\).*Start the watcher") as caught:
        run()
    assert caught.value.fault is Fault.OLDER


def test_days_until_overdue(url: str, run: Run, tmp_path: Path) -> None:
    from auditor.model.turn import FindingTurn, Turn
    from tests.unit.report.history.cases import finding, subject

    keep(url)
    history = History.open(url, cluster="uid-1")
    history.write([FindingTurn(datetime.now(UTC) - timedelta(days=3), Turn.OPENED, subject(), finding())])
    history.close()
    file = tmp_path / "report.json"
    for days, overdue in (("high=2", 1), ("high=4", 0)):
        run("-o", f"json={file}", "--overdue", days)
        said = json.loads(file.read_text())
        assert said["open"] == {"violations": 1, "warnings": 0, "errors": 0, "excused": 0, "overdue": overdue}
        assert said["violations"][0]["result"] == Outcome.FAIL
    run("-o", f"json={file}", "--limit", "1", "--severity", "critical")
    assert json.loads(file.read_text())["violations"] == []
