"""Takes back what we have registered, so that nothing waits for a webhook that is no longer there.

It goes first in an uninstall, while the webhooks still run: what they convert until then is converted. Garbage
collection by the owner is for installations that are torn out; CRDs have no owner, or their objects would go with it.
"""

from dataclasses import dataclass, field

from auditor.cluster import Client, WriteOptions
from auditor.cluster.access import dig_text
from auditor.cluster.discovery.crd import CrdKind, read_crd
from auditor.cluster.resource import CRDS
from auditor.errors import AuditorError, NotFoundError
from auditor.json import JsonObject
from auditor.webhooks.registration.configurations import Installation
from auditor.webhooks.registration.owner import Owner, mark_uninstalled
from auditor.webhooks.registration.sections import describe_debt, describe_loss, is_ours
from auditor.webhooks.registration.writing import CONFIGURATIONS, OPTIONS, remove_section


class UninstallRefusedError(AuditorError):
    """Objects would be lost, or read wrongly, without our conversions. Nothing has been removed."""

    exit_code = 2
    http_code = 409

    def __init__(self, needs: list[str]) -> None:
        self.needs = needs
        super().__init__(
            "nothing was removed, because stored objects still need our conversion: "
            f"{'; '.join(needs)}. With --force all is removed nevertheless, and that is lost"
        )


@dataclass(slots=True)
class Uninstalled:
    removed: list[str] = field(default_factory=list)
    """In words, what is there no more."""
    lost: list[str] = field(default_factory=list)
    """What nobody gets any more since conversions are gone."""


def uninstall(
    client: Client,
    installation: Installation,
    *,
    owner: Owner | None = None,
    force: bool = False,
    options: WriteOptions = OPTIONS,
) -> Uninstalled:
    """All or nothing is refused: UninstallRefusedError, before anything is touched. With `dry_run` in the options it
    says what would be done. May be repeated.

    In which versions objects are stored is known from `storedVersions` alone: if somebody has cut that short while
    objects were still stored otherwise, nobody can tell.

    `owner`: replicas that still run find word there, and put nothing back.
    """
    crds = _find_sections(client, installation)
    kinds = [read_crd(crd) for crd in crds]
    needs = [debt for kind in kinds if not kind.terminating and (debt := describe_debt(kind))]
    if needs and not force:
        raise UninstallRefusedError(needs)
    done = Uninstalled()
    if owner is not None:
        try:
            mark_uninstalled(client, owner, options)
        except NotFoundError:
            done.removed.append(f"{owner.resource.kind} {owner.name}, the owner, was gone before")
    for kind, resource in CONFIGURATIONS.items():
        try:
            client.delete(resource, installation.name, options=options)
            done.removed.append(f"{kind} {installation.name}")
        except NotFoundError:
            continue
    for crd, kind_of in zip(crds, kinds, strict=True):
        _remove(client, crd, kind_of, done, options)
    return done


def _find_sections(client: Client, installation: Installation) -> list[JsonObject]:
    """Which are ours is said by the CRDs themselves: the Conversions may be gone."""
    return [crd for crd in client.list(CRDS, limit=25) if is_ours(crd, installation.address)]


def _remove(client: Client, crd: JsonObject, kind: CrdKind, done: Uninstalled, options: WriteOptions) -> None:
    name = dig_text(crd, "metadata", "name")
    try:
        remove_section(client, crd, lambda: options)
    except NotFoundError:
        return
    done.removed.append(f"the conversion section of {name}")
    if loss := describe_loss(kind):
        done.lost.append(loss)
