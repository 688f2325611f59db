"""Writes the generated tables of rights into the docs: python -m tests.unit.cli.rbac.page."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from auditor.audit.rights import WatcherPlace, list_delivery_rights, list_watcher_rights
from auditor.cli.rbac.installed import Installed
from auditor.cli.rbac.parts import Release, make_parts
from auditor.dashboard.rights import list_dashboard_rights, list_object_rights
from auditor.model.resource import name_kind
from auditor.model.rights import FOLLOW, READ, Right
from auditor.model.settings import ReportApi
from auditor.webhooks.rights import list_conversion_rights
from tests.unit.webhooks.docs.tables import fill

DOCS = Path(__file__).parents[4] / "docs"
RELEASE = Release(accounts={}, reports=frozenset({ReportApi.OPENREPORTS}))
NOTHING = Installed(policies=(), customs=())


def show(rights: Iterable[Right]) -> str:
    lines = ["| of | verbs | why |", "|---|---|---|"]
    for right in rights:
        kinds = ", ".join(f"`{name_kind(right.group, each)}`" for each in right.resources)
        named = f" named {', '.join(f'`{each}`' for each in right.names)}" if right.names else ""
        inside = ", in its own namespace" if right.namespace else ""
        lines.append(f"| {kinds}{named}{inside} | {', '.join(right.verbs)} | {right.why} |")
    return "\n".join(lines)


def of(part: str) -> tuple[Right, ...]:
    (found,) = make_parts((part,), RELEASE, NOTHING)
    return found.rights


def derived() -> tuple[Right, ...]:
    kinds = [Right(group="", resources=("KINDS",), verbs=READ, why="policies judge them; get: one is looked at again")]
    looked = [Right(group="", resources=("KINDS",), verbs=FOLLOW, why="rules look them up, or they hold params")]
    return (*kinds, *looked, *list_delivery_rights(("NAME",), namespace="auditor-system"))


def options() -> tuple[Right, ...]:
    """What two options of the watcher add, in the words of the role."""
    usual = set(list_watcher_rights(WatcherPlace()))
    more = WatcherPlace(share=True, report_crds=True, reports=frozenset({ReportApi.OPENREPORTS}))
    return tuple(each for each in list_watcher_rights(more) if each not in usual)


TABLES: Mapping[str, Mapping[str, str]] = {
    "rights.md": {
        "scan": show(of("scan")),
        "derived": show(derived()),
        "conversions": show(list_conversion_rights(("NAME",))),
    },
    "watcher.md": {"rights": show(of("watch")), "more rights": show(options())},
    "webhook.md": {"rights": show(of("webhook"))},
    "dashboard.md": {"rights": show(list_dashboard_rights()), "object rights": show(list_object_rights())},
}


def render(name: str) -> str:
    return fill((DOCS / name).read_text(), **TABLES[name])


if __name__ == "__main__":
    for name in TABLES:
        (DOCS / name).write_text(render(name))
