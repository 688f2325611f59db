"""`auditor sandbox status` and `list`."""

import sys
import time
from typing import TYPE_CHECKING, Any

import click

from auditor.cli.sandbox.options import find, name_option, output_option, tell_notices

if TYPE_CHECKING:
    from auditor.sandbox import Sandbox


@click.command("status")
@name_option
@output_option
def status(name: str, output: str) -> None:
    """Show what runs in a sandbox: address, processes, memory."""
    from auditor.intake.printable import write_json

    facts = _facts(find(name))
    if output == "json":
        click.echo(write_json(facts))
        return
    click.echo(f"name        {facts['name']}")
    click.echo(f"kubernetes  {facts['version']}")
    click.echo(f"address     {facts['url']}")
    click.echo(f"kubeconfig  {facts['kubeconfig']}")
    click.echo(f"running     for {_say_time(facts['seconds'])}, {facts['ends']}")
    for process, at in facts["processes"].items():
        click.echo(f"process     {process} ({at['pid']}), {at['memory'] / 1e6:.0f} MB")


@click.command("list")
@output_option
def list_all(output: str) -> None:
    """List the sandboxes of this user: those that run, and those that keep their data."""
    from auditor.intake.printable import write_json
    from auditor.sandbox import Sandbox

    tell_notices()
    all_facts = [_facts(sandbox) for sandbox in Sandbox.all()]
    if output == "json":
        click.echo(write_json(all_facts))
        return
    if not all_facts:
        click.echo("No sandboxes. Start one with: auditor sandbox up", err=not sys.stdout.isatty())
        return
    rows = [("NAME", "PHASE", "KUBERNETES", "ADDRESS", "ENDS")]
    rows += [(f["name"], f["phase"], f["version"], f["url"] or "-", f["ends"]) for f in all_facts]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _facts(sandbox: "Sandbox") -> dict[str, Any]:
    import psutil

    record = sandbox.record
    processes = {}
    for name, pid in record.processes.items():
        try:
            processes[name] = {"pid": pid, "memory": psutil.Process(pid).memory_info().rss}
        except psutil.NoSuchProcess:
            continue
    if record.phase == "stopped":
        ends = "stopped, keeps its data"
    elif record.owner:
        ends = f"with process {record.owner}"
    else:
        ends = "with `down`" + (", keeps its data" if record.persist else "")
    return {
        "name": record.name,
        "phase": record.phase,
        "version": record.version,
        "url": record.url if record.phase == "ready" else None,
        "kubeconfig": str(sandbox.kubeconfig),
        "persist": record.persist,
        "controllers": record.controllers,
        "seconds": round(time.time() - record.started) if record.phase == "ready" else 0,
        "ends": ends,
        "processes": processes,
    }


def _say_time(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
