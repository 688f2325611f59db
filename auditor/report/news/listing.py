"""The findings that a message names, with what they said then."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, select

from auditor.json import JsonObject
from auditor.report.history.findings import FINDINGS, PAGE, TURNS, pages
from auditor.report.news.changes import Change, Item

T, F = TURNS.c, FINDINGS.c
LONGEST: Final = 2_000
"""Characters of a text in the JSON: of 100 findings it has at most half a megabyte then, which receivers take."""
_ORDER: Final = tuple(Change)
_TOLD: Final = (
    *("fingerprint", "policy_kind", "policy", "rule", "message", "path", "remediation", "controls"),
    *("api_group", "api_version", "kind", "resource", "namespace", "name", "writer"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One finding that is named."""

    item: Item
    api_version: str
    kind: str
    resource: str
    name: str
    policy_kind: str
    rule: str
    message: str
    path: str
    remediation: str
    controls: tuple[str, ...]
    writer: str
    fingerprint: str

    @property
    def object(self) -> str:
        return f"{self.item.namespace}/{self.name}" if self.item.namespace else self.name

    def render(self) -> JsonObject:
        item = self.item
        return {
            "change": str(item.change),
            "how": item.how,
            "result": str(item.result),
            "severity": str(item.severity),
            "policyKind": self.policy_kind,
            "policy": item.policy,
            "rule": self.rule,
            "apiVersion": self.api_version,
            "kind": self.kind,
            "resource": self.resource,
            "namespace": item.namespace,
            "name": self.name,
            "path": self.path,
            "message": cut(self.message, LONGEST),
            "remediation": cut(self.remediation, LONGEST),
            "controls": [*self.controls],
            "writer": self.writer,
            "fingerprint": self.fingerprint,
        }


def cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def choose_worst(items: Iterable[Item], most: int) -> Sequence[Item]:
    """What is wrong before what is over, the severest first, then the oldest."""
    return sorted(items, key=lambda each: (*_weigh(each), each.id))[:most]


def read_lines(connection: Connection, items: Sequence[Item], upto: int) -> tuple[Line, ...]:
    """What is alike in the order of its objects, as people look for them."""
    found: dict[int, Line] = {}
    wanted = {each.id: each for each in items}
    for page in pages(wanted, PAGE):
        then = _messages_then(connection, page, upto)
        question = select(F.id, *(F[name] for name in _TOLD)).where(F.id.in_(page))
        for row in connection.execute(question):
            found[row.id] = Line(
                item=wanted[row.id],
                api_version=f"{row.api_group}/{row.api_version}" if row.api_group else row.api_version,
                kind=row.kind,
                resource=row.resource,
                name=row.name,
                policy_kind=row.policy_kind,
                rule=row.rule,
                message=then.get(row.id, row.message),
                path=row.path,
                remediation=row.remediation,
                controls=tuple(row.controls),
                writer=row.writer,
                fingerprint=row.fingerprint,
            )
    return tuple(sorted(found.values(), key=lambda each: (*_weigh(each.item), each.kind, each.object, each.path)))


def _weigh(item: Item) -> tuple[int, int]:
    return _ORDER.index(item.change), item.severity.rank


def _messages_then(connection: Connection, findings: Sequence[int], upto: int) -> Mapping[int, str]:
    """What they said at that moment, where they have said something else since."""
    question = select(T.finding_id, T.message_before).where(
        T.finding_id.in_(findings), T.id > upto, T.message_before.is_not(None)
    )
    # The first after that moment is read last, and stays.
    rows = connection.execute(question.order_by(T.id.desc()))
    return {row.finding_id: row.message_before for row in rows}
