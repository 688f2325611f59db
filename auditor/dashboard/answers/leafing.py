"""One page of findings and how many there are in all pages, with few rows looked at: the table has the whole past."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import CTE, ColumnElement, Connection, RowMapping, Select, Subquery, func, or_, select
from sqlalchemy.sql.functions import coalesce

from auditor.dashboard.answers.cursor import turn_to
from auditor.json import Json
from auditor.report.history.findings import FINDINGS

F = FINDINGS.c
FEW: Final = 20_000
"""Findings that are found and then sorted, in 30 ms. Of more than that a page is full soon in the order of the index;
of few it would be full when all that is open has been looked at.
"""
SEARCHED: Final = (F.name, F.message, F.path, F.policy, F.rule, F.writer, F.namespace)
_ALL: Final = 2**40
"""More than there are. SQLite forgets the order of what has no limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """Which page, of what, in which order."""

    where: Sequence[ColumnElement[bool]]
    text: str
    """That one of the columns has; empty: any."""
    columns: Sequence[ColumnElement[Json]]
    """By which it is sorted, beside the number of the row."""
    after: tuple[object, ...]
    down: bool
    limit: int
    walk: bool = False
    """All rows are candidates, also those that are resolved."""


def read_leaf(connection: Connection, leaf: Leaf, *, sqlite: bool) -> tuple[int, Sequence[RowMapping]]:
    """The number of all, and the rows of the page."""
    if leaf.text:
        return _read_hits(connection, leaf, sqlite=sqlite)
    total: int = connection.execute(select(func.count()).select_from(FINDINGS).where(*leaf.where)).scalar_one()
    if not total:
        return 0, ()
    order = [*leaf.columns, F.id]
    if total < FEW:
        order[0] = coalesce(order[0], order[0])  # as an expression, so that no index is walked along for it
    page = _turn(select(F.id).where(*leaf.where), order, leaf)
    # Rows are long: only those of the page are sorted as a whole.
    question = select(FINDINGS).join(page, page.c.id == F.id)
    return total, connection.execute(_sort(question, [*leaf.columns, F.id], leaf)).mappings().all()


def _read_hits(connection: Connection, leaf: Leaf, *, sqlite: bool) -> tuple[int, Sequence[RowMapping]]:
    """Each row has to be looked at for its text: once, for the page and for the number."""
    hits = _find(leaf, sqlite=sqlite)
    total = select(func.count()).select_from(hits)
    order = [*(hits.c[column.key or ""] for column in leaf.columns), hits.c.id]
    page = _turn(select(hits.c.id), order, leaf)
    question = select(FINDINGS, total.scalar_subquery().label("total")).join(page, page.c.id == F.id)
    rows = connection.execute(_sort(question, [*leaf.columns, F.id], leaf)).mappings().all()
    if rows:
        return rows[0]["total"], rows
    return (connection.execute(total).scalar_one() if leaf.after else 0), ()


def _find(leaf: Leaf, *, sqlite: bool) -> CTE:
    # SQLite's LIKE takes a for A anyway, of ASCII alone; asked to lower both it takes three times as long. PostgreSQL
    # does the same by the rules of C, whatever the locale of the database.
    contained = [
        each.contains(leaf.text, autoescape=True)
        if sqlite
        else func.lower(each.collate("C")).contains(_lower(leaf.text), autoescape=True)
        for each in SEARCHED
    ]
    found = select(F.id, *leaf.columns).where(or_(*contained))
    if not sqlite or leaf.walk:
        return found.where(*leaf.where).cte("hits")
    # By their numbers, which is how they lie in the file: as an index has them, SQLite would jump to each.
    candidates = select(F.id).where(*leaf.where).order_by(F.id).limit(_ALL).cte("candidates")
    return found.select_from(candidates.join(FINDINGS, F.id == candidates.c.id)).cte("hits")


def _lower(text: str) -> str:
    return "".join(each.lower() if each.isascii() else each for each in text)


def _turn(question: Select[tuple[Json, ...]], order: Sequence[ColumnElement[Json]], leaf: Leaf) -> Subquery:
    return turn_to(question, order, after=leaf.after, down=leaf.down).limit(leaf.limit).subquery()


def _sort(
    question: Select[tuple[Json, ...]], order: Sequence[ColumnElement[Json]], leaf: Leaf
) -> Select[tuple[Json, ...]]:
    return question.order_by(*(each.desc() if leaf.down else each.asc() for each in order))
