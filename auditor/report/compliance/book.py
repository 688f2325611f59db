"""Which policies there were at a moment, with their rules, severities and controls; what became of them in a period."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, RowMapping, func, select

from auditor.model.policy import Kind, Severity
from auditor.report.compliance.period import Period
from auditor.report.compliance.scope import RuleKey, Scope, framework_of
from auditor.report.compliance.tree import PolicyNews
from auditor.report.history.notes import POLICY_CHANGES, REMOVED

PolicyKey = tuple[str, str]
"""Kind and name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    key: RuleKey
    controls: tuple[str, ...] = ()
    severity: Severity | None = None
    """None: it was not recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    title: str
    broken: bool
    rules: Mapping[str, Rule]


@dataclass(frozen=True, slots=True)
class Book:
    policies: Mapping[PolicyKey, Entry] = field(default_factory=dict)

    def find(self, key: RuleKey) -> Rule | None:
        entry = self.policies.get(key[:2])
        return None if entry is None else entry.rules.get(key[2])

    def title_of(self, kind: str, policy: str) -> str:
        entry = self.policies.get((kind, policy))
        return "" if entry is None else entry.title

    def rules(self) -> Iterable[Rule]:
        return (rule for entry in self.policies.values() for rule in entry.rules.values())

    def rules_of(self, framework: str) -> frozenset[RuleKey]:
        """That a framework asks for."""
        return frozenset(
            rule.key for rule in self.rules() if any(framework_of(control) == framework for control in rule.controls)
        )

    def admits(self, scope: Scope, key: RuleKey) -> bool:
        """Whether results of this rule are in the scope. Of what is not in the book, severity and controls are
        unknown: where these are asked for it is left out."""
        if not scope.admits_policy(key[1]):
            return False
        if scope.severity is None and not scope.framework:
            return True
        rule = self.find(key)
        return rule is not None and scope.admits_severity(rule.severity) and scope.admits_controls(rule.controls)


def read_book(connection: Connection, cluster: int, at: datetime) -> Book:
    c = POLICY_CHANGES.c
    last = select(func.max(c.id)).where(c.cluster_id == cluster, c.at < at).group_by(c.policy_kind, c.policy)
    rows = connection.execute(select(POLICY_CHANGES).where(c.id.in_(last.scalar_subquery())).order_by(c.policy))
    found: dict[PolicyKey, Entry] = {}
    for row in rows.mappings():
        if row["what"] != REMOVED:
            key = _key(row)
            new = _read(key, row)
            old = found.get(key)  # of another binding: it has the same rules, unless one of them is behind
            found[key] = new if old is None else _unite(old, new)
    return Book(found)


def _key(row: RowMapping) -> PolicyKey:
    kind, policy = str(row["policy_kind"]), str(row["policy"])
    return kind, policy if kind == Kind.POLICY else policy.partition("/")[0]


def _read(key: PolicyKey, row: RowMapping) -> Entry:
    rules = {
        rule: Rule(key=(*key, rule), controls=tuple(controls), severity=_severity(row["severities"].get(rule)))
        for rule, controls in row["rules"].items()
    }
    return Entry(title=row["title"], broken=row["what"] == "broken", rules=rules)


def _severity(word: str | None) -> Severity | None:
    return Severity(word) if word in set(Severity) else None


def _unite(old: Entry, new: Entry) -> Entry:
    return Entry(title=old.title or new.title, broken=old.broken or new.broken, rules={**old.rules, **new.rules})


def read_policy_news(connection: Connection, cluster: int, period: Period, scope: Scope) -> tuple[PolicyNews, ...]:
    """What became of policies in the period. That more is known of one than before is no change of it."""
    c = POLICY_CHANGES.c
    last = select(func.max(c.id)).where(c.cluster_id == cluster, c.at < period.start).group_by(c.policy_kind, c.policy)
    before = {
        (row["policy_kind"], row["policy"]): row
        for row in connection.execute(select(POLICY_CHANGES).where(c.id.in_(last.scalar_subquery()))).mappings()
    }
    within = (c.cluster_id == cluster, c.at >= period.start, c.at < period.end)
    news = []
    for row in connection.execute(select(POLICY_CHANGES).where(*within).order_by(c.id)).mappings():
        place = (row["policy_kind"], row["policy"])
        old, before[place] = before.get(place), row
        what = _name_change(old, row)
        if what and scope.admits_policy(_key(row)[1]):
            news.append(
                PolicyNews(
                    at=row["at"],
                    kind=row["policy_kind"],
                    policy=row["policy"],
                    title=row["title"] or ("" if old is None else old["title"]),
                    what=what,
                    generation=row["generation"],
                )
            )
    return tuple(news)


def _name_change(old: RowMapping | None, row: RowMapping) -> str:
    if old is None or old["what"] == REMOVED:
        return "added" if row["what"] == "changed" else str(row["what"])
    same = all(old[name] == row[name] for name in ("uid", "generation", "what"))
    if same:
        return ""
    return "repaired" if old["what"] == "broken" and row["what"] == "changed" else str(row["what"])
