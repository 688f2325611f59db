"""What our rules and dashboards ask Prometheus for, and what our programs tell it."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import yaml

from auditor.cli.docs.metrics import OF_THE_LIBRARY, find_metrics
from auditor.json import JsonObject

ROOT: Final = Path(__file__).parents[3]
FILES: Final = ROOT / "deploy" / "chart" / "files"
ALERTS: Final = FILES / "alerts.yaml"
DASHBOARDS: Final = tuple(sorted((FILES / "dashboards").glob("*.json")))
RUNBOOKS: Final = ROOT / "docs" / "runbooks"
OF_PROMETHEUS: Final = frozenset({"job", "instance", "namespace", "pod"})
"""Labels that every series gets when it is collected."""

_WORD = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_SERIES = re.compile(r"\b((?:auditor_|process_|[a-z]+:auditor_)[a-z0-9_:]*)(\{[^}]*\})?")
_GROUPED = re.compile(r"\b(?:by|on|without|group_left|ignoring)\s*\(([^)]*)\)")


@dataclass(frozen=True, slots=True)
class Rule:
    group: str
    name: str
    """Of the alert, or of what it records."""
    expr: str
    alert: bool
    content: JsonObject


def read_rules() -> list[Rule]:
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    return [
        Rule(group["name"], each.get("alert") or each["record"], each["expr"], "alert" in each, each)
        for group in groups
        for each in group["rules"]
    ]


def read_alerts() -> list[Rule]:
    return [each for each in read_rules() if each.alert]


def read_dashboard(path: Path) -> JsonObject:
    found: JsonObject = json.loads(path.read_text())
    return found


def panels_of(dashboard: JsonObject) -> Iterator[JsonObject]:
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", ())


def queries_of(dashboard: JsonObject) -> Iterator[str]:
    """As Prometheus gets them: Grafana's own variables are filled in."""
    for panel in panels_of(dashboard):
        for target in panel.get("targets", ()):
            yield fill(target["expr"])


def fill(expr: str) -> str:
    for variable, value in (("$__rate_interval", "5m"), ("$__range", "1h"), ("$__interval", "1m")):
        expr = expr.replace(variable, value)
    return re.sub(r"\$(\w+|\{\w+\})", ".+", expr)


@cache
def known_labels() -> dict[str, frozenset[str]]:
    """Of each series that our programs have, by its name."""
    found: dict[str, frozenset[str]] = {name: frozenset() for name, _, _ in OF_THE_LIBRARY}
    for metric in find_metrics():
        if metric.kind == "histogram":
            for suffix, more in (("_bucket", {"le"}), ("_count", set()), ("_sum", set())):
                found[metric.name + suffix] = frozenset(metric.labels) | more
        else:
            found[metric.name] = frozenset(metric.labels)
    return found


def find_unknown(expr: str, recorded: Iterable[str] = ()) -> list[str]:
    """Series, and labels, of which nobody has ever heard."""
    known, recorded = known_labels(), set(recorded)
    unknown: list[str] = []
    labels: set[str] = set()
    for name, selector in _SERIES.findall(expr):
        if name in recorded:
            labels |= {"webhook", "outcome", "reason", "result"}
        elif name not in known:
            unknown.append(name)
        else:
            labels |= known[name] | OF_PROMETHEUS
            asked = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector))
            unknown += sorted(f"{name}{{{label}}}" for label in asked - known[name] - OF_PROMETHEUS)
    grouped = {word for found in _GROUPED.findall(expr) for word in _WORD.findall(found)}
    return unknown + sorted(grouped - labels - OF_PROMETHEUS)
