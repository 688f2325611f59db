"""How certificates are renewed without one request that fails: each step as data, decided by the clock.

An authority is replaced in three steps, each of which is safe for whoever still holds what was true before it:

    ADD     the next authority is made, and clients are told to trust it as well; the current one still signs
    SWITCH  once all clients trust it, it signs the certificate that is served; the last one retires, its key is dropped
    DROP    once nothing that the retired one signed is served any more, clients need not trust it

Between them lie times, not messages: a client or a replica that was away acts on what it last knew.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from auditor.certs.authority import CLOCK_SKEW, Authority
from auditor.certs.bundle import Bundle, Coming, Retired, is_issued_by, missing_hosts, start_of
from auditor.certs.pair import Pair
from auditor.errors import UsageError

RENEW_AT = 2 / 3
"""Of its lifetime a certificate is renewed, as cert-manager does: of 90 days, 30 remain to notice that it cannot be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetimes:
    authority: timedelta = timedelta(days=730)
    """Renewed after 16 months: the 8 that remain are longer than anything that it signs in them."""
    serving: timedelta = timedelta(days=90)
    """As public authorities and cert-manager: short enough that renewal is no rare event, long enough for holidays."""
    settle: timedelta = timedelta(seconds=60)
    """From the registration until every API server acts on it. They watch it, and a watch that broke is opened again
    after 30 s at most, doubled by jitter."""
    unseen: timedelta = timedelta(hours=24)
    """The same where nobody can see the registration, because other tools write it: they reconcile every few minutes
    to hours, and people work in days."""
    overlap: timedelta | None = None
    """How long a retired authority is trusted. None: as long as anything that it signed may be valid. Shorter ends the
    trust in a key that was stolen, and is wrong for a replica that has not read its Secret for as long."""

    def __post_init__(self) -> None:
        if min(self.authority, self.serving, self.settle, self.unseen) <= timedelta():
            raise UsageError("lifetimes of certificates, and the times between steps, have to be longer than nothing")
        if self.serving > self.authority * (1 - RENEW_AT) + CLOCK_SKEW:
            raise UsageError(
                f"serving certificates of {self.serving} need an authority of three times that at least, which is "
                f"renewed after two thirds of its {self.authority}: give it a longer lifetime, or them a shorter one"
            )

    @property
    def trusted_after(self) -> timedelta:
        return self.serving if self.overlap is None else self.overlap


class Trust(Enum):
    """Whether all clients trust the authority that comes next."""

    HELD = "all clients trust it"
    MISSING = "a client does not trust it yet"
    UNKNOWN = "nobody can tell"


class Action(Enum):
    NOTHING = "nothing"
    START = "start"
    """Make everything anew: there is nothing that works."""
    ISSUE = "issue"
    """A new serving certificate, by the current authority."""
    ADD = "add"
    SWITCH = "switch"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class Step:
    action: Action
    why: str
    """For people: what was found, or what is waited for."""
    at: datetime | None = None
    """Of NOTHING: when there will be something to do, as far as the clock decides it."""


def renewal_of(pair: Pair) -> datetime:
    start, end = start_of(pair.certificate), pair.certificate.not_valid_after_utc
    return start + (end - start) * RENEW_AT


def plan(
    bundle: Bundle,
    now: datetime,
    *,
    times: Lifetimes,
    hosts: Collection[str],
    trust: Trust = Trust.UNKNOWN,
) -> Step:
    """The one thing to do now. Whoever did it asks again: there may be another."""
    current = bundle.current if bundle.current and not _is_over(bundle.current.pair, now) else None
    if bundle.serving is None or _is_over(bundle.serving, now):
        why = "there is no serving certificate" if bundle.serving is None else "the serving certificate has expired"
        if current is not None:
            return Step(Action.ISSUE, why)
        if bundle.coming is not None:
            return Step(Action.SWITCH, f"{why}, and the current authority cannot sign")
        return Step(Action.START, f"{why}, and no authority that could sign one")
    wait = None
    if bundle.coming is not None:
        ready, wait = _may_sign(bundle, bundle.coming, now, times, trust)
        if ready:
            return Step(Action.SWITCH, wait.why)
    if current is not None:
        why = _why_issue(bundle.serving, current, now, hosts)
        if why:
            return Step(Action.ISSUE, why)
    if bundle.coming is None:
        if bundle.current is None:
            return Step(
                Action.ADD, "the key of the authority is lost: what it signed is valid, but it can sign no more"
            )
        if renewal_of(bundle.current.pair) <= now:
            return Step(Action.ADD, f"the authority ends at {_say(bundle.current.pair)}")
    over = [r for r in bundle.retired if _may_drop(r, bundle.serving, now, times)]
    if over:
        return Step(Action.DROP, "nothing that it signed is served any more")
    return wait or _next(bundle, bundle.serving, times)


def take(
    bundle: Bundle, action: Action, now: datetime, *, times: Lifetimes, hosts: Collection[str], name: str
) -> Bundle:
    """The bundle after this step. It makes keys, and has no other effect. `name` is what certificates are made for."""
    match action:
        case Action.NOTHING:
            return bundle
        case Action.START:
            current, retired = make_authority(name, now, times), _retire(bundle, now)
            return Bundle(current=current, serving=_issue(current, now, times, hosts, name), retired=retired)
        case Action.ISSUE:
            if bundle.current is None:
                raise ValueError("there is no authority that could sign")
            serving = _issue(bundle.current, now, times, hosts, name)
            return Bundle(current=bundle.current, serving=serving, coming=bundle.coming, retired=bundle.retired)
        case Action.ADD:
            coming = Coming(make_authority(name, now, times), now)
            return Bundle(current=bundle.current, serving=bundle.serving, coming=coming, retired=bundle.retired)
        case Action.SWITCH:
            if bundle.coming is None:
                raise ValueError("there is no authority to switch to")
            authority = bundle.coming.authority
            retired = _retire(Bundle(current=bundle.current, retired=bundle.retired), now)
            return Bundle(current=authority, serving=_issue(authority, now, times, hosts, name), retired=retired)
        case Action.DROP:
            kept = tuple(r for r in bundle.retired if not _may_drop(r, bundle.serving, now, times))
            return Bundle(current=bundle.current, serving=bundle.serving, coming=bundle.coming, retired=kept)


def make_authority(name: str, now: datetime, times: Lifetimes) -> Authority:
    """Its name has the time in it: two that overlap are told apart by people, too."""
    return Authority.create(f"{name} authority {now:%Y-%m-%dT%H:%M:%SZ}", lifetime=times.authority, now=now)


def _issue(authority: Authority, now: datetime, times: Lifetimes, hosts: Collection[str], name: str) -> Pair:
    return authority.issue(name, hosts=sorted(hosts), server=True, lifetime=times.serving, now=now)


def _retire(bundle: Bundle, now: datetime) -> tuple[Retired, ...]:
    """All that has signed or might have: from now on, somebody else signs."""
    left = [Retired(r.certificate, r.since or now) for r in bundle.retired]
    left += [Retired(a.pair.certificate, now) for a in (bundle.current, bundle.coming and bundle.coming.authority) if a]
    return tuple(r for r in left if r.certificate.not_valid_after_utc > now)


def _may_sign(bundle: Bundle, coming: Coming, now: datetime, times: Lifetimes, trust: Trust) -> tuple[bool, Step]:
    if trust is Trust.HELD:
        return True, Step(Action.SWITCH, "all clients trust the next authority")
    if trust is Trust.UNKNOWN:
        ready = coming.since + times.unseen
        if now >= ready:
            return True, Step(Action.SWITCH, f"clients were told {times.unseen} ago to trust the next authority")
        return False, Step(Action.NOTHING, "until all clients trust the next authority", ready)
    end = _end_of_service(bundle)
    if end is not None and now >= end - times.settle:
        return True, Step(Action.SWITCH, f"the serving certificate ends at {end:%Y-%m-%d %H:%M:%SZ}, trusted or not")
    return False, Step(Action.NOTHING, "a client does not trust the next authority yet", end)


def _end_of_service(bundle: Bundle) -> datetime | None:
    """When what is served ends for good. None while the current authority can renew it."""
    if bundle.serving is None:
        return None
    end = bundle.serving.certificate.not_valid_after_utc
    if bundle.current is not None and bundle.current.pair.certificate.not_valid_after_utc > end:
        return None
    return end


def _why_issue(serving: Pair, current: Authority, now: datetime, hosts: Collection[str]) -> str:
    missing = missing_hosts(serving.certificate, hosts)
    if missing:
        return f"the serving certificate is not for {', '.join(missing)}"
    if not is_issued_by(serving.certificate, current.pair.certificate):
        return "the serving certificate is not by the current authority"
    # At the end of its authority a new one would end no later: that is a matter for the next authority.
    longer = serving.certificate.not_valid_after_utc < current.pair.certificate.not_valid_after_utc
    return f"the serving certificate ends at {_say(serving)}" if renewal_of(serving) <= now and longer else ""


def _may_drop(retired: Retired, serving: Pair | None, now: datetime, times: Lifetimes) -> bool:
    if retired.certificate.not_valid_after_utc <= now:
        return True
    if serving is not None and is_issued_by(serving.certificate, retired.certificate):
        return False
    return retired.since is not None and retired.since + times.trusted_after <= now


def _next(bundle: Bundle, serving: Pair, times: Lifetimes) -> Step:
    choices = [(renewal_of(serving), "until the serving certificate is renewed")]
    if bundle.current is not None:
        choices.append((renewal_of(bundle.current.pair), "until the authority is renewed"))
    for retired in bundle.retired:
        end = retired.certificate.not_valid_after_utc
        over = end if retired.since is None else min(end, retired.since + times.trusted_after)
        choices.append((over, "until the retired authority need not be trusted"))
    at, why = min(choices)
    return Step(Action.NOTHING, why, at)


def _is_over(pair: Pair, now: datetime) -> bool:
    return pair.certificate.not_valid_after_utc <= now


def _say(pair: Pair) -> str:
    return f"{pair.certificate.not_valid_after_utc:%Y-%m-%d %H:%M:%SZ}"
