"""`auditor packs remove`."""

import click

from auditor.cli.cluster import Cluster, cluster_options
from auditor.cli.packs.names import PackType
from auditor.cli.packs.steps import tell
from auditor.errors import UsageError

INCOMPLETE = 3


@click.command("remove")
@click.argument("pack", type=PackType())
@click.option("--crds", is_flag=True, help="The CRDs, too: each only if there is no object of its kind.")
@click.option("--dry-run", is_flag=True, help="Tell what would be done, and do nothing.")
@cluster_options
def remove(pack: str, crds: bool, dry_run: bool, cluster: Cluster) -> int:
    """Remove the policies and conversions of PACK from a cluster: what has its name in the label auditor.dev/pack.

    CRDs stay, and so do the objects; with --crds those go that have no objects. A Conversion stays while there are
    objects of its kind.

    Exit code 0: all is removed that was to be; 2: a mistake in the command; 3: something was kept
    or could not be removed.
    """
    from pathlib import Path

    from auditor.intake.packs.remove import remove as take_out

    name = Path(pack).resolve().name if "/" in pack else pack
    client = cluster.connect("packs")
    with client.transport:
        steps = list(take_out(client, name, crds=crds, dry_run=dry_run))
    if not steps:
        from auditor.intake.packs.folder import pack_names
        from auditor.languages.schema.keywords import closest

        if name not in pack_names() and "/" not in pack and (near := closest(name, pack_names())):
            raise UsageError(f"there is no pack {name}, neither here nor in this cluster: did you mean {near}?")
        click.echo(f"nothing of a pack {name} is in this cluster")
    return 0 if tell(steps, dry_run=dry_run) else INCOMPLETE
