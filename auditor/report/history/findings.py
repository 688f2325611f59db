"""Findings into the database: what the ledger tells, and what a complete pass over a kind found."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from operator import attrgetter
from typing import Final, TypeVar

from sqlalchemy import Connection, RowMapping, bindparam, insert, or_, select, update

from auditor.model.finding import Finding
from auditor.model.subject import Subject
from auditor.model.turn import FindingTurn, Turn
from auditor.report.history.model import Step, Table
from auditor.report.history.states import DESCRIBING, TIMING, Description, State, begin, describe, move, resolve

FINDINGS = Table.metadata.tables["findings"]
TURNS = Table.metadata.tables["turns"]
# What is told while a pass is written down is newer by as much, at most. What is newer still was told by a wrong clock:
# if that stood, nothing that was lost of it would be repaired until the time has caught up.
NEWER: Final = timedelta(minutes=10)
# Values in one question. SQLite before 3.32 takes 999, and the cluster is one of them.
PAGE: Final = 900

_COLUMNS = [FINDINGS.c[name] for name in ("id", *DESCRIBING, *TIMING)]
_OPEN = FINDINGS.c.resolved_at.is_(None)
_description = attrgetter(*DESCRIBING)
_times = attrgetter(*TIMING)

Item = TypeVar("Item")


@dataclass(slots=True)
class Changes:
    """Of one transaction: the rows that it touches, and what became of them."""

    connection: Connection
    cluster: int
    states: dict[str, State] = field(default_factory=dict)
    _steps: list[tuple[State, Description, Step, datetime, str | None]] = field(default_factory=list)
    _touched: dict[str, None] = field(default_factory=dict)

    def load(self, fingerprints: Iterable[str]) -> None:
        """In one order, so that rows are written in one order, too."""
        missing = sorted({each for each in fingerprints if each not in self.states})
        for page in pages(missing, PAGE):
            chosen = FINDINGS.c.fingerprint.in_(page)
            question = select(*_COLUMNS).where(FINDINGS.c.cluster_id == self.cluster, chosen)
            for row in self.connection.execute(question).mappings():
                state = read_state(row)
                self.states[state.said.fingerprint] = state

    def apply(self, said: Description, at: datetime, turn: Turn) -> None:
        state = self.states.get(said.fingerprint)
        step: Step | None
        if state is None:
            state, step = begin(said, at, turn)
            self.states[said.fingerprint] = state
            before = said.message
        else:
            before = state.said.message
            step = move(state, said, at, turn)
        self._note(state, step, before)

    def resolve(self, state: State, at: datetime) -> None:
        self.states[state.said.fingerprint] = state
        self._note(state, resolve(state, at), state.said.message)

    def _note(self, state: State, step: Step | None, before: str) -> None:
        self._touched[state.said.fingerprint] = None
        if step is not None:
            replaced = before if before != state.said.message else None
            self._steps.append((state, state.said, step, state.turned_at, replaced))

    def write(self) -> None:
        touched = [self.states[fingerprint] for fingerprint in sorted(self._touched)]
        self._insert([state for state in touched if state.id is None])
        old = [state for state in touched if state.id is not None]
        if old:
            self.connection.execute(_UPDATE, [{"row": state.id, **_values(state)} for state in old])
        self._read_ids([state for state in touched if state.id is None])
        if self._steps:
            self.connection.execute(insert(TURNS), [self._turn(*each) for each in self._steps])

    def _insert(self, states: Sequence[State]) -> None:
        if states:
            rows = [{"cluster_id": self.cluster, "writer": "", **_values(state)} for state in states]
            self.connection.execute(insert(FINDINGS), rows)

    def _read_ids(self, states: Sequence[State]) -> None:
        """What the database numbered them. RETURNING would save the question; SQLite has it since 3.35 only."""
        for page in pages([state.said.fingerprint for state in states], PAGE):
            chosen = FINDINGS.c.fingerprint.in_(page)
            question = select(FINDINGS.c.fingerprint, FINDINGS.c.id)
            for fingerprint, number in self.connection.execute(
                question.where(FINDINGS.c.cluster_id == self.cluster, chosen)
            ):
                self.states[fingerprint].id = number

    def _turn(self, state: State, said: Description, step: Step, at: datetime, before: str | None) -> dict[str, object]:
        return {
            "cluster_id": self.cluster,
            "finding_id": state.id,
            "at": at,
            "turn": step,
            "result": said.result,
            "severity": said.severity,
            "excused_by": said.excused_by,
            "message_before": before,
        }


def record(connection: Connection, cluster: int, turns: Sequence[FindingTurn]) -> None:
    """In the order in which they were told. Those that are in the history already are left out."""
    if not turns:
        return
    changes = Changes(connection, cluster)
    told = [(describe(turn.subject, turn.finding), turn) for turn in turns]
    changes.load(said.fingerprint for said, _ in told)
    repeated = _find_repeated(changes, told)
    for number, (said, turn) in enumerate(told):
        if number not in repeated:
            changes.apply(said, turn.at, turn.turn)
    changes.write()


def _find_repeated(changes: Changes, told: Sequence[tuple[Description, FindingTurn]]) -> set[int]:
    """By their times, and only among those that are not newer than what is known: hardly ever any."""
    late = {
        number: (state.id, turn)
        for number, (said, turn) in enumerate(told)
        if (state := changes.states.get(said.fingerprint)) is not None and turn.at <= state.turned_at
    }
    known: set[tuple[int, datetime, bool]] = set()
    for page in pages(sorted({number for number, _ in late.values() if number is not None}), PAGE):
        question = select(TURNS.c.finding_id, TURNS.c.at, TURNS.c.turn)
        oldest = min(turn.at for _, turn in late.values())
        for row in changes.connection.execute(question.where(TURNS.c.finding_id.in_(page), TURNS.c.at >= oldest)):
            known.add((row.finding_id, row.at, row.turn is Step.RESOLVED))
    return {
        number
        for number, (finding, turn) in late.items()
        if finding is not None and (finding, turn.at, turn.turn is Turn.RESOLVED) in known
    }


def confirm(connection: Connection, cluster: int, held: Sequence[tuple[Subject, Finding]], at: datetime) -> None:
    """A page of what a complete pass found: opened if need be, and seen at that time. What is newer than the pass
    knows better.
    """
    changes = Changes(connection, cluster)
    told = {said.fingerprint: said for said in (describe(*each) for each in held)}
    changes.load(told)
    seen = []
    for fingerprint, said in told.items():
        state = changes.states.get(fingerprint)
        if state is not None:
            known = state.last_seen if state.resolved_at is None else state.turned_at
            if at <= known <= at + NEWER:
                continue
        seen.append(fingerprint)
        if state is None or state.resolved_at is not None or state.said != said:
            changes.apply(said, at, Turn.OPENED)
    changes.write()
    for page in pages([changes.states[fingerprint].id for fingerprint in seen], PAGE):
        connection.execute(update(FINDINGS).where(FINDINGS.c.id.in_(page)).values(last_seen=at))


def resolve_unseen(connection: Connection, cluster: int, *, group: str, resource: str, at: datetime) -> int:
    """A page of the open ones of a kind that were not seen at that time, or a while later. How many there were."""
    question = select(*_COLUMNS).where(
        FINDINGS.c.cluster_id == cluster,
        _OPEN,
        FINDINGS.c.api_group == group,
        FINDINGS.c.resource == resource,
        or_(FINDINGS.c.last_seen < at, FINDINGS.c.last_seen > at + NEWER),
    )
    changes = Changes(connection, cluster)
    rows = connection.execute(question.limit(PAGE)).mappings().all()
    for row in rows:
        changes.resolve(read_state(row), at)
    changes.write()
    return len(rows)


def find_open_kinds(connection: Connection, cluster: int) -> set[tuple[str, str]]:
    question = select(FINDINGS.c.api_group, FINDINGS.c.resource).where(FINDINGS.c.cluster_id == cluster, _OPEN)
    return {(row.api_group, row.resource) for row in connection.execute(question.distinct())}


def name_writers(connection: Connection, cluster: int, writers: Mapping[str, str]) -> None:
    if not writers:
        return
    rows = [{"print": fingerprint, "who": who} for fingerprint, who in sorted(writers.items())]
    mine = FINDINGS.c.cluster_id == cluster
    chosen = update(FINDINGS).where(mine, FINDINGS.c.fingerprint == bindparam("print"))
    connection.execute(chosen.values(writer=bindparam("who")), rows)


def pages(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    rest = iter(items)
    while page := list(islice(rest, size)):
        yield page


def read_state(row: RowMapping) -> State:
    return State(
        id=row["id"],
        said=Description(**{name: row[name] for name in DESCRIBING}),
        **{name: row[name] for name in TIMING},
    )


def _values(state: State) -> dict[str, object]:
    return dict(zip((*DESCRIBING, *TIMING), (*_description(state.said), *_times(state)), strict=True))


_UPDATE = (
    update(FINDINGS)
    .where(FINDINGS.c.id == bindparam("row"))
    .values({name: bindparam(name) for name in (*DESCRIBING, *TIMING)})
)
