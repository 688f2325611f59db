"""Writes the generated tables of docs/webhook.md: python -m tests.unit.webhooks.docs.tables."""

import re
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace

import click
from prometheus_client import CollectorRegistry
from prometheus_client.registry import Collector

from auditor.cli.cluster import OPTIONS
from auditor.cli.webhook import command as webhook
from auditor.json import Json
from auditor.webhooks.metrics import Meters
from auditor.webhooks.registration import RegistrationMeters
from auditor.webhooks.serving.gauges import StateCollector

PAGE = Path(__file__).parents[4] / "docs" / "webhook.md"


def options(command: click.Command = webhook) -> str:
    shared = {option for each in OPTIONS for option in names_of(each)}
    rows = []
    for each in command.params:
        if isinstance(each, click.Option) and each.opts[0] not in shared:
            default = each.default
            shown = "" if default in ("", None) or "UNSET" in repr(default) else f"`{default}`".replace("True", "on")
            rows.append(f"| `{'`, `'.join([*each.opts, *each.secondary_opts])}` | {shown} | {each.help} |")
    return "\n".join(rows)


def names_of(option: object) -> list[str]:
    @click.command()
    def probe() -> None: ...

    made = option(probe) if callable(option) else probe
    return [name for each in made.params for name in each.opts]


def metrics() -> str:
    registry = CollectorRegistry()
    Meters(registry)
    RegistrationMeters(registry)
    return describe_metrics([*registry._collector_to_names, state_of_nothing()])


def describe_metrics(collectors: Iterable[Collector]) -> str:
    rows = []
    for collector in collectors:
        for family in collector.collect():
            name = f"{family.name}_total" if family.type == "counter" else family.name
            labels = ", ".join(getattr(family, "_labelnames", ()) or getattr(collector, "_labelnames", ()))
            rows.append(f"| `{name}` | {labels} | {family.documentation} |")
    return "\n".join(sorted(rows))


def state_of_nothing() -> Collector:
    """Which metrics there are does not depend on what is going on."""
    live: Json = SimpleNamespace(view=None, followed=list)
    tls = SimpleNamespace(handshakes=SimpleNamespace(failures={}))
    certificates: Json = SimpleNamespace(material=None, tls=tls)
    return StateCollector(live, certificates, ready=lambda: False)


_HEAD = re.compile(r"\|[^\n]*\n\|[-|]+\|\n")


def render(page: str) -> str:
    return fill(page, options=options(), metrics=metrics())


def fill(page: str, **tables: str) -> str:
    for name, table in tables.items():
        # A mark inside of a table would end it. So the head stands behind the mark, and stays unless it is made, too.
        head = "" if _HEAD.match(table) else _HEAD.pattern
        pattern = rf"(<!-- generated: {name} -->\n{head}).*?(<!-- end -->)"
        page = re.sub(pattern, lambda found, table=table: f"{found[1]}{table}\n{found[2]}", page, flags=re.DOTALL)  # type: ignore[misc]
    return page


if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text()))
