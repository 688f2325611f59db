"""`auditor certs`: the certificates of the webhook, to be seen, made and replaced."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from auditor.cli.cluster import Cluster, cluster_options
from auditor.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from auditor.cluster import Client
    from auditor.webhooks.certificates.show import Overview

CLEAN, WRONG = 0, 1
NAME = "auditor-webhook-certificates"

Result = TypeVar("Result")


def secret_options(function: Callable[..., Result]) -> Callable[..., Result]:
    for option in (
        click.option("--secret", "name", default=NAME, show_default=True, help="The Secret."),
        click.option("-n", "--namespace", default="", help="Its namespace; that of the context, if absent."),
    ):
        function = option(function)
    return cluster_options(function)


directory_option = click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Files, in place of a Secret: tls.crt, tls.key, ca.crt.",
)
hosts_option = click.option("--host", "hosts", multiple=True, help="A name or address that the API server calls.")


@click.group("certs")
def command() -> None:
    """The certificates of the webhook: show, issue and rotate them.

    The webhook keeps them right by itself. These are for looking, for setting up, and for a key that was stolen.
    """


@command.command("show")
@secret_options
@directory_option
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Form.")
def show(namespace: str, name: str, cluster: Cluster, directory: Path | None, output: str) -> int:
    """Show whose they are, for which names, until when, and what happens next.

    Exit code 0: all is well; 1: something is expired or broken; 2: a mistake in the command; 3: it could not be read.
    """
    from auditor.intake.printable import clean, write_json
    from auditor.webhooks.certificates.show import as_json, survey

    title, data = _read(namespace, name, cluster, directory)
    now = datetime.now(UTC)
    overview = survey(data, now)
    if output == "json":
        click.echo(write_json({"source": title} | as_json(overview, now)))
    else:
        for line in _tell(title, overview, now):
            click.echo(clean(line))
    return WRONG if overview.faults else CLEAN


@command.command("issue")
@secret_options
@directory_option
@hosts_option
def issue(namespace: str, name: str, cluster: Cluster, directory: Path | None, hosts: tuple[str, ...]) -> None:
    """Issue a serving certificate, by the authority that is there; without one, make it first.

    Without --host, it is for the names of the last one. What auditor has not written is left alone.
    """
    from auditor.webhooks.certificates.issue import issue_into_directory, issue_into_secret

    if directory is not None:
        told = issue_into_directory(directory, hosts, now=datetime.now(UTC))
    else:
        client = cluster.connect("certs")
        told = issue_into_secret(client, _namespace(client, namespace), name, hosts)
    for line in told:
        click.echo(line)


@command.command("rotate")
@secret_options
@click.option("--dry-run", is_flag=True, help="Tell the steps, and write nothing.")
@click.option("--force", is_flag=True, help="Do not wait until all clients trust the next authority: calls may fail.")
@click.option("--drop-old", is_flag=True, help="End the trust in the old authority as soon as no replica serves it.")
@click.option("--settle", default=60.0, show_default=True, metavar="SECONDS", help="From registration to use.")
@click.option("--timeout", default=600.0, show_default=True, metavar="SECONDS", help="How long to wait in all.")
def rotate(
    namespace: str,
    name: str,
    cluster: Cluster,
    dry_run: bool,
    force: bool,
    drop_old: bool,
    settle: float,
    timeout: float,
) -> None:
    """Replace the authority and what it signed, step by step, without a request that fails.

    The next authority is added to what clients trust; once they do, it signs; the old one retires. The webhook's
    replicas write the registrations meanwhile. Interrupted, it is safe as it is, and the replicas go on.

    Exit code 3: it has begun, and what it waits for has not come in time.
    """
    from auditor.certs import Trust, read_data
    from auditor.webhooks.certificates import rotate as rotation
    from auditor.webhooks.certificates.own import SecretKeeper, SecretSettings
    from auditor.webhooks.certificates.registered import Registered

    client = cluster.connect("certs")
    namespace = _namespace(client, namespace)
    title, data = _read_secret(client, namespace, name)
    bundle, pause = read_data(data).bundle, timedelta(seconds=settle)
    if bundle.current is None and bundle.serving is None:
        raise UsageError(f"{title} holds no authority of auditor: there is nothing to rotate. See: auditor certs show")
    registered = Registered(client, pause)
    if dry_run:
        for line in rotation.foresee(bundle, registered, pause):
            click.echo(line)
        return
    settings = SecretSettings(
        namespace=namespace, name=name, hosts=rotation.hosts_in(bundle), times=rotation.times_of(bundle, pause)
    )
    keeper = SecretKeeper(client, settings, trust=(lambda *_: Trust.HELD) if force else registered.trust)
    for line in rotation.rotate(keeper, registered, drop_old=drop_old, timeout=timeout):
        click.echo(line)


def _namespace(client: "Client", namespace: str) -> str:
    return namespace or client.transport.access.namespace


def _read(namespace: str, name: str, cluster: Cluster, directory: Path | None) -> tuple[str, dict[str, bytes]]:
    if directory is not None:
        from auditor.certs.directory import read_directory
        from auditor.certs.secret import PARTS

        return f"directory {directory}", read_directory(directory, PARTS)
    client = cluster.connect("certs")
    return _read_secret(client, _namespace(client, namespace), name)


def _read_secret(client: "Client", namespace: str, name: str) -> tuple[str, dict[str, bytes]]:
    from auditor.cluster.resource import SECRETS
    from auditor.webhooks.certificates.own import decode_data

    try:
        return f"secret {namespace}/{name}", decode_data(client.get(SECRETS, name, namespace=namespace))
    except NotFoundError as error:
        raise UsageError(
            f"secret {namespace}/{name} is not there. The webhook makes it when it starts; by hand: "
            f"auditor certs issue -n {namespace} --secret {name} --host HOST"
        ) from error


def _tell(title: str, overview: "Overview", now: datetime) -> Iterator[str]:
    from auditor.certs.bundle import hosts_of
    from auditor.webhooks.certificates.show import days_left, serial_of

    yield title
    for entry in overview.entries:
        certificate = entry.certificate
        start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        yield f"{entry.role}{f': {entry.note}' if entry.note else ''}"
        yield f"  subject  {certificate.subject.rfc4514_string()}"
        yield f"  serial   {serial_of(certificate)}"
        yield f"  valid    {start:%Y-%m-%d %H:%M:%SZ} to {end:%Y-%m-%d %H:%M:%SZ}"
        yield f"  left     {days_left(certificate, now)} days"
        if hosts_of(certificate):
            yield f"  names    {', '.join(sorted(hosts_of(certificate)))}"
    if overview.next:
        yield f"next: {overview.next}"
    for fault in overview.faults:
        yield f"WRONG: {fault}"
