"""A serving certificate that a person asks for: into the Secret, or into files."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from auditor.certs import Action, Bundle, Fault, read_data, take, write_data
from auditor.certs.directory import read_directory, write_directory
from auditor.certs.secret import PARTS
from auditor.cluster.client import Client
from auditor.cluster.resource import SECRETS
from auditor.errors import NotFoundError, UsageError
from auditor.webhooks.certificates.own import ISSUED_FOR, SecretKeeper, SecretSettings, decode_data
from auditor.webhooks.certificates.rotate import hosts_in, times_of

SETTLE = timedelta(seconds=60)
"""Plays no part in issuing: no authority is replaced."""


def issue_into_secret(client: Client, namespace: str, name: str, hosts: tuple[str, ...]) -> Iterator[str]:
    try:
        data = decode_data(client.get(SECRETS, name, namespace=namespace))
    except NotFoundError:
        data = {}
    bundle = read_data(data).bundle
    settings = SecretSettings(
        namespace=namespace, name=name, hosts=hosts or hosts_in(bundle), times=times_of(bundle, SETTLE)
    )
    keeper = SecretKeeper(client, settings)
    keeper.refresh(force=Action.ISSUE)
    for step in keeper.taken:
        yield f"{step.action.value}: {step.why}"
    yield f"{settings.title}: {_say(keeper.bundle)}"


def issue_into_directory(directory: Path, hosts: tuple[str, ...], *, now: datetime) -> Iterator[str]:
    """With our own authority beside it, or in an empty place. The key of the authority is written there, too."""
    found = read_directory(directory, PARTS) if directory.exists() else {}
    reading = read_data(found)
    if any(found.values()) and reading.faults:
        raise UsageError(f"{directory}: {_list(reading.faults)}. What auditor has not written is left alone")
    bundle = reading.bundle
    action = Action.START if bundle.current is None else Action.ISSUE
    hosts = hosts or hosts_in(bundle)
    issued = take(bundle, action, now, times=times_of(bundle, SETTLE), hosts=hosts, name=ISSUED_FOR)
    write_directory(directory, write_data(issued))
    yield f"{action.value}: it was asked for"
    yield f"directory {directory}: {_say(issued)}"


def _say(bundle: Bundle | None) -> str:
    if bundle is None or bundle.serving is None:
        return "no certificate"
    end = bundle.serving.certificate.not_valid_after_utc
    return f"a certificate for {', '.join(hosts_in(bundle))} until {end:%Y-%m-%d %H:%M:%SZ}"


def _list(faults: tuple[Fault, ...]) -> str:
    return "; ".join(map(str, faults))
