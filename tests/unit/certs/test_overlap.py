"""No order of steps, restarts and delays lets a replica serve what an API server does not trust.

Replicas act on a Secret that they read a while ago, at their own times, and may be cut off for months; API servers hold
any registration of the last minute. Whatever certificate is served, and has not run out, has to be good for all.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from auditor.certs import Action, Bundle, Lifetimes, Trust, plan, read_data, take, write_data
from auditor.certs.secret import read_authorities

START = datetime(2026, 1, 1, tzinfo=UTC)
TIMES = Lifetimes(
    authority=timedelta(days=30), serving=timedelta(days=9), settle=timedelta(minutes=1), unseen=timedelta(hours=24)
)
HOSTS = ("door.auditor.svc",)
RECONCILED = timedelta(hours=1)
PAUSES = [timedelta(seconds=30), timedelta(seconds=61), timedelta(hours=2), timedelta(hours=30), timedelta(days=2)]
REPLICAS = st.integers(0, 2)
SERVERS = st.integers(0, 1)


class Overlap(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.secret: dict[str, bytes] = {}
        self.version = 0
        self.views: list[tuple[int, Bundle] | None] = [None, None, None]
        self.registered: list[tuple[datetime, bytes]] = []
        self.held: tuple[str, datetime] | None = None
        self.verified: set[tuple[bytes, bytes]] = set()
        self.keep_up()
        self.act(1)
        self.act(2)
        self.registered.append((self.now, self.secret["ca.crt"]))
        self.servers = [self.secret["ca.crt"]] * 2

    def keep_up(self) -> None:
        """Replica 0 is never away for longer than a poll: an installation of which nobody lives renews nothing."""
        while self.act(0):
            pass

    @rule(pause=st.sampled_from(PAUSES))
    def time_passes(self, pause: timedelta) -> None:
        self.now += pause
        self.deliver()
        self.keep_up()
        if pause > RECONCILED:
            self.registers()

    @rule(replica=REPLICAS)
    def reads_and_acts(self, replica: int) -> None:
        self.act(replica)

    @rule(replica=REPLICAS)
    def only_reads(self, replica: int) -> None:
        """And has not come to act yet."""
        if self.views[replica] is not None:
            self.look(replica)

    @rule(action=st.sampled_from([Action.ISSUE, Action.ADD]))
    def is_told_to(self, action: Action) -> None:
        """By a person; where there is something else to do, that comes first."""
        self.keep_up()
        bundle = self.look(0)
        if bundle.current is not None and (action is Action.ISSUE or bundle.coming is None):
            self.write(0, take(bundle, action, self.now, times=TIMES, hosts=HOSTS, name="door"))

    @rule(replica=REPLICAS, action=st.sampled_from([Action.ISSUE, Action.ADD, Action.DROP]))
    def is_late(self, replica: int, action: Action) -> None:
        """What it decided on what it knew is refused, if somebody else was faster."""
        view = self.views[replica]
        if view is not None and view[0] != self.version and view[1].current is not None:
            self.write(replica, take(view[1], action, self.now, times=TIMES, hosts=HOSTS, name="door"))

    @rule()
    def registers(self) -> None:
        """By whoever has read the Secret just now: it has to write to the same API server that it read from."""
        self.registered.append((self.now, self.secret["ca.crt"]))

    @rule(server=SERVERS)
    def watches(self, server: int) -> None:
        self.servers[server] = self.registered[-1][1]

    @rule(replica=REPLICAS)
    def restarts(self, replica: int) -> None:
        """It serves nothing until it has read the Secret and done what it found to do."""
        self.views[replica] = None
        self.act(replica)

    @rule(part=st.sampled_from(["ca.key", "ca-next.key", "rotation.json", "tls.key"]))
    def loses_a_part(self, part: str) -> None:
        """Somebody's edit. With both keys lost, and nobody left who remembers them, no step could help."""
        bundle = read_data(self.secret).bundle
        whole = bundle.current is not None and bundle.serving is not None
        if part in self.secret and (whole or part not in ("ca.key", "tls.key")):
            self.secret = {k: v for k, v in self.secret.items() if k != part}
            self.version += 1

    def act(self, replica: int) -> bool:
        bundle = self.look(replica)
        step = plan(bundle, self.now, times=TIMES, hosts=HOSTS, trust=self.trust(bundle))
        if step.action is Action.NOTHING:
            return False
        self.write(replica, take(bundle, step.action, self.now, times=TIMES, hosts=HOSTS, name="door"))
        return True

    def look(self, replica: int) -> Bundle:
        """What it served goes on being served where the Secret has nothing better."""
        bundle, view = read_data(self.secret).bundle, self.views[replica]
        served = bundle.serving or (view[1].serving if view else None)
        self.views[replica] = (self.version, replace(bundle, serving=served))
        return bundle

    def write(self, replica: int, bundle: Bundle) -> None:
        view = self.views[replica]
        if view is not None and view[0] == self.version:  # the lock
            self.secret, self.version = write_data(bundle), self.version + 1
            self.views[replica] = (self.version, bundle)

    def trust(self, bundle: Bundle) -> Trust:
        if bundle.coming is None:
            return Trust.UNKNOWN
        coming = bundle.coming.authority.pair.certificate_pem
        if coming not in self.registered[-1][1]:
            return Trust.MISSING
        since = next(t for i, (t, _) in enumerate(self.registered) if all(coming in b for _, b in self.registered[i:]))
        return Trust.HELD if self.now - since >= TIMES.settle else Trust.MISSING

    def deliver(self) -> None:
        """After a minute, an API server has seen what was registered."""
        old = [b for t, b in self.registered if self.now - t >= TIMES.settle]
        if old:
            kept = [b for t, b in self.registered if self.now - t < TIMES.settle]
            self.servers = [s if s in [old[-1], *kept] else old[-1] for s in self.servers]

    @invariant()
    def whatever_is_served_is_trusted(self) -> None:
        for view in self.views:
            serving = view[1].serving if view else None
            if serving is None or serving.certificate.not_valid_after_utc <= self.now:
                continue
            for trusted in self.servers:
                pair = (serving.certificate_pem, trusted)
                if pair not in self.verified:
                    verify(serving.certificate, trusted, self.now)
                    self.verified.add(pair)

    @invariant()
    def the_living_serve_what_is_valid(self) -> None:
        view = self.views[0]
        if view is not None:
            assert view[1].serving
            assert view[1].serving.certificate.not_valid_after_utc > self.now


def verify(certificate: x509.Certificate, trusted: bytes, now: datetime) -> None:
    policy = PolicyBuilder().store(Store(read_authorities(trusted)[0])).time(now)
    try:
        policy.build_server_verifier(x509.DNSName(HOSTS[0])).verify(certificate, [])
    except VerificationError as error:
        raise AssertionError(f"a certificate is served that an API server refuses: {error}") from error


TestOverlap = Overlap.TestCase
TestOverlap.settings = settings(max_examples=30, stateful_step_count=50)
