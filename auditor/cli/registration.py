"""`auditor registration`: what the webhook registers in the cluster, seen beforehand and taken back."""

import functools
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import click

from auditor.cli.certs import NAME as CERTIFICATES
from auditor.cli.cluster import Cluster, cluster_options
from auditor.errors import ClusterError
from auditor.json import JsonObject

if TYPE_CHECKING:
    from auditor.cluster import Client
    from auditor.intake.live.view import View
    from auditor.webhooks.registration import Installation, Owner

P = ParamSpec("P")
R = TypeVar("R")

PATIENCE = 60.0
"""Seconds until all that the webhook follows has been read: a second as a rule."""
LOST = 1


@click.group("registration")
def command() -> None:
    """What the webhook registers: webhook configurations, and the conversion sections of CRDs.

    A running webhook keeps them right by itself. These show what it would write, and take it back before an uninstall.
    """


@dataclass(frozen=True, slots=True)
class Place:
    """Which installation is meant: where it is called, and under which names it registers."""

    namespace: str
    name: str
    service: str
    url: str
    owner: str

    def find(self, client: "Client", *, authorities: bytes = b"") -> "tuple[Installation, Owner | None]":
        from auditor.webhooks.registration import find_owner
        from auditor.webhooks.serving.assembly import make_installation
        from auditor.webhooks.serving.settings import Target

        owner = find_owner(client, self.owner)
        target = Target.read(self.service, namespace=self.namespace, url=self.url)
        return make_installation(target, name=self.name, owner=owner, authorities=authorities), owner


OPTIONS = (
    click.option("--namespace", default="auditor-system", show_default=True, help="The webhook's."),
    click.option("--name", default="auditor", show_default=True, help="Of the webhook configurations."),
    click.option(
        "--service", default="auditor-webhook:443", show_default=True, metavar="NAME[:PORT]", help="Of the webhook."
    ),
    click.option("--url", default="", metavar="URL", help="By which the API server calls, instead."),
    click.option("--owner", default="", metavar="KIND/NAME", help="Cluster-wide object that owns it all."),
)


def place_options(command: Callable[P, R]) -> Callable[..., R]:
    """The command gets them together, as its argument `place`."""

    @functools.wraps(command)
    def with_place(*args: P.args, **options: P.kwargs) -> R:
        found: JsonObject = {name: options.pop(name) for name in Place.__slots__}
        options["place"] = Place(**found)
        return command(*args, **options)

    for option in reversed(OPTIONS):
        with_place = option(with_place)
    return with_place


@command.command("plan")
@cluster_options
@place_options
@click.option("--secret", default=CERTIFICATES, show_default=True, help="With the authority of the webhook.")
@click.option("--crd-impact", is_flag=True, help="With the webhook on updates of CRDs.")
@click.option("-o", "--output", type=click.Choice(["diff", "yaml"]), default="diff", show_default=True, help="Form.")
def plan(cluster: Cluster, place: Place, secret: str, crd_impact: bool, output: str) -> None:
    """Show what the policies in the cluster make the webhook register, and how that differs from what is there.

    Nothing is written. As YAML: all objects, for `kubectl apply --server-side`.
    """
    import yaml

    from auditor.webhooks.registration.plan import make_plan
    from auditor.webhooks.serving.assembly import want

    client = cluster.connect("registration")
    with client.transport:
        authorities = _read_authorities(client, place.namespace, secret)
        installation, _ = place.find(client, authorities=authorities)
        installation = replace(installation, crd_impact=crd_impact)
        made = make_plan(client, want(_view(client), installation))
    if output == "yaml":
        click.echo(yaml.safe_dump_all(made.objects, sort_keys=False), nl=False)
        return
    click.echo(made.differences, nl=False)
    for note in made.notes:
        click.echo(f"note: {note}")
    if not made.differences:
        click.echo("all is registered as it has to be")


@command.command("remove")
@cluster_options
@place_options
@click.option("--force", is_flag=True, help="Also if stored objects can then no longer be read; tells what is lost.")
@click.option("--dry-run", is_flag=True, help="Tell what would be done, and do nothing.")
def remove(cluster: Cluster, place: Place, force: bool, dry_run: bool) -> int:
    """Take back all that the webhook has registered, so that nothing waits for it any more. First in an uninstall.

    Refused while objects are stored in a version that only our conversions can read: `auditor convert
    --migrate-storage` first. With --owner, replicas that still run find word there and put nothing back.

    Exit code 0: all is removed; 1: with --force, and something is lost; 2: refused, and nothing was touched.
    """
    from auditor.errors import NotFoundError
    from auditor.webhooks.registration import uninstall, writing

    client = cluster.connect("registration")
    with client.transport:
        try:
            installation, owner = place.find(client)
        except NotFoundError:  # the chart was uninstalled first: what it has left behind can be taken back all the same
            click.echo(f"note: {place.owner} is not there: a webhook that still runs would register again", err=True)
            installation, owner = replace(place, owner="").find(client)
        options = replace(writing.OPTIONS, dry_run=dry_run)
        done = uninstall(client, installation, owner=owner, force=force, options=options)
    for each in done.removed:
        click.echo(f"{'would remove' if dry_run else 'removed'}: {each}")
    for each in done.lost:
        click.echo(f"lost: {each}", err=True)
    if not done.removed:
        click.echo("nothing was registered")
    return LOST if done.lost else 0


def _read_authorities(client: "Client", namespace: str, secret: str) -> bytes:
    from auditor.cluster.resource import SECRETS
    from auditor.errors import NotFoundError
    from auditor.webhooks.certificates.own import decode_data

    try:
        return decode_data(client.get(SECRETS, secret, namespace=namespace)).get("ca.crt", b"")
    except NotFoundError:
        click.echo(f"note: secret {namespace}/{secret} is not there yet: the caBundle is left open", err=True)
        return b""


def _view(client: "Client") -> "View":
    """All that a webhook would judge by now, read once."""
    from auditor.intake.live.live import Live

    views: list[View] = []
    there = threading.Event()

    def take(view: "View") -> None:
        views.append(view)
        there.set()

    live = Live(client, take)
    live.start()
    try:
        if not there.wait(PATIENCE):
            raise ClusterError(f"not all could be read within {PATIENCE:g} s: {live.unready()}")
    finally:
        live.stop()
    return views[-1]
