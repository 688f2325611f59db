"""What part of a cluster a report is about, and the one place where questions to the database are narrowed to it.

A scope with namespaces shows what is in these alone: rows of other namespaces, of objects in none, and of tables that
know no namespace are not seen, not even as a number. It is what a team's report and a user's dashboard stand on.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, FromClause, and_, false, or_

from auditor.model.policy import Kind, Severity
from auditor.model.resource import name_kind

RuleKey = tuple[str, str, str]
"""Kind of the policy, its name, the rule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    namespaces: frozenset[str] | None = None
    """None: all, and objects in none. Without any name: nothing at all."""
    kinds: frozenset[str] = field(default_factory=frozenset)
    """As `databases.db.example.com` or `databases`; empty: all."""
    policies: frozenset[str] = field(default_factory=frozenset)
    """By name, whatever their kind; empty: all."""
    severity: Severity | None = None
    """And worse."""
    framework: str = ""
    """Of controls: what is before the first "-", as SOC2."""

    @property
    def whole(self) -> bool:
        """Nothing is left out."""
        return self == Scope()

    @property
    def by_object(self) -> bool:
        """It tells objects apart, so that counts of all of them say nothing of it."""
        return self.namespaces is not None or bool(self.kinds)

    def admits_kind(self, group: str, resource: str) -> bool:
        return not self.kinds or resource in self.kinds or name_kind(group, resource) in self.kinds

    def admits_policy(self, policy: str) -> bool:
        return not self.policies or policy in self.policies

    def admits_severity(self, severity: Severity | None) -> bool:
        return self.severity is None or (severity is not None and severity.rank <= self.severity.rank)

    def admits_controls(self, controls: Iterable[str]) -> bool:
        return not self.framework or any(framework_of(each) == self.framework for each in controls)

    def conditions(self, table: FromClause, rules: Iterable[RuleKey] | None = None) -> list[ColumnElement[bool]]:
        """For any table of the history that has the columns. `rules`: those of the framework, see `Book.rules_of`;
        needed where the scope has one."""
        columns = table.c
        found: list[ColumnElement[bool]] = []
        if self.namespaces is not None:
            names = sorted(self.namespaces - {""})
            found.append(columns.namespace.in_(names) if "namespace" in columns and names else false())
        if self.kinds and "resource" in columns:
            found.append(or_(*(self._kind(table, each) for each in sorted(self.kinds))))
        if self.policies and "policy_kind" in columns:
            found.append(columns.policy.in_(sorted(self.policies)))
        if self.severity is not None and "severity" in columns:
            found.append(columns.severity <= self.severity)
        if self.framework and "policy_kind" in columns and "rule" in columns:
            if rules is None:
                raise ValueError("a scope with a framework needs the rules of it")
            found.append(_any_rule(table, rules))
        return found

    def _kind(self, table: FromClause, name: str) -> ColumnElement[bool]:
        plural, _, group = name.partition(".")
        same = table.c.resource == plural
        return and_(same, table.c.api_group == group) if group else same


def _any_rule(table: FromClause, rules: Iterable[RuleKey]) -> ColumnElement[bool]:
    by_policy: dict[tuple[str, str], list[str]] = {}
    for kind, policy, rule in sorted(rules):
        by_policy.setdefault((kind, policy), []).append(rule)
    columns = table.c
    return or_(
        false(),
        *(
            and_(columns.policy_kind == kind, columns.policy == policy, columns.rule.in_(names))
            for (kind, policy), names in by_policy.items()
        ),
    )


def framework_of(control: str) -> str:
    return control.partition("-")[0]


def policy_of(source: str) -> tuple[str, str]:
    """Kind and name, of the source of a finding (see `name_source`): bindings of one policy are one."""
    parts = source.split("/")
    return (str(Kind.POLICY), source) if len(parts) == 1 else (parts[0], parts[1])
