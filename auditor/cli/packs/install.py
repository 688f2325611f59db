"""`auditor packs install`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditor.cli.cluster import Cluster, cluster_options
from auditor.cli.packs.names import PackType
from auditor.cli.packs.steps import tell
from auditor.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from auditor.cluster import Client
    from auditor.intake.packs.manifests import Manifests

AS_SHIPPED = "as-shipped"
INCOMPLETE = 3


@click.command("install")
@click.argument("packs", metavar="PACK...", type=PackType(), nargs=-1, required=True)
@click.option(
    "--enforcement",
    type=click.Choice(["Audit", "Warn", "Deny", AS_SHIPPED], case_sensitive=False),
    default="Audit",
    show_default=True,
    help="The strictest that anything in the packs gets; as-shipped: what their authors chose, as with Deny.",
)
@click.option("--without-crds", is_flag=True, help="Leave the CRDs of the packs to others.")
@click.option(
    "--param", "params", multiple=True, metavar="POLICY.NAME=VALUE", help="Another value, as YAML; repeatable."
)
@click.option("--dry-run", is_flag=True, help="Ask the API server, and write nothing.")
@click.option("--diff", is_flag=True, help="Show what would change, as a diff, and write nothing.")
@click.option(
    "--to", metavar="DIR", type=click.Path(file_okay=False, path_type=Path), help="Write files for GitOps instead."
)
@cluster_options
def install(
    *,
    packs: tuple[str, ...],
    enforcement: str,
    without_crds: bool,
    params: tuple[str, ...],
    dry_run: bool,
    diff: bool,
    to: Path | None,
    cluster: Cluster,
) -> int:
    """Install packs in a cluster: their CRDs, conversions and policies. Again, it changes what has changed.

    With Audit, the default, nothing is refused and nothing changed at the door: violations are reported. Mutations are
    installed with Deny and as-shipped only.

    What is installed has the label auditor.dev/pack. Fields that somebody else has changed since are left as they are,
    and told. A CRD that others bring may come later: the policies wait for it.

    Exit code 0: all is installed; 2: a mistake in the command or in a pack, or auditor is not installed there; 3: some
    of it could not be written.
    """
    from auditor.intake.packs.manifests import make_manifests, read_params
    from auditor.intake.packs.pack import find_pack
    from auditor.model.policy import Enforcement

    found = [find_pack(each) for each in dict.fromkeys(packs)]
    most = Enforcement.DENY if enforcement == AS_SHIPPED else Enforcement(enforcement)
    chosen = read_params(params, found)
    manifests = [make_manifests(each, most=most, crds=not without_crds, params=chosen) for each in found]
    if to is not None:
        if dry_run or diff:
            raise UsageError("--to writes files, and asks no cluster: leave out --dry-run and --diff")
        _write(to, manifests)
        return 0
    client = cluster.connect("packs")
    with client.transport:
        return _apply(client, manifests, dry_run=dry_run or diff, diff=diff)


def _apply(client: "Client", manifests: "Sequence[Manifests]", *, dry_run: bool, diff: bool) -> int:
    from auditor.intake.packs.install import check_ground, install, list_absent, list_unconverted

    check_ground(client)
    complete = True
    for each in manifests:
        complete = tell(install(client, each, dry_run=dry_run), dry_run=dry_run, diff=diff) and complete
        _tell_left_out(each)
        for note in list_absent(client, each.pack):
            click.echo(f"note: {each.pack.name} {note}")
        for crd in list_unconverted(client, each):
            click.echo(f"note: the versions of {crd} are not converted before `auditor webhook` has registered for it")
    return 0 if complete else INCOMPLETE


def _tell_left_out(manifests: "Manifests") -> None:
    for each in manifests.left_out:
        click.echo(f"note: left out, as it would change objects: {each} (installed with --enforcement Deny)")


def _write(folder: Path, manifests: "Sequence[Manifests]") -> None:
    for each in manifests:
        place = folder / each.pack.name
        try:
            place.mkdir(parents=True, exist_ok=True)
            for name, text in each.files().items():
                (place / name).write_text(text, encoding="utf-8")
                click.echo(f"wrote {place / name}")
        except OSError as error:
            raise UsageError(f"{place}: cannot be written: {error.strerror}") from error
        _tell_left_out(each)
