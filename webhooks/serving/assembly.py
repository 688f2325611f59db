"""From what is in the cluster to what the handlers judge by, and to what is to be registered."""

import time
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from auditor.engine.convert import Conversion
from auditor.engine.engine import Engine
from auditor.intake.live.live import Live
from auditor.intake.live.view import View
from auditor.model.resource import name_kind
from auditor.model.world import SYSTEM_USERS, World
from auditor.webhooks.certificates.material import Material
from auditor.webhooks.registration import Address, Installation, Owner, Wanted
from auditor.webhooks.serving.settings import CrdReview, ServingSettings, Target
from auditor.webhooks.serving.standin import list_compiled
from auditor.webhooks.snapshot import Settings, Snapshot


def assemble(view: View, live: Live, wanted: Wanted, settings: ServingSettings) -> Snapshot:
    return Snapshot.of(
        Engine.of(list_compiled(view), schemas=view.schemas),
        groups=wanted.groups(),
        conversions=list_conversions(view),
        world=World(
            objects=live.objects,
            kinds=view.match_kinds(),
            exceptions=tuple(view.excusing()),
            own_namespace=settings.target.namespace,
            excluded_users=SYSTEM_USERS | view.settings.excluded_users,
        ),
        namespaces=live.namespaces,
        settings=Settings(break_glass_group=settings.break_glass_group),
        made=time.monotonic(),
        # Of caches that were never heard of, nothing is looked up: the verdict is an error that says so.
        synced=lambda: time.monotonic() - (live.objects.age or 0.0),
    )


def want(view: View, installation: Installation) -> Wanted:
    """The AuditConfig may exclude more than the installation does by itself."""
    excluded = view.settings.excluded_namespaces.union(installation.excluded_namespaces)
    users = view.settings.excluded_users | installation.excluded_users
    installation = replace(installation, excluded_namespaces=tuple(sorted(excluded)), excluded_users=users)
    conversions = [state.good for _, state in sorted(view.conversions.items()) if state.good is not None]
    broken = [name for name, state in view.conversions.items() if state.good is None]  # its name is that of the CRD
    return Wanted.of(list_compiled(view), conversions, view.kinds, installation, broken=broken)


def install(settings: ServingSettings, material: Material | None, owner: Owner | None) -> Installation:
    """Without material, for what does not ask who is trusted."""
    authorities = (material.authorities or b"") if material is not None else b""
    annotations = {} if material is None else material.annotations
    return make_installation(
        settings.target,
        name=settings.name,
        owner=owner,
        authorities=authorities,
        annotations=annotations,
        crd_impact=settings.crd_impact is not CrdReview.OFF,
    )


def make_installation(
    target: Target,
    *,
    name: str,
    owner: Owner | None,
    authorities: bytes = b"",
    annotations: Mapping[str, str] = MappingProxyType({}),
    crd_impact: bool = False,
) -> Installation:
    return Installation(
        address=Address(
            authorities=authorities,
            url=target.url,
            service=target.service,
            namespace=target.namespace,
            port=target.port,
        ),
        name=name,
        owner=None if owner is None else owner.reference(),
        excluded_namespaces=tuple(sorted({target.namespace, "kube-system"})),
        crd_impact=crd_impact,
        annotations=annotations,
    )


def list_conversions(view: View) -> Mapping[tuple[str, str], Conversion]:
    """By group and kind. Of a kind that is not there nothing is ever asked."""
    found = {}
    for _, state in sorted(view.conversions.items()):
        kind = view.kinds.get(name_kind(state.good.group, state.good.resource)) if state.good is not None else None
        if state.good is not None and kind is not None:
            found[kind.group, kind.kind] = state.good
    return found
