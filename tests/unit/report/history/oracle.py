"""The history as a dictionary: whatever is recorded, repeated, reconciled and cut off, the database says the same."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias

from hypothesis import strategies as st
from sqlalchemy import select

from auditor.model.finding import Finding
from auditor.model.turn import FindingTurn, Turn
from auditor.report.history import Batch, Database, History
from auditor.report.history.model import Table
from tests.unit.report.history.cases import GROUP, RESOURCE, START, excused, finding, subject

Say: TypeAlias = str
"""How a finding is just now: one of VARIANTS."""

NAMES = ("a", "b", "c", "d")
VARIANTS = ("plain", "worse", "excused")


@dataclass(frozen=True)
class Told:
    turns: list[tuple[str, Turn, Say]]
    repeated: bool
    """Because the answer to the first call was lost."""


@dataclass(frozen=True)
class Passed:
    held: dict[str, Say]


@dataclass(frozen=True)
class Killed:
    """Another process begins, which knows nothing."""


says = st.sampled_from(VARIANTS)
turns = st.tuples(st.sampled_from(NAMES), st.sampled_from(Turn), says)
calls = st.lists(
    st.one_of(
        st.builds(Told, st.lists(turns, max_size=6), st.booleans()),
        st.builds(Passed, st.dictionaries(st.sampled_from(NAMES), says)),
        st.builds(Killed),
    ),
    max_size=12,
)


def say(name: str, variant: Say) -> Finding:
    return {
        "plain": finding(name),
        "worse": finding(name, message="replicas must be odd, and are 4"),
        "excused": excused(name),
    }[variant]


@dataclass
class Known:
    variant: Say
    first_seen: datetime
    opened_at: datetime
    resolved_at: datetime | None = None
    reopened: int = 0
    steps: list[str] = field(default_factory=list)


class Oracle:
    def __init__(self) -> None:
        self.known: dict[str, Known] = {}

    def tell(self, name: str, what: Turn, variant: Say, at: datetime) -> None:
        known = self.known.get(name)
        if known is None:
            gone = what is Turn.RESOLVED
            self.known[name] = Known(variant, at, at, at if gone else None, steps=["resolved" if gone else "opened"])
        elif what is Turn.RESOLVED:
            if known.resolved_at is None:
                known.resolved_at = at
                known.steps.append("resolved")
        elif known.resolved_at is not None:
            known.resolved_at, known.opened_at, known.variant = None, at, variant
            known.reopened += 1
            known.steps.append("reopened")
        elif known.variant != variant:
            known.variant = variant
            known.steps.append("excused" if variant == "excused" else "changed")

    def passed(self, held: dict[str, Say], at: datetime) -> None:
        for name, variant in held.items():
            self.tell(name, Turn.OPENED, variant, at)
        for name, known in self.known.items():
            if name not in held and known.resolved_at is None:
                self.tell(name, Turn.RESOLVED, known.variant, at)


def play(url: str, played: list[Told | Passed | Killed]) -> None:
    cluster = uuid.uuid4().hex
    oracle, now, number = Oracle(), START, 0
    history = History.open(url, cluster=cluster)
    try:
        for call in played:
            now += timedelta(seconds=1)
            match call:
                case Told():
                    told = []
                    for name, what, variant in call.turns:
                        now += timedelta(seconds=1)
                        oracle.tell(name, what, variant, now)
                        told.append(FindingTurn(now, what, subject(name), say(name, variant)))
                    number += 1
                    for _ in range(1 + call.repeated):
                        history.write(told, batch=Batch(instance="it", number=number, at=now))
                case Passed():
                    oracle.passed(call.held, now)
                    history.reconcile(GROUP, RESOURCE, ((subject(n), say(n, v)) for n, v in call.held.items()), now)
                case Killed():
                    history.close()
                    history = History.open(url, cluster=cluster)
    finally:
        history.close()
    assert read(url, cluster) == oracle.known


def read(url: str, cluster: str) -> dict[str, Known]:
    variants = {(say("", v).message, say("", v).result): v for v in VARIANTS}
    tables = Table.metadata.tables
    clusters, findings, steps = tables["clusters"], tables["findings"], tables["turns"]
    database = Database(url)
    try:
        with database.reading() as connection:
            mine = select(clusters.c.id).where(clusters.c.uid == cluster).scalar_subquery()
            known = {}
            for row in connection.execute(select(findings).where(findings.c.cluster_id == mine)):
                told = select(steps.c.turn).where(steps.c.finding_id == row.id).order_by(steps.c.id)
                known[row.name] = Known(
                    variants[row.message, row.result],
                    row.first_seen,
                    row.opened_at,
                    row.resolved_at,
                    row.reopened_count,
                    [str(step) for step in connection.execute(told).scalars()],
                )
            return known
    finally:
        database.close()
