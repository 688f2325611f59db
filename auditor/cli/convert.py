"""`auditor convert`: objects in files to another version; objects in a cluster to the version in which they belong."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditor.cli.cluster import Cluster, cluster_options
from auditor.errors import AuditorError, InputError, UsageError
from auditor.json import JsonObject

if TYPE_CHECKING:
    from auditor.intake.load import Item, Loaded
    from auditor.webhooks.registration.migrate import Migration

DONE, INCOMPLETE = 0, 3
TELL_EVERY = 1000
"""Objects: a few seconds of work."""


@click.command("convert")
@click.argument("names", metavar="[FILE|CRD]...", nargs=-1, type=click.Path(readable=False))
@click.option("--to", "version", metavar="VERSION", help="Of files: the version to convert to, such as v2.")
@click.option(
    "--conversions",
    metavar="PATH",
    multiple=True,
    type=click.Path(readable=False),
    help="Of files: where Conversions are, and CRDs. Default: our own packs.",
)
@click.option(
    "-o",
    "--output",
    type=click.Choice(["yaml", "json"]),
    default="yaml",
    show_default=True,
    help="Of files: the format.",
)
@click.option("--check-round-trip", is_flag=True, help="Of files: also convert back, and say what is lost.")
@click.option("--migrate-storage", is_flag=True, help="Write the objects of CRDs in a cluster anew.")
@click.option("--dry-run", is_flag=True, help="Of a cluster: ask for all, and store nothing.")
@cluster_options
def command(
    names: tuple[str, ...],
    version: str | None,
    conversions: tuple[str, ...],
    output: str,
    check_round_trip: bool,
    migrate_storage: bool,
    dry_run: bool,
    cluster: Cluster,
) -> int:
    """Convert the objects in files to another version of their kind, by Conversions in files. They are printed.

    With --migrate-storage: write all objects of these CRDs anew, so that they are stored in the version in which the
    CRD stores today, and note that in its status. Then no conversion is needed for what is stored, and the old version
    may be taken out of the CRD. Without names: all CRDs of which objects may be stored in another version. It may be
    broken off and begun again.

    Exit code 0: all is converted; 2: a mistake in a Conversion or in the command; 3: some object was not, or with
    --check-round-trip does not come back as it was.
    """
    if migrate_storage:
        if version or conversions or check_round_trip:
            raise click.UsageError(
                "--to, --conversions and --check-round-trip are for files, --migrate-storage is for a cluster"
            )
        return _migrate(names, cluster, dry_run=dry_run)
    if not names or not version:
        raise click.UsageError("files need --to VERSION; a cluster needs --migrate-storage")
    return _convert(names, version, conversions, output, back=check_round_trip)


def _migrate(names: tuple[str, ...], cluster: Cluster, *, dry_run: bool) -> int:
    from auditor.webhooks.registration.migrate import list_kinds_with_debt, migrate, read_kind

    client = cluster.connect("convert")
    with client.transport:
        kinds = [read_kind(client, name) for name in names] if names else list(list_kinds_with_debt(client))
        if not kinds:
            click.echo("nothing to do: all objects of all CRDs are stored in the version of today")
        done = []
        for kind in kinds:
            found = migrate(client, kind, progress=_tell_progress, dry_run=dry_run)
            done.append(found)
            _tell(found, dry_run=dry_run)
    return DONE if all(each.finished for each in done) else INCOMPLETE


def _tell_progress(migration: "Migration") -> None:
    if migration.done % TELL_EVERY == 0:
        click.echo(f"{migration.kind.name}: {migration.done} objects so far", err=True)


def _tell(migration: "Migration", *, dry_run: bool) -> None:
    from auditor.intake.printable import clean

    kind = migration.kind
    for fault in migration.faults:
        click.echo(clean(f"auditor: {fault}"), err=True)
    if migration.failed > len(migration.faults):
        click.echo(f"auditor: and {migration.failed - len(migration.faults)} more", err=True)
    would = "would be" if dry_run else "are"
    gone = f", {migration.gone} were deleted meanwhile" if migration.gone else ""
    failed = f", {migration.failed} could not be written" if migration.failed else ""
    end = f"{kind.name}: {migration.rewritten} objects {would} stored in {kind.storage_version}{gone}{failed}"
    left = "" if migration.finished else f"; its storedVersions stay: {', '.join(kind.stored_versions)}"
    click.echo(clean(end + left))


def _convert(paths: tuple[str, ...], version: str, conversions: tuple[str, ...], output: str, *, back: bool) -> int:
    from auditor.engine.mistakes import PolicyError
    from auditor.intake.load import load, read_items
    from auditor.intake.packs import packs_directory
    from auditor.intake.prepare import BESIDE
    from auditor.intake.printable import clean

    known = load(conversions or _conversions_of(packs_directory()), skip=BESIDE)
    if wrong := [each for each in known.mistakes if not each.warning]:
        raise PolicyError(wrong)
    if known.unreadable:
        raise known.unreadable[0]
    if not known.conversions:
        raise UsageError(f"there is no Conversion in {', '.join(conversions)}")
    unreadable: list[InputError] = []
    faults: list[str] = []
    things = []
    for item in read_items(paths, unreadable):
        try:
            things.append(_convert_one(item, version, known, back=back))
        except AuditorError as error:
            faults.append(f"{item.file}:{item.line}: {error}")
    _print(things, output)
    for fault in [*map(str, unreadable), *faults]:
        click.echo(clean(f"auditor: {fault}"), err=True)
    return INCOMPLETE if faults or unreadable else DONE


def _conversions_of(packs: Path) -> tuple[str, ...]:
    """Only what is needed: to read all that is in the packs takes a second."""
    return tuple(str(file) for name in ("crd", "conversion") for file in sorted(packs.glob(f"*/{name}.yaml")))


def _convert_one(item: "Item", version: str, known: "Loaded", *, back: bool) -> JsonObject:
    from auditor.intake.catalog import guess_plural
    from auditor.model.resource import name_kind

    if str(item.thing["apiVersion"]).rpartition("/")[2] == version:
        return item.thing
    plurals = {(each.crd.group, each.crd.kind): each.crd.plural for each in known.crds}
    plural = plurals.get((item.group, item.kind)) or guess_plural(item.kind)
    for conversion in known.conversions:
        if (conversion.group, conversion.resource) == (item.group, plural):
            lost = conversion.round_trip(item.thing, version) if back else []
            if lost:
                places = ", ".join(str(each["path"]) for each in lost)
                raise InputError(f"the {item.kind} does not come back from {version} as it was: {places}")
            return conversion.convert(item.thing, version)
    raise InputError(f"there is no Conversion for {name_kind(item.group, plural)}: the {item.kind} is not converted")


def _print(things: list[JsonObject], output: str) -> None:
    """As kubectl takes it: documents of YAML, or in JSON a List where it is not one object."""
    if output == "yaml":
        import yaml

        click.echo(yaml.safe_dump_all(things, sort_keys=False, allow_unicode=True, width=120), nl=False)
        return
    from auditor.intake.printable import write_json

    whole = things[0] if len(things) == 1 else {"apiVersion": "v1", "kind": "List", "items": things}
    click.echo(write_json(whole))
