"""What the history says, of either database, and whether it can be true."""

from auditor.report.history import HistoryError
from tests.cluster.audit.conftest import Stage
from tests.unit.report.history.cases import rows


def open_findings(url: str) -> set[str]:
    """By their fingerprints. A set, as the database has one row for each fingerprint or refuses it."""
    try:
        return {row["fingerprint"] for row in rows(url, "findings") if row["resolved_at"] is None}
    except HistoryError as error:
        return {f"not yet: {error}"}


def read_turns(url: str) -> dict[str, list[str]]:
    """Of each fingerprint, in their order."""
    names = {row["id"]: row["fingerprint"] for row in rows(url, "findings")}
    found: dict[str, list[str]] = {fingerprint: [] for fingerprint in names.values()}
    for row in rows(url, "turns"):
        found[names[row["finding_id"]]].append(str(row["turn"]))
    return found


def check_turns(url: str) -> None:
    """Opened once, resolved and reopened in turns, and the last of them is how the finding stands: nothing doubled."""
    turns = read_turns(url)
    for row in rows(url, "findings"):
        told = turns[row["fingerprint"]]
        ends = [step for step in told if step not in ("changed", "excused")]
        wanted = ["opened", *(("resolved", "reopened")[index % 2] for index in range(len(ends) - 1))]
        assert ends == wanted, f"{row['name']} {row['policy']}/{row['rule']}: {told}"
        assert (row["resolved_at"] is not None) is (ends[-1] == "resolved"), f"{row['name']}: {told}"
        assert row["reopened_count"] == ends.count("reopened"), f"{row['name']}: {told}"


def reported(stage: Stage) -> set[str]:
    return {row[4] for rows in stage.rows(checks=True).values() for row in rows}


def tell_apart(stage: Stage, url: str) -> str:
    past, now = open_findings(url), reported(stage)
    return f"open in the history alone: {sorted(past - now)}; in reports alone: {sorted(now - past)}"
