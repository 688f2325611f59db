"""What news promise, in whichever database. A subclass beside a fixture `shared`, the URL of one, runs it."""

import contextlib
import copy
from collections.abc import Iterator
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from auditor.model.finding import Result
from auditor.model.policy import Severity
from auditor.report.compliance.scope import Scope
from auditor.report.history.reader import choose_cluster, open_to_read
from auditor.report.news import Change, Interest, choose_worst, find_last, find_last_before, read_lines, read_window
from tests.unit.report.compliance.world import RULES, Key, Known, Say, World, fingerprint_of, say, says

ALL = Interest(scope=Scope(), changes=frozenset(Change), results=frozenset({Result.FAIL, Result.WARN, Result.ERROR}))
INTERESTS = st.builds(
    Interest,
    scope=st.builds(
        Scope,
        namespaces=st.sampled_from([None, frozenset({"a"}), frozenset[str]()]),
        severity=st.sampled_from([None, *Severity]),
        framework=st.sampled_from(["", "SOC2"]),
        kinds=st.sampled_from([frozenset(), frozenset({"queues"})]),
    ),
    changes=st.frozensets(st.sampled_from(list(Change)), min_size=1),
    results=st.frozensets(st.sampled_from([Result.FAIL, Result.WARN, Result.ERROR]), min_size=1),
)


@contextlib.contextmanager
def look_into(url: str, world: World) -> Iterator[tuple[Connection, int]]:
    world.flush()
    with contextlib.closing(open_to_read(url)) as database, database.reading() as connection:
        yield connection, choose_cluster(connection, world.cluster).id


def counts(known: Known | None, key: Key, interest: Interest) -> bool:
    kind, _, controls = RULES[key[0]]
    scope = interest.scope
    return (
        known is not None
        and known.result in interest.results
        and scope.admits_severity(known.severity)
        and scope.admits_controls(controls)
        and (not scope.kinds or kind in scope.kinds)
        and (scope.namespaces is None or key[1][0] in scope.namespaces)
    )


class NewsContract:
    # The same examples for each database, which is what makes the executors differ.
    @settings(deadline=None, max_examples=10, suppress_health_check=[HealthCheck.differing_executors])
    @given(says, INTERESTS, st.data())
    def test_it_is_what_is_different(
        self, shared: str, said: list[Say], interest: Interest, data: st.DataObject
    ) -> None:
        """Between any two moments, by what the world remembers of them."""
        world = World.open(shared)
        with contextlib.closing(world.history):
            shots = [(0, dict[Key, Known](), set[Key]())]
            for each in said:
                world.move(timedelta(minutes=each.minutes))
                world.say(each)
                shots.append((len(world.events), copy.deepcopy(world.found), set(world.seen)))
            first = data.draw(st.integers(0, len(shots) - 1))
            second = data.draw(st.integers(first, len(shots) - 1))
            (after, before, seen), (upto, now, _) = shots[first], shots[second]
            with look_into(shared, world) as (connection, cluster):
                begin = find_last(connection, cluster) - len(world.events)
                window = read_window(connection, cluster, interest, after=begin + after, upto=begin + upto)
                lines = read_lines(connection, window.items, begin + upto)
            wanted = {}
            for key in {*before, *now}:
                counted, does = counts(before.get(key), key, interest), counts(now.get(key), key, interest)
                back = key in seen and key not in before
                change = (Change.REOPENED if back else Change.NEW) if does else Change.RESOLVED
                if counted != does and change in interest.changes:
                    wanted[fingerprint_of(key)] = change, (now if does else before)[key].severity
            assert window.moved == any(
                counts(before.get(key), key, interest) != counts(now.get(key), key, interest) for key in {*before, *now}
            )
            assert {line.fingerprint: (line.item.change, line.item.severity) for line in lines} == wanted
            messages = {fingerprint_of(key): known.message for key, known in now.items()}
            for line in lines:
                if line.item.change is not Change.RESOLVED:
                    assert line.message == messages[line.fingerprint], "as it was said then"

    def test_a_part_and_the_rest_are_all(self, shared: str) -> None:
        world = World.open(shared)
        with contextlib.closing(world.history):
            world.play([say(1), say(1, place=("b", "one")), say(1, place=("a", "two")), say(1, None)])
            with look_into(shared, world) as (connection, cluster):
                newest = find_last(connection, cluster)
                assert newest == find_last_before(connection, cluster, world.now)
                begin = newest - 4
                part = read_window(connection, cluster, ALL, after=begin, upto=newest, most=3)
                rest = read_window(connection, cluster, ALL, after=part.upto, upto=newest, most=3)
                whole = read_window(connection, cluster, ALL, after=begin, upto=newest)
            assert (part.upto, rest.upto, whole.upto) == (newest - 1, newest, newest)
            assert [each.how for each in (*part.items, *rest.items)] == ["new", "new", "new", "resolved"]
            assert [each.how for each in whole.items] == ["new", "new"], "what came and went is none"
            assert whole.begun is not None
            assert whole.ended is not None
            assert timedelta(minutes=1) <= whole.ended - whole.begun < timedelta(minutes=2)

    def test_an_exception_that_ends_is_news(self, shared: str) -> None:
        world = World.open(shared)
        with contextlib.closing(world.history):
            world.play([say(1, Result.SKIP), say(1, place=("b", "one"))])
            with look_into(shared, world) as (connection, cluster):
                begin = find_last(connection, cluster)
            world.play([say(1), say(1, Result.SKIP, place=("b", "one"))])
            with look_into(shared, world) as (connection, cluster):
                window = read_window(connection, cluster, ALL, after=begin, upto=begin + 9)
            assert {(each.namespace, each.how) for each in window.items} == {("a", "new"), ("b", "excused")}

    def test_what_was_said_then(self, shared: str) -> None:
        """So a message that is sent again is the same one."""
        world = World.open(shared)
        with contextlib.closing(world.history):
            world.play([say(1), say(1, message="is worse"), say(1, message="is lost")])
            with look_into(shared, world) as (connection, cluster):
                newest = find_last(connection, cluster)
                found = [
                    read_lines(connection, read_window(connection, cluster, ALL, after=0, upto=upto).items, upto)
                    for upto in range(newest - 2, newest + 1)
                ]
            assert [line.message for lines in found for line in lines] == ["is wrong", "is worse", "is lost"]

    def test_the_worst_first(self, shared: str) -> None:
        world = World.open(shared)
        with contextlib.closing(world.history):
            world.play(
                say(1, rule=("limits", "max"), place=place, severity=severity)
                for place, severity in (
                    *((("a", "one"), Severity.LOW), (("b", "one"), Severity.CRITICAL), (("", "wide"), Severity.HIGH)),
                )
            )
            with look_into(shared, world) as (connection, cluster):
                newest = find_last(connection, cluster)
                window = read_window(connection, cluster, ALL, after=newest - 3, upto=newest)
                lines = read_lines(connection, choose_worst(window.items, 2), newest)
            assert [(line.object, str(line.item.severity)) for line in lines] == [
                ("b/one", "critical"),
                ("wide", "high"),
            ]
            assert [len(window.within(own)) for own in (None, frozenset({"a"}), frozenset({""}))] == [3, 1, 1]

    def test_others_in_the_same_database_are_nobodys_news(self, shared: str) -> None:
        mine, other = World.open(shared), World.open(shared)
        with contextlib.closing(mine.history), contextlib.closing(other.history):
            other.play([say(1)])
            with look_into(shared, mine) as (connection, cluster):
                assert find_last(connection, cluster) == 0
                assert read_window(connection, cluster, ALL, after=0, upto=10**9).items == ()
