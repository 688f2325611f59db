"""A rotation that a person asks for, now, told step by step. The replicas that run may take any step themselves."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from auditor.certs import Action, Bundle, Lifetimes, Pair, Trust
from auditor.certs.bundle import fingerprint, hosts_of, start_of
from auditor.errors import ClusterError, UsageError
from auditor.webhooks.certificates.own import POLL, SecretKeeper
from auditor.webhooks.certificates.registered import Registered

LOOK = 2.0
"""Seconds between two looks while a person waits."""
REPLICAS = timedelta(seconds=3 * POLL)
"""After this, every replica that can reach the API server serves what is in the Secret."""


def times_of(bundle: Bundle, settle: timedelta) -> Lifetimes:
    """Of what there is: a person who rotates does not mean to change how long certificates live."""
    default = Lifetimes()
    authority = _lifetime(bundle.current.pair) if bundle.current else default.authority
    serving = _lifetime(bundle.serving) if bundle.serving else default.serving
    return Lifetimes(authority=authority, serving=min(serving, authority / 3), settle=settle)


def hosts_in(bundle: Bundle) -> tuple[str, ...]:
    if bundle.serving is None:
        raise UsageError("there is no serving certificate to take the hosts from: auditor certs issue --host HOST")
    return tuple(sorted(hosts_of(bundle.serving.certificate)))


def foresee(bundle: Bundle, registered: Registered, settle: timedelta) -> Iterator[str]:
    """What `rotate` would do. Nothing is written."""
    titles = registered.known(bundle.authorities)
    if bundle.coming is None:
        yield "add: a next authority would be made, and trusted beside the current one"
    else:
        yield f"add: nothing to do, the next authority waits since {bundle.coming.since:%Y-%m-%d %H:%M:%SZ}"
    yield f"wait: until it is in the caBundle of all that trust us now, and for {settle.total_seconds():g} s more:"
    yield from (f"  {title}" for title in titles or ["nothing: nobody could tell, and only --force would go on"])
    yield "switch: the next authority would sign a new serving certificate, and the key of the current one be dropped"
    yield "drop: the retired authority would be trusted as long as what it signed is valid, or until --drop-old"


def rotate(
    keeper: SecretKeeper,
    registered: Registered,
    *,
    drop_old: bool = False,
    timeout: float = 600.0,
    sleep: Callable[[float], None] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Iterator[str]:
    """What was done and what is waited for, as it happens. ClusterError when time is up.

    The keeper's `trust` has to be that of `registered`, or say HELD where `force` is meant.
    """
    deadline = monotonic() + timeout
    keeper.refresh(force=Action.ADD)
    yield from _tell_taken(keeper)
    coming = None if keeper.bundle is None else keeper.bundle.coming
    if coming is not None:
        wanted, said = fingerprint(coming.authority.pair.certificate), ""
        while not _signs(keeper.bundle, wanted):
            reason = _reason(keeper, registered)
            if reason != said:
                yield f"wait: {reason}"
            said = reason
            if monotonic() >= deadline:
                raise ClusterError(
                    f"the next authority does not sign yet: {reason.rstrip('.')}. Both are trusted meanwhile, no "
                    "request fails, and the replicas go on. To go on now, at the risk of failing requests: --force"
                )
            sleep(LOOK)
            keeper.refresh()
            yield from _tell_taken(keeper)
            if keeper.bundle is not None and keeper.bundle.coming is None and not _signs(keeper.bundle, wanted):
                raise ClusterError(
                    "the next authority has gone: somebody else has changed the Secret. Look at it again"
                )
    yield "done: the next authority signs"
    if drop_old:
        yield from _drop_old(keeper, deadline + REPLICAS.total_seconds(), sleep, monotonic, clock)
    elif keeper.bundle is not None and keeper.bundle.retired:
        yield "kept: the retired authority is trusted as long as anything that it signed is valid"


def _drop_old(
    keeper: SecretKeeper,
    deadline: float,
    sleep: Callable[[float], None],
    monotonic: Callable[[], float],
    clock: Callable[[], datetime],
) -> Iterator[str]:
    keeper.shorten_overlap(REPLICAS)
    if keeper.bundle is not None and keeper.bundle.retired:
        left = max((r.since or clock()) + REPLICAS - clock() for r in keeper.bundle.retired)
        yield f"wait: {max(left.total_seconds(), 0):.0f} s, until every replica serves the new certificate"
    while keeper.bundle is not None and keeper.bundle.retired:
        if monotonic() >= deadline:
            raise ClusterError("the retired authority is trusted still: ask again")
        sleep(LOOK)
        keeper.refresh()
        yield from _tell_taken(keeper)
    yield "done: the retired authority is trusted no more, once the registrations are written again"


def _tell_taken(keeper: SecretKeeper) -> Iterator[str]:
    for step in keeper.taken:
        yield f"{step.action.value}: {step.why}"


def _signs(bundle: Bundle | None, wanted: str) -> bool:
    if bundle is None or bundle.current is None:
        return False
    return fingerprint(bundle.current.pair.certificate) == wanted


def _reason(keeper: SecretKeeper, registered: Registered) -> str:
    if registered.missing:
        return f"it is not yet in the caBundle of {', '.join(registered.missing)}"
    if registered.last is Trust.UNKNOWN:
        at = keeper.step.at
        until = f" The replicas go on at {at:%Y-%m-%d %H:%M:%SZ}." if at else ""
        return f"nothing that is registered here trusts us, so nobody can tell.{until}"
    return "it is registered, and API servers need a moment to see that"


def _lifetime(pair: Pair) -> timedelta:
    return pair.certificate.not_valid_after_utc - start_of(pair.certificate)
