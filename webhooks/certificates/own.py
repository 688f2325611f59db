"""Our own authority, in a Secret that all replicas share: whoever comes first writes, the others read what was written.

No leader is needed: a creation that comes second fails, and so does an update of what has changed since it was read.
"""

import base64
import binascii
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from auditor.certs import Action, Bundle, Fault, Lifetimes, Step, Trust, plan, read_data, take, write_data
from auditor.certs.bundle import hosts_of
from auditor.certs.rotation import renewal_of
from auditor.certs.secret import PARTS
from auditor.cluster.access import dig, dig_object
from auditor.cluster.client import Client, WriteOptions
from auditor.cluster.resource import SECRETS
from auditor.errors import AlreadyExistsError, ClusterError, ConflictError, NotFoundError, UsageError
from auditor.json import JsonObject
from auditor.webhooks.certificates.material import Material, Trusting

log = logging.getLogger(__name__)

DEFAULT_NAME = "auditor-webhook-certificates"
ISSUED_FOR = "auditor webhook"
"""The subject, for people. Hosts are among the alternative names: a subject has no room for long ones."""
MARK = "auditor.dev/certificates"
"""A label. Of a Secret with it, every part is ours to repair; of others, none."""
CERT_MANAGER = "cert-manager.io/certificate-name"
REPLACED = "replaced."
"""Before the name of a part: what stood there when it was repaired last. A key is never just overwritten."""
POLL = 30.0
"""Seconds. Half of Lifetimes.settle: every replica has read a change before a step that builds on it."""
OPTIONS = WriteOptions(field_manager="auditor-certificates")
ATTEMPTS = 10
"""Steps and lost races in one refresh: four steps are the most that follow each other, and of a race one is lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretSettings:
    namespace: str
    hosts: tuple[str, ...]
    """By which the API server calls: NAME.NAMESPACE.svc of the Service, or what the url says."""
    name: str = DEFAULT_NAME
    times: Lifetimes = field(default_factory=Lifetimes)
    owner: JsonObject | None = None
    """An ownerReference: with the installation, the Secret goes."""
    poll: float = POLL

    def __post_init__(self) -> None:
        if not self.hosts:
            raise UsageError("a serving certificate needs the hosts by which the API server calls")

    @property
    def title(self) -> str:
        return f"secret {self.namespace}/{self.name}"


class SecretKeeper:
    """Keeper. `trust` says whether all clients trust what comes next; without it, time alone decides."""

    def __init__(
        self,
        client: Client,
        settings: SecretSettings,
        *,
        trust: Trusting | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client, self._settings, self._clock = client, settings, clock
        self._trust = trust
        self._said: tuple[Fault, ...] = ()
        self.bundle: Bundle | None = None
        """The last that was good, of our own reading or writing."""
        self.step = Step(Action.NOTHING, "nothing was read yet")
        """What was found to do at the last refresh."""
        self.taken: list[Step] = []
        """Steps of the last refresh that were taken, in order."""

    @property
    def material(self) -> Material | None:
        return None if self.bundle is None else make_material(self.bundle)

    def refresh(self, *, force: Action = Action.NOTHING) -> float:
        """`force` is taken once where the plan has nothing to do: ISSUE, or ADD, which begins a rotation."""
        self.taken = []
        for _ in range(ATTEMPTS):
            secret = self._read()
            bundle, repair = self._examine(secret)
            now = self._clock()
            step = self._plan(bundle, now)
            settings, hosts = self._settings, self._hosts(bundle, now)
            if step.action is Action.NOTHING and _may_force(bundle, force):
                step, hosts = Step(force, "it was asked for"), frozenset(self._settings.hosts)
            if step.action is Action.NOTHING and not repair:
                self._adopt(bundle, step)
                return self._pause(step, now)
            target = take(bundle, step.action, now, times=settings.times, hosts=hosts, name=ISSUED_FOR)
            try:
                self._write(secret, target)
            except (AlreadyExistsError, ConflictError, NotFoundError) as error:
                if isinstance(error, NotFoundError) and secret is None:
                    raise  # it is the namespace that is missing
                log.debug("another replica was faster: %s", error)
                continue
            if step.action is not Action.NOTHING:
                log.info("%s: %s: %s", settings.title, step.action.value, step.why)
                self.taken.append(step)
            self._adopt(target, step)
            force = Action.NOTHING if _fulfils(step.action, force) else force
        raise ClusterError(f"{self._settings.title}: others change it all the time; nothing was written")

    def shorten_overlap(self, overlap: timedelta) -> None:
        """From now on, retired authorities are dropped after that: where a key was stolen."""
        self._settings = replace(self._settings, times=replace(self._settings.times, overlap=overlap))

    def _plan(self, bundle: Bundle, now: datetime) -> Step:
        trust = Trust.UNKNOWN
        if bundle.coming is not None and self._trust is not None:
            trust = self._trust(bundle.coming.authority.pair.certificate, bundle.authorities)
        return plan(bundle, now, times=self._settings.times, hosts=self._settings.hosts, trust=trust)

    def _hosts(self, bundle: Bundle, now: datetime) -> frozenset[str]:
        """Those of the last certificate with them, until it is due: replicas that are told different ones, as in an
        upgrade, must not issue against each other."""
        wanted = frozenset(self._settings.hosts)
        if bundle.serving is None or renewal_of(bundle.serving) <= now:
            return wanted
        return wanted | hosts_of(bundle.serving.certificate)

    def _pause(self, step: Step, now: datetime) -> float:
        longest = min(self._settings.poll, self._settings.times.settle.total_seconds() / 2)
        if step.at is None:
            return longest
        return max(min(longest, (step.at - now).total_seconds()), longest / 10)

    def _adopt(self, bundle: Bundle, step: Step) -> None:
        self.bundle, self.step = bundle, step

    def _read(self) -> JsonObject | None:
        try:
            return self._client.get(SECRETS, self._settings.name, namespace=self._settings.namespace)
        except NotFoundError:
            return None

    def _examine(self, secret: JsonObject | None) -> tuple[Bundle, bool]:
        """The bundle to go on from, and whether the Secret has to be written for that alone."""
        data = {} if secret is None else decode_data(secret)
        if secret is not None:
            refuse_foreign(secret, data, self._settings.title)
        if not any(data.get(part) for part in PARTS):
            if self.bundle is None:
                return Bundle(), False
            log.warning(
                "%s was deleted or emptied: what this replica remembers is written back, so that no request fails. "
                "To replace the certificates use: auditor certs rotate",
                self._settings.title,
            )
            return self.bundle, True
        reading = read_data(data)
        if not reading.faults:
            self._said = ()
            return reading.bundle, False
        if reading.faults != self._said:
            source = (
                "from what this replica remembers" if self.bundle else "as far as possible without failing requests"
            )
            text = "; ".join(map(str, reading.faults))
            log.warning(
                "%s is broken and is repaired, %s: %s. What was there is kept under %s*",
                self._settings.title,
                source,
                text,
                REPLACED,
            )
        self._said = reading.faults
        if self.bundle is not None:
            return self.bundle, True
        return reading.bundle, write_data(reading.bundle) != {p: data[p] for p in PARTS if p in data}

    def _write(self, secret: JsonObject | None, bundle: Bundle) -> None:
        data = write_data(bundle)
        settings = self._settings
        if secret is None:
            self._client.create(SECRETS, _new_secret(settings, data), options=OPTIONS)
            return
        found = decode_data(secret)
        faulty = {fault.part for fault in read_data(found).faults}
        kept = {k: v for k, v in found.items() if k not in PARTS}
        kept |= {REPLACED + p: found[p] for p in PARTS if p in faulty and found.get(p) and found[p] != data.get(p)}
        meta = dig_object(secret, "metadata")
        labels = dig_object(secret, "metadata", "labels") | {MARK: "webhook"}
        changed = secret | {"metadata": meta | {"labels": labels}, "data": _encode(kept | data)}
        self._client.update(SECRETS, changed, options=OPTIONS)


def make_material(bundle: Bundle) -> Material | None:
    if bundle.serving is None:
        return None
    return Material(
        certificate=bundle.serving.certificate_pem,
        key=bundle.serving.key_pem,
        expiry=bundle.serving.certificate.not_valid_after_utc,
        authorities=bundle.authorities_pem,
        authority_expiry=None if bundle.current is None else bundle.current.pair.certificate.not_valid_after_utc,
    )


def refuse_foreign(secret: JsonObject, data: Mapping[str, bytes], title: str) -> None:
    """Keys that are not ours may be relied on by somebody: they are not touched.

    A Secret whose parts all fit is one of ours, whoever wrote it.
    """
    if CERT_MANAGER in dig_object(secret, "metadata", "annotations"):
        raise UsageError(
            f"{title} is kept by cert-manager (certificate {secret['metadata']['annotations'][CERT_MANAGER]}). "
            "Use its certificates from files, or give another name for the Secret of our own authority"
        )
    if dig(secret, "immutable") is True:
        raise UsageError(f"{title} is immutable: certificates in it cannot be renewed. Delete it, or give another name")
    faults = read_data(data).faults if any(data.values()) else ()
    if MARK not in dig_object(secret, "metadata", "labels") and faults:
        namespace, _, name = title.removeprefix("secret ").partition("/")
        raise UsageError(
            f"{title} holds something that auditor has not written, and it is left as it is: "
            f"{'; '.join(map(str, faults))}. Give another name, delete it, or, if it may be overwritten: "
            f"kubectl label secret -n {namespace} {name} {MARK}=webhook"
        )


def decode_data(secret: JsonObject) -> dict[str, bytes]:
    """The data of a Secret. An API server lets nothing but base64 in; of anything else, its text is taken."""
    found = {}
    for key, value in dig_object(secret, "data").items():
        try:
            found[key] = base64.b64decode(value or "", validate=True)
        except (binascii.Error, TypeError):
            found[key] = str(value).encode()
    return found


def _fulfils(action: Action, wish: Action) -> bool:
    return action in (wish, Action.START, Action.SWITCH)


def _may_force(bundle: Bundle, force: Action) -> bool:
    return force is Action.ISSUE or (force is Action.ADD and bundle.coming is None)


def _encode(data: Mapping[str, bytes]) -> dict[str, str]:
    return {key: base64.b64encode(value).decode() for key, value in data.items()}


def _new_secret(settings: SecretSettings, data: Mapping[str, bytes]) -> JsonObject:
    labels = {MARK: "webhook", "app.kubernetes.io/managed-by": "auditor"}
    meta: JsonObject = {"name": settings.name, "namespace": settings.namespace, "labels": labels}
    if settings.owner is not None:
        meta["ownerReferences"] = [settings.owner]
    return {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": meta, "data": _encode(data)}
