"""What the history promises, in whichever database. A subclass beside a fixture `url`, of an empty one, runs it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from threading import Barrier, Thread

import pytest
from sqlalchemy import Column, text
from sqlalchemy.types import TypeEngine

from auditor.model.policy import Severity
from auditor.model.turn import FindingTurn, Turn
from auditor.report.history import (
    Batch,
    Census,
    Database,
    DoorDecision,
    DoorTotals,
    ExceptionChange,
    Fault,
    History,
    HistoryError,
    Interval,
    KindCoverage,
    KindPolicies,
    PolicyChange,
    Record,
    Release,
    Retention,
    Sort,
    Tally,
    Writer,
)
from auditor.report.history.migrate import MIGRATION_LOCK, REVISIONS
from auditor.report.history.model import Table
from tests.unit.report.history.cases import (
    CLUSTER,
    GROUP,
    RESOURCE,
    START,
    at,
    excused,
    finding,
    held,
    opened,
    resolved,
    rows,
    steps,
    subject,
    turn,
)
from tests.unit.report.history.migrations import make_old

HOUR = timedelta(hours=1)


class HistoryContract:
    @pytest.fixture
    def history(self, url: str) -> Iterator[History]:
        history = History.open(url, cluster=CLUSTER, now=START)
        yield history
        history.close()

    # Findings

    def test_a_finding_is_kept_with_all_that_it_says(self, history: History, url: str) -> None:
        history.write([opened(0)])
        (row,) = rows(url, "findings")
        said = finding()
        expected = {
            "fingerprint": said.fingerprint,
            "policy": "quorum",
            "rule": "odd",
            "policy_kind": "Policy",
            "result": said.result,
            "severity": Severity.HIGH,
            "message": said.message,
            "path": "/spec/replicas",
            "remediation": "Use 3 or 5.",
            "controls": ["SOC2-A1.2", "DB-7"],
            "api_group": GROUP,
            "api_version": "v1",
            "kind": "Database",
            "resource": RESOURCE,
            "namespace": "shop",
            "name": "orders",
            "uid": "uid-of-orders",
            "first_seen": at(0),
            "opened_at": at(0),
            "last_seen": at(0),
            "turned_at": at(0),
            "resolved_at": None,
            "reopened_count": 0,
            "excused_by": "",
            "writer": "",
        }
        assert {name: row[name] for name in expected} == expected

    def test_a_life_of_a_finding(self, history: History, url: str) -> None:
        history.write([opened(0), turn(1, Turn.CHANGED, excused()), turn(2, Turn.CHANGED), resolved(3)])
        history.write([opened(4)])
        (row,) = rows(url, "findings")
        assert (row["first_seen"], row["opened_at"], row["resolved_at"]) == (at(0), at(4), None)
        assert row["reopened_count"] == 1
        assert [(t["turn"], t["at"], t["result"], t["excused_by"]) for t in rows(url, "turns")] == [
            ("opened", at(0), "fail", ""),
            ("excused", at(1), "skip", "shop/legacy"),
            ("changed", at(2), "fail", ""),
            ("resolved", at(3), "fail", ""),
            ("reopened", at(4), "fail", ""),
        ]

    def test_what_is_told_again_changes_nothing(self, history: History, url: str) -> None:
        told = [opened(0), turn(1, Turn.CHANGED, finding(message="worse")), resolved(2), opened(3), resolved(4)]
        history.write(told)
        before = rows(url, "findings"), rows(url, "turns")
        history.write(told)
        history.write(told[2:])
        assert (rows(url, "findings"), rows(url, "turns")) == before

    def test_opened_while_it_is_open_is_seen_again(self, history: History, url: str) -> None:
        history.write([opened(0)])
        again = FindingTurn(at(5), Turn.OPENED, replace(subject(), uid="another"), finding())
        history.write([again])
        (row,) = rows(url, "findings")
        assert (row["first_seen"], row["last_seen"], row["uid"]) == (at(0), at(5), "another")
        assert steps(url) == ["opened"]

    def test_resolved_of_one_whose_opening_was_lost(self, history: History, url: str) -> None:
        history.write([resolved(3)])
        (row,) = rows(url, "findings")
        assert (row["first_seen"], row["resolved_at"]) == (at(3), at(3))
        assert steps(url) == ["resolved"]

    def test_a_clock_that_is_behind_turns_nothing_back(self, history: History, url: str) -> None:
        history.write([opened(10)])
        history.write([resolved(7)])  # by another watcher, which took over
        (row,) = rows(url, "findings")
        assert row["resolved_at"] == at(10)
        history.write([opened(9)])
        (row,) = rows(url, "findings")
        assert (row["resolved_at"], row["opened_at"], row["last_seen"]) == (None, at(10), at(10))
        assert [each["at"] for each in rows(url, "turns")] == [at(10)] * 3

    def test_a_batch_is_written_once(self, history: History, url: str) -> None:
        batch = Batch(instance="a", number=1, at=at(0))
        counted = Interval(
            start=START, length=HOUR, group=GROUP, resource=RESOURCE, tallies=[tally("shop", evaluations=3)]
        )
        for _ in range(2):
            history.write([opened(0), counted], batch=batch)
        history.write([counted], batch=Batch(instance="a", number=2, at=at(1)))
        history.write([counted], batch=Batch(instance="b", number=1, at=at(1)))
        (row,) = rows(url, "intervals")
        assert row["evaluations"] == 9
        assert history.last_batch("a") == 2
        assert history.last_batch("nobody") == 0

    def test_a_batch_that_fails_leaves_nothing(self, history: History, url: str) -> None:
        broken = FindingTurn(at(0).replace(tzinfo=None), Turn.OPENED, subject("other"), finding("other"))
        with pytest.raises(HistoryError) as caught:
            history.write([opened(0), broken], batch=Batch(instance="a", number=1, at=at(0)))
        assert caught.value.fault is Fault.BROKEN
        assert not rows(url, "findings")
        assert history.last_batch("a") == 0

    def test_texts_that_a_database_refuses(self, history: History, url: str) -> None:
        nasty = "a\0b\ud800c é 漢 " + "x" * 20_000
        told = replace(finding(), message=nasty, policy="p\0" + "y" * 500, controls=(nasty,))
        history.write([FindingTurn(at(0), Turn.OPENED, subject(), told)])
        history.write([FindingTurn(at(1), Turn.OPENED, subject(), told)])
        (row,) = rows(url, "findings")
        assert row["message"].startswith("a�b�c é 漢 x")
        assert len(row["policy"]) == 253
        assert steps(url) == ["opened"]

    def test_times_of_any_zone_and_to_the_microsecond(self, history: History, url: str) -> None:
        when = datetime(2026, 3, 1, 13, 0, 0, 123457, tzinfo=timezone(timedelta(hours=5, minutes=30)))
        history.write([FindingTurn(when, Turn.OPENED, subject(), finding())])
        (row,) = rows(url, "findings")
        assert row["first_seen"] == when
        assert row["first_seen"].tzinfo is UTC

    def test_many_findings_in_one_call(self, history: History, url: str) -> None:
        names = [f"n{number}" for number in range(1000)]
        history.write([opened(0, name) for name in names])
        history.write([resolved(1, name) for name in names])
        assert len({row["fingerprint"] for row in rows(url, "findings")}) == 1000
        assert not history.open_kinds()
        assert len(rows(url, "turns")) == 2000

    def test_first_seen(self, history: History, url: str) -> None:
        history.write([opened(0), resolved(1), opened(2)])
        assert [row["first_seen"] for row in rows(url, "findings")] == [at(0)]

    def test_writers(self, history: History, url: str) -> None:
        history.write([opened(0), opened(0, "carts")])
        history.write([Writer(finding().fingerprint, "kubectl-edit"), Writer("unknown", "nobody")])
        assert {row["name"]: row["writer"] for row in rows(url, "findings")} == {"orders": "kubectl-edit", "carts": ""}

    # A complete pass

    def test_a_pass_opens_and_resolves(self, history: History, url: str) -> None:
        history.write([opened(0, "stays"), opened(0, "goes"), opened(0, "comes-again"), resolved(1, "comes-again")])
        history.reconcile(GROUP, RESOURCE, held(["stays", "comes-again", "new"]), at(10))
        found = {row["name"]: (row["resolved_at"], row["last_seen"]) for row in rows(url, "findings")}
        assert found == {
            "stays": (None, at(10)),
            "goes": (at(10), at(0)),
            "comes-again": (None, at(10)),
            "new": (None, at(10)),
        }
        assert steps(url) == ["opened", "opened", "opened", "resolved", "reopened", "opened", "resolved"]

    def test_a_pass_over_another_kind_touches_nothing(self, history: History, url: str) -> None:
        history.write([opened(0)])
        history.reconcile(GROUP, "others", [], at(10))
        assert [row["resolved_at"] for row in rows(url, "findings")] == [None]

    def test_a_pass_is_repeated_without_effect(self, history: History, url: str) -> None:
        for _ in range(2):
            history.reconcile(GROUP, RESOURCE, held(["a", "b"]), at(10))
        assert steps(url) == ["opened", "opened"]

    def test_a_pass_that_ends_in_between_resolves_nothing(self, history: History, url: str) -> None:
        def broken() -> Iterator[tuple[object, object]]:
            yield from held(f"n{number}" for number in range(1000))
            raise ConnectionError

        history.write([opened(0, "later")])
        with pytest.raises(ConnectionError):
            history.reconcile(GROUP, RESOURCE, broken(), at(10))  # type: ignore[arg-type]
        assert all(row["resolved_at"] is None for row in rows(url, "findings"))
        history.reconcile(GROUP, RESOURCE, held(["n0", "later"]), at(11))
        assert sum(row["resolved_at"] is None for row in rows(url, "findings")) == 2

    def test_what_is_newer_than_a_pass_knows_better(self, history: History, url: str) -> None:
        history.write([opened(0, "gone"), opened(20, "new"), resolved(20, "gone")])
        history.reconcile(GROUP, RESOURCE, held(["gone"]), at(10))
        found = {row["name"]: row["resolved_at"] for row in rows(url, "findings")}
        assert found == {"gone": at(20), "new": None}

    def test_what_a_wrong_clock_told_is_repaired_at_once(self, history: History, url: str) -> None:
        """Seven hours ahead, and then set right."""
        hours = 7 * 3600
        history.write([opened(hours, "gone"), opened(hours, "there")])
        history.write([opened(hours, "again"), resolved(hours + 1, "again")])
        for second in (10, 20):
            history.reconcile(GROUP, RESOURCE, held(["there", "again"]), at(second))
            found = {row["name"]: row["resolved_at"] is not None for row in rows(url, "findings")}
            assert found == {"gone": True, "there": False, "again": False}
        assert steps(url).count("resolved") == 2

    def test_a_pass_sees_what_changed(self, history: History, url: str) -> None:
        history.write([opened(0)])
        history.reconcile(GROUP, RESOURCE, [(subject(), excused())], at(10))
        assert steps(url) == ["opened", "excused"]

    def test_open_kinds(self, history: History) -> None:
        history.write([opened(0), FindingTurn(at(0), Turn.OPENED, subject("x", "others"), finding("x"))])
        assert history.open_kinds() == {(GROUP, RESOURCE), (GROUP, "others")}
        history.reconcile(GROUP, "others", [], at(1))
        assert history.open_kinds() == {(GROUP, RESOURCE)}

    # Beside findings

    def test_an_interval_ends_with_what_was_told_last(self, history: History, url: str) -> None:
        def tell(*tallies: Tally) -> None:
            history.write([Interval(start=START, length=HOUR, group=GROUP, resource=RESOURCE, tallies=tallies)])

        tell(tally("shop", passes=5, fails=1, evaluations=6), tally("gone", passes=3, evaluations=3))
        tell(tally("shop", passes=6, evaluations=1))
        found = {row["namespace"]: (row["passes"], row["fails"], row["evaluations"]) for row in rows(url, "intervals")}
        assert found == {"shop": (6, 0, 7), "gone": (0, 0, 3)}

    def test_doors_are_counted_once(self, history: History, url: str) -> None:
        def tell(instance: str, hour: int, **outcomes: int) -> None:
            totals = {("validate", "", outcome): count for outcome, count in outcomes.items()}
            start = START + hour * HOUR
            history.write([DoorTotals(instance=instance, at=start, start=start, length=HOUR, totals=totals)])

        tell("a", 0, deny=5, allow=100)
        tell("a", 0, deny=5, allow=100)  # by another watcher
        tell("b", 0, deny=1)
        tell("a", 1, deny=7, allow=90)  # an older answer, as to allow
        found = {(row["start"], row["outcome"]): row["count"] for row in rows(url, "doors")}
        assert found == {(START, "deny"): 6, (START, "allow"): 100, (START + HOUR, "deny"): 2}

    def test_a_decision_that_is_collected_twice_is_kept_once(self, history: History, url: str) -> None:
        findings = [{"policy": "first", "blocks": False}, {"policy": "second", "blocks": True}]
        told = decision("a-1", findings=findings)
        history.write([told, told])
        history.write([told, decision("a-2")])
        assert [(row["id"], row["policy"], row["allowed"]) for row in rows(url, "decisions")] == [
            ("a-1", "second", False),
            ("a-2", "", False),
        ]
        assert rows(url, "decisions")[0]["findings"] == findings

    def test_policies_and_coverage_are_noted_when_they_change(self, history: History, url: str) -> None:
        for seconds, generation in enumerate((1, 1, 2, 2)):
            history.write([policy_change(seconds, generation)])
            history.write([coverage(seconds, None if generation == 1 else 7)])
        assert [(row["generation"], row["at"], row["rules"]) for row in rows(url, "policy_changes")] == [
            (1, at(0), {"odd": ["DB-7"]}),
            (2, at(2), {"odd": ["DB-7"]}),
        ]
        assert [(row["present"], row["at"]) for row in rows(url, "coverage")] == [(None, at(0)), (7, at(2))]

    # Retention

    def test_hours_become_days(self, history: History, url: str) -> None:
        for hour in range(3):
            gone = [tally("gone", fails=9, evaluations=1)] if hour < 2 else []
            tallies = [tally("shop", passes=hour, evaluations=10), *gone]
            start = START + hour * HOUR
            history.write([Interval(start=start, length=HOUR, group=GROUP, resource=RESOURCE, tallies=tallies)])
            totals = {("validate", "", "deny"): hour + 1}
            history.write([DoorTotals(instance="a", at=start, start=start, length=HOUR, totals=totals)])
        history.prune(START + timedelta(days=1), Retention(intervals=timedelta(days=1)))
        assert len(rows(url, "intervals")) == 5  # the day is not over
        for _ in range(2):
            history.prune(START + timedelta(days=3), Retention(intervals=timedelta(days=1)))
        day = START.replace(hour=0)
        columns = ("length", "start", "namespace", "passes", "fails", "evaluations")
        assert [tuple(row[name] for name in columns) for row in rows(url, "intervals")] == [
            (86_400, day, "gone", 0, 0, 2),
            (86_400, day, "shop", 2, 0, 30),
        ]
        changed = [(row["start"], row["namespace"], row["passes"], row["fails"]) for row in rows(url, "differences")]
        assert changed == [
            (START, "shop", -1, 0),
            (START + HOUR, "gone", 0, 9),
            (START + HOUR, "shop", -1, 0),
        ]
        assert [(row["start"], row["hours"]) for row in rows(url, "counted_hours")] == [(day, 0b111 << 12)]
        assert len(rows(url, "doors")) == 3
        history.prune(START + timedelta(days=3), Retention(hours=timedelta(days=1)))
        assert [(row["length"], row["start"], row["count"]) for row in rows(url, "doors")] == [(86_400, day, 3)]
        assert [*rows(url, "differences"), *rows(url, "counted_hours")] == []
        assert len(rows(url, "intervals")) == 2

    def test_hours_that_come_late_find_their_place(self, history: History, url: str) -> None:
        """Whatever was rolled up before them; and the day ends as its last hour did."""

        def tell(hour: int, *tallies: Tally) -> None:
            start = START.replace(hour=hour)
            history.write([Interval(start=start, length=HOUR, group=GROUP, resource=RESOURCE, tallies=tallies)])
            history.prune(START + timedelta(days=9), Retention())

        tell(9, tally("shop", passes=9, evaluations=1))
        tell(7, tally("shop", passes=7), tally("gone", fails=7))
        tell(8, tally("shop", passes=8), tally("new", warns=1, evaluations=2))
        tell(7, tally("shop", passes=6))
        end = {row["namespace"]: (row["passes"], row["fails"], row["warns"]) for row in rows(url, "intervals")}
        assert end == {"shop": (9, 0, 0), "gone": (0, 0, 0), "new": (0, 0, 0)}
        assert sum(row["evaluations"] for row in rows(url, "intervals")) == 3
        found = [(row["start"].hour, row["namespace"], row["passes"], row["warns"]) for row in rows(url, "differences")]
        assert found == [(7, "new", 0, -1), (7, "shop", -2, 0), (8, "new", 0, 1), (8, "shop", -1, 0)]
        assert [row["hours"] for row in rows(url, "counted_hours")] == [0b111 << 7]

    def test_what_has_been_cut_is_known(self, history: History, url: str) -> None:
        history.write([opened(0), resolved(1), opened(0, "open")])
        history.write([Interval(start=START, length=HOUR, group=GROUP, resource=RESOURCE, tallies=[tally("shop")])])
        history.prune(START + timedelta(days=1), Retention())
        assert not rows(url, "horizons")
        kept = Retention(resolved=timedelta(days=9), hours=timedelta(days=8))
        history.prune(START + timedelta(days=10), kept)
        cut = {row["what"]: row["before"] for row in rows(url, "horizons")}
        assert cut == {"hours": (START + timedelta(days=2)).replace(hour=0), "findings": START + timedelta(days=1)}
        history.write([opened(2, "late"), resolved(3, "late")])
        history.prune(START + timedelta(days=10), Retention(resolved=timedelta(days=9, hours=1)))
        assert {row["what"]: row["before"] for row in rows(url, "horizons")} == cut

    def test_exceptions_and_matches_are_noted_when_they_change(self, history: History, url: str) -> None:
        for seconds, reason in enumerate(("one", "one", "two")):
            history.write([exception(seconds, reason), kind_policies(seconds, reason)])
        assert [(row["reason"], row["at"], row["policies"]) for row in rows(url, "exception_changes")] == [
            ("one", at(0), ["quorum"]),
            ("two", at(2), ["quorum"]),
        ]
        assert [row["policies"] for row in rows(url, "kind_policies")] == [{"quorum": "one"}, {"quorum": "two"}]

    def test_releases_are_noted_when_another_one_writes(self, history: History, url: str) -> None:
        for seconds, version in enumerate(("1.0", "1.0", "1.1", "1.0")):
            history.write([Release(at(seconds), version)])
        assert [row["version"] for row in rows(url, "releases")] == ["1.0", "1.1", "1.0"]

    def test_a_census_ends_what_went_unseen(self, history: History, url: str) -> None:
        history.write([policy_change(0, 1), exception(0, "one"), coverage(0, 3)])
        for _ in range(2):
            history.write([Census(at=at(5), of=sort, keys=frozenset()) for sort in Sort])
        assert [(row["what"], row["at"]) for row in rows(url, "policy_changes")] == [
            ("changed", at(0)),
            ("removed", at(5)),
        ]
        assert [row["what"] for row in rows(url, "exception_changes")] == ["changed", "removed"]
        assert [(row["gone"], row["present"]) for row in rows(url, "coverage")] == [(False, 3), (True, 0)]
        keys = frozenset({("Policy", "quorum")})
        history.write([policy_change(6, 1), Census(at=at(7), of=Sort.POLICIES, keys=keys)])
        assert rows(url, "policy_changes")[-1]["what"] == "changed"

    def test_a_turn_keeps_the_message_that_it_replaced(self, history: History, url: str) -> None:
        worse = finding(message="worse")
        history.write([opened(0), turn(1, Turn.CHANGED, worse), resolved(2), opened(3), resolved(4)])
        assert [row["message_before"] for row in rows(url, "turns")] == [
            *(None, "replicas must be odd", None),
            *("worse", None),
        ]

    def test_the_old_goes_and_what_is_true_stays(self, history: History, url: str) -> None:
        long_ago = timedelta(days=2000).total_seconds()
        history.write([opened(-long_ago, "gone"), resolved(-long_ago + 1, "gone")])
        history.write([opened(-long_ago, "open"), turn(-long_ago + 1, Turn.CHANGED, excused("open"), "open")])
        for seconds, generation in ((-long_ago, 1), (-long_ago + 1, 2)):
            history.write([policy_change(seconds, generation)])
            history.write([coverage(seconds, generation)])
        history.write([decision("old", seconds=-long_ago), decision("new")])
        history.prune(START, Retention())
        assert [row["name"] for row in rows(url, "findings")] == ["open"]
        assert steps(url) == ["excused"]
        assert [row["generation"] for row in rows(url, "policy_changes")] == [2]
        assert [row["present"] for row in rows(url, "coverage")] == [2]
        assert [row["id"] for row in rows(url, "decisions")] == ["new"]

    def test_decisions_are_limited(self, history: History, url: str) -> None:
        history.write([decision(f"d{number}", seconds=number) for number in range(10)])
        history.prune(START, Retention(max_decisions=4))
        assert [row["id"] for row in rows(url, "decisions")] == ["d6", "d7", "d8", "d9"]

    # Clusters and openings

    def test_clusters_are_apart(self, history: History, url: str) -> None:
        other = History.open(url, cluster="another", name="staging")
        try:
            history.write([opened(0)])
            other.write([opened(5)])
            other.reconcile(GROUP, RESOURCE, [], at(9))
            other.prune(at(9) + timedelta(days=5000), Retention())
            assert history.open_kinds() == {(GROUP, RESOURCE)}
            assert [row["first_seen"] for row in rows(url, "findings")] == [at(0)]
        finally:
            other.close()
        assert {row["uid"]: row["name"] for row in rows(url, "clusters")} == {CLUSTER: "", "another": "staging"}

    def test_a_cluster_can_be_deleted_with_all_that_was(self, history: History, url: str) -> None:
        """By hand, as the page on the watcher says: no table keeps anything of it, and nothing of others goes."""
        other = History.open(url, cluster="another", name="staging")
        hour = Interval(start=START, length=HOUR, group=GROUP, resource=RESOURCE, tallies=[tally("shop", passes=3)])
        next_hour = replace(hour, start=START + HOUR, tallies=[tally("shop", passes=4)])
        totals = DoorTotals(instance="a", at=at(0), start=START, length=HOUR, totals={("validate", "", "deny"): 2})
        for each in (history, other):
            told: list[Record] = [opened(0), hour, next_hour, totals, decision("d"), exception(0, "one")]
            told += [policy_change(0, 1), coverage(0, 3), kind_policies(0, ""), Release(at(0), "1.0")]
            each.write(told, batch=Batch(instance="w", number=1, at=at(0)))
            each.prune(at(6 * 86_400), Retention())
            each.write([replace(totals, instance="b", at=at(7 * 86_400))])
        other.close()
        tables = [each for each in Table.metadata.sorted_tables if each.name not in ("clusters", "horizons")]
        before = {each.name: rows(url, each.name) for each in tables}
        assert all({row["cluster_id"] for row in found} == {1, 2} for found in before.values()), before
        database = Database(url)
        with database.writing(MIGRATION_LOCK) as connection:
            connection.execute(text("DELETE FROM clusters WHERE name = 'staging'"))
        database.close()
        for name, found in before.items():
            assert rows(url, name) == [row for row in found if row["cluster_id"] == 1], name

    def test_opened_again_it_is_as_it_was(self, history: History, url: str) -> None:
        history.write([opened(0)])
        again = History.open(url, cluster=CLUSTER, name="production")
        assert again.open_kinds() == {(GROUP, RESOURCE)}
        again.close()
        assert [(row["name"], row["first_seen"]) for row in rows(url, "clusters")] == [("production", START)]

    def test_the_tables_are_those_of_the_model(self, history: History, url: str) -> None:
        from alembic.autogenerate import compare_metadata
        from alembic.migration import MigrationContext

        database = Database(url)
        with database.reading() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": differs})
            differences = compare_metadata(context, Table.metadata)
        database.close()
        assert not differences, differences

    @pytest.mark.parametrize("revision", REVISIONS[:-1])
    def test_a_history_of_an_earlier_revision_goes_on(self, url: str, revision: str) -> None:
        """With all that it knew; what is told again as it was is no change of it."""
        from auditor.report.compliance import Period, make_report
        from auditor.report.compliance.formats.json import make_digest
        from auditor.report.history.reader import choose_cluster

        make_old(url, revision)
        history = History.open(url, cluster="old")
        told = KindCoverage(at=at(60), group=GROUP, resource=RESOURCE, present=4, evaluated=4)
        history.write([told, turn(7200, Turn.OPENED, finding("new"), "new")])
        history.close()
        assert len(rows(url, "coverage")) == 1
        assert [row["message_before"] for row in rows(url, "turns")] == [None, None]
        database = Database(url)
        with database.reading() as connection:
            cluster = choose_cluster(connection)
        period = Period(start=START, end=at(3600))
        report = make_report(database, cluster, period, now=at(7200))
        database.close()
        assert report.percent == 75
        assert [each.control for each in report.controls] == ["DB-7"]
        assert [each.message for each in report.violations] == ["must be odd"]
        assert [each.excuses for each in report.exceptions] == ([0] if revision > "0001" else [])
        # What were hours becomes differences from now on; of the day before nothing but its end is known.
        history = History.open(url, cluster="old")
        history.prune(at(5 * 86_400), Retention())
        history.close()
        assert [row["hours"] for row in rows(url, "counted_hours")] == [1 << START.hour]
        database = Database(url)
        again = make_report(database, cluster, period, now=at(7200))
        database.close()
        assert make_digest(again) == make_digest(report)

    def test_a_newer_database_is_left_alone(self, history: History, url: str) -> None:
        database = Database(url)
        with database.writing(MIGRATION_LOCK) as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        database.close()
        with pytest.raises(HistoryError, match=r"newer auditor \(revision 9999\).*up to " + REVISIONS[-1]) as caught:
            History.open(url, cluster=CLUSTER)
        assert caught.value.fault is Fault.NEWER

    def test_several_open_it_at_once(self, url: str) -> None:
        with ThreadPoolExecutor(3) as pool:
            assert list(pool.map(open_and_close, [url] * 3)) == [None] * 3
        assert [row["uid"] for row in rows(url, "clusters")] == [CLUSTER]

    def test_writers_at_once_do_not_block_each_other_for_ever(self, history: History, url: str) -> None:
        """Two shards, the same findings in opposite orders."""
        names = [f"n{number}" for number in range(60)]
        barrier = Barrier(2)
        errors: list[Exception] = []

        def write(mine: list[str], offset: int) -> None:
            shard = History.open(url, cluster=CLUSTER)
            try:
                barrier.wait()
                for turn_ in range(10):
                    what = Turn.OPENED if turn_ % 2 == 0 else Turn.RESOLVED
                    shard.write([turn(2 * turn_ + offset, what, name=name) for name in mine])
            except Exception as error:
                errors.append(error)
            finally:
                shard.close()

        threads = [Thread(target=write, args=each) for each in ((names, 0), (names[::-1], 1))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not errors
        assert len(rows(url, "findings")) == 60


def differs(
    context: object, inspected: object, column: Column[object], found: TypeEngine[object], wanted: TypeEngine[object]
) -> bool:
    """As the database would be told to make it: collations and all."""
    dialect = context.dialect  # type: ignore[attr-defined]
    return found.compile(dialect) != wanted.compile(dialect)


def open_and_close(url: str) -> None:
    History.open(url, cluster=CLUSTER).close()


def tally(namespace: str, **counts: int) -> Tally:
    return Tally(policy="quorum", rule="odd", namespace=namespace, **counts)


def decision(number: str, *, seconds: float = 0, findings: list[dict[str, object]] | None = None) -> DoorDecision:
    return DoorDecision(
        id=number,
        at=at(seconds),
        webhook="validate",
        operation="CREATE",
        group=GROUP,
        version="v1",
        kind="Database",
        namespace="shop",
        name="orders",
        outcome="deny",
        allowed=False,
        findings=findings or [],
    )


def policy_change(seconds: float, generation: int) -> PolicyChange:
    rules = {"odd": ["DB-7"]}
    return PolicyChange(
        at=at(seconds), policy="quorum", kind="Policy", generation=generation, what="changed", rules=rules
    )


def exception(seconds: float, reason: str) -> ExceptionChange:
    return ExceptionChange(
        at=at(seconds),
        namespace="shop",
        name="legacy",
        generation=1,
        what="changed",
        policies=["quorum"],
        reason=reason,
        expires=at(1000),
    )


def kind_policies(seconds: float, reason: str) -> KindPolicies:
    return KindPolicies(at=at(seconds), group=GROUP, resource=RESOURCE, policies={"quorum": reason})


def coverage(seconds: float, present: int | None) -> KindCoverage:
    return KindCoverage(at=at(seconds), group=GROUP, resource=RESOURCE, present=present, evaluated=0)
