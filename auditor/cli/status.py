"""`auditor status`: how the auditor is doing in a cluster, at a glance."""

from datetime import UTC, datetime

import click

from auditor.cli.cluster import Cluster, cluster_options
from auditor.errors import UsageError

INCOMPLETE = 3


@click.command("status")
@cluster_options
@click.option("--namespace", default="auditor-system", show_default=True, help="Ours: of the Leases.")
@click.option("--name", default="auditor", show_default=True, help="Of the webhook configurations.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Form.")
def command(cluster: Cluster, namespace: str, name: str, output: str) -> int:
    """Show what is covered, how old that is, and what is wrong. Only reads, and only what is in the cluster.

    Exit code 0: all that is to be evaluated is evaluated; 2: auditor is not installed there; 3: something is not
    evaluated, the watcher is silent, or it could not be read.
    """
    from auditor.audit.overview import find_wrong, read_facts, say, to_json
    from auditor.intake.printable import write_json

    client = cluster.connect("status")
    with client.transport:
        facts = read_facts(client, namespace=namespace, name=name, time=datetime.now(UTC))
    if facts.missing:
        raise UsageError(
            f"auditor is not installed in this cluster: there is no CRD {', '.join(facts.missing)}. "
            "Install its CRDs first, and give `--context` if another cluster was meant"
        )
    wrong = find_wrong(facts)
    if output == "json":
        click.echo(write_json(to_json(facts, wrong)))
    else:
        click.echo(say(facts, wrong), nl=False)
    return INCOMPLETE if any(each.incomplete for each in wrong) else 0
