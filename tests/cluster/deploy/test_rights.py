"""Exactly the rights that are granted are used: the processes of the chart do their whole job, and the API server's
audit log says what for. Each verb of each rule is a case of its own, and so are some that are really taken away.
"""

import contextlib
import fcntl
import pickle
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from auditor.audit.notices import NOTIFICATIONS
from auditor.cli.rbac.granted import ROLES, Granted
from auditor.cli.rbac.installed import Installed
from auditor.cli.rbac.parts import PARTS, Release, make_parts
from auditor.cluster.resource import CRDS, LEASES
from auditor.engine.read import read_policy
from auditor.intake.reach import read_custom
from auditor.model.rights import Atom, Right
from auditor.model.settings import ReportApi
from tests.cluster.audit.running import Watch
from tests.cluster.deploy import rights_job as job
from tests.cluster.deploy.rights_audit import list_idle, list_odd, show
from tests.cluster.deploy.rights_job import DOOR, JARS, NAMESPACE, SCANNER, STEPS, WATCH, Ground, make_ground
from tests.cluster.deploy.workloads import wait

pytestmark = pytest.mark.timeout(300)  # whichever comes first has all that is done before
ACCOUNTS = {"webhook": DOOR, "watch": WATCH, "dashboard": WATCH, "scan": SCANNER}
LEFT_OUT = {
    Atom(verb, *kind)
    for verb in ("list", "watch")
    for kind in (("strange.example", "strangers"), ("stuck.example", "stuck"))
}
"""Kinds that no policy is about: the watcher asks, and the coverage says that they are left out."""


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory, helm: Path) -> Iterator[Ground]:
    """After all steps."""
    with make_ground(tmp_path_factory.mktemp("rights"), helm) as ground:
        scan = ("--part", "scan", "--service-account", f"scan={SCANNER}")
        for options in (scan, ("--derived-only", "--secret", "auditor-deliveries")):
            ground.sandbox.kubectl("apply", "-f", "-", stdin=ground.derive(*options))
        assert ground.check()["clean"] is True
        for step in STEPS:
            step(ground)
        yield ground


@dataclass(frozen=True, slots=True)
class Evidence:
    """Of one account, when all was done."""

    used: frozenset[Atom]
    refused: frozenset[Atom]
    granted: tuple[Right, ...]


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> dict[str, Evidence]:
    """Gathered by one worker of a run, for all of them."""
    place = tmp_path_factory.getbasetemp()
    place = place.parent if hasattr(request.config, "workerinput") else place
    with (place / "rights.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept = place / "rights.pickle"
        if not kept.exists():
            ground: Ground = request.getfixturevalue("ground")
            granted = Granted(ground.client)
            kept.write_bytes(
                pickle.dumps(
                    {
                        account: Evidence(
                            frozenset(ground.log.used(account)),
                            frozenset(ground.log.refused(account)),
                            tuple(each.right for each in granted.of(NAMESPACE, account)),
                        )
                        for account in sorted(set(ACCOUNTS.values()))
                    }
                )
            )
        found: dict[str, Evidence] = pickle.loads(kept.read_bytes())  # noqa: S301 - our own, of this run
        return found


def list_atoms() -> list[tuple[str, Atom]]:
    """All that is granted, by the program's own account of it, which `ground` holds against the chart."""
    installed = Installed(
        policies=[read_policy(each) for each in job.POLICIES_THERE],
        customs=[read_custom(each) for each in job.CRDS_THERE],
        conversions=(JARS.name,),
        secrets=("auditor-deliveries",),
    )
    release = Release(accounts=ACCOUNTS, reports=frozenset({ReportApi.OPENREPORTS}))
    return [
        (part.name, atom)
        for part in make_parts(PARTS, release, installed)
        for right in part.rights
        for atom in right.atoms()
    ]


ATOMS = list_atoms()


def name_atom(case: tuple[str, Atom]) -> str:
    return f"{case[0]}: {show([case[1]])}"


@pytest.mark.parametrize("case", ATOMS, ids=name_atom)
def test_each_right_is_needed(case: tuple[str, Atom], evidence: dict[str, Evidence]) -> None:
    """It was used, and no other one would have done."""
    part, atom = case
    account = ACCOUNTS[part]
    used = {each for each in evidence[account].used if atom.covers(each)}
    assert used, f"{account} has never used it"
    others = [other for name, other in ATOMS if ACCOUNTS[name] == account and other != atom]
    assert not all(any(other.covers(each) for other in others) for each in used), "others would do for all of it"


@pytest.mark.parametrize("account", [DOOR, WATCH, SCANNER])
def test_what_is_granted_is_what_is_used(account: str, evidence: dict[str, Evidence]) -> None:
    found = evidence[account]
    assert list_idle(found.granted, found.used) == []
    assert list_odd(found.granted, found.used) == []
    assert found.refused == (LEFT_OUT if account == WATCH else set())


def test_watchers_that_share(ground: Ground) -> None:
    """Each has a Lease of its own; of one that was killed another one clears it away."""
    account, wanted = "auditor-sharer", Atom("any", LEASES.group, LEASES.plural)
    ground.sandbox.kubectl("create", "serviceaccount", account, "-n", NAMESPACE)
    options = ("--part", "watch", "--share", "--name", "sharer", "--service-account", f"watch={account}")
    ground.sandbox.kubectl("apply", "-f", "-", stdin=ground.derive(*options))
    kubeconfig = ground.sandbox.service_account_kubeconfig(NAMESPACE, account)
    programs = [Watch(kubeconfig, "--share", quick=True) for _ in range(2)]
    try:
        for each in programs:
            each.wait_ready()

        def disturb() -> bool:
            """A Lease that somebody else has edited is read again."""
            for lease in ground.client.list(LEASES, namespace=NAMESPACE, labels="auditor.dev/shard-group"):
                labels = {"disturbed": secrets.token_hex(4)}
                name = lease["metadata"]["name"]
                ground.client.patch_merge(LEASES, name, {"metadata": {"labels": labels}}, namespace=NAMESPACE)
            used = ground.log.used(account)
            return any(wanted._replace(verb="get").covers(each) for each in used)

        wait(disturb)
        programs[0].kill()
        verbs = ("create", "delete", "get", "list", "update")
        ground.wait_used(account, *(wanted._replace(verb=verb) for verb in verbs))
        assert {each.verb for each in ground.log.used(account) if each.resource == LEASES.plural} == {*verbs}
        assert ground.log.refused(account) <= LEFT_OUT
    finally:
        for each in programs:
            each.kill()


# -- taken away --------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def take_away(ground: Ground, role: str, verbs: set[str], *resources: str) -> Iterator[None]:
    """These verbs on these resources, from a ClusterRole or, as `Role/NAME`, a Role."""
    kind, _, name = role.rpartition("/")
    resource, within = ROLES[kind or "ClusterRole"], NAMESPACE if kind else ""
    before = ground.client.get(resource, name, namespace=within)
    rules = [each for each in before["rules"] if not set(each["resources"]) & set(resources)]
    rules += [
        {**each, "resources": [plural], "verbs": sorted(set(each["verbs"]) - (verbs if plural in resources else set()))}
        for each in before["rules"]
        if set(each["resources"]) & set(resources)
        for plural in each["resources"]
    ]
    ground.client.patch_merge(resource, name, {"rules": [each for each in rules if each["verbs"]]}, namespace=within)
    try:
        yield
    finally:
        ground.client.patch_merge(resource, name, {"rules": before["rules"]}, namespace=within)


def say_missing(ground: Ground) -> list[str]:
    said = ground.auditor("rbac", "--check", *job.RBAC)
    assert said.returncode == 1, said.stderr
    return [line.strip() for line in said.stdout.splitlines() if "missing: " in line]


def logged(ground: Ground, program: str, *words: str) -> Callable[[], bool]:
    known = len(ground.running[program].text)
    return lambda: any(
        all(word in line for word in words) for line in ground.running[program].text[known:].splitlines()
    )


def test_reports_that_may_not_be_written(ground: Ground) -> None:
    with take_away(ground, WATCH, {"patch"}, "clusterreports"):
        (told,) = say_missing(ground)
        assert told.startswith("missing: patch clusterreports.openreports.io: reports of findings")
        ground.put(job.SITES, job.make_object(job.SITES, "poor", size=2))

        def holds() -> bool:
            said = ground.auditor("status")
            return (
                "reports cannot be written" in said.stdout and 'cannot patch resource "clusterreports"' in said.stdout
            )

        wait(holds, why=lambda: ground.auditor("status").stdout)
    ground.client.delete(job.SITES, "poor")


def test_conversions_that_may_not_be_registered(ground: Ground) -> None:
    with take_away(ground, f"{DOOR}-derived", {"patch"}, "customresourcedefinitions"):
        wait(lambda: "patch" not in str(ground.client.get(ROLES["ClusterRole"], f"{DOOR}-extended")["rules"][0]))
        seen = logged(ground, "webhook", JARS.name, 'cannot patch resource \\"customresourcedefinitions\\"')
        conversion = {"spec": {"conversion": {"strategy": "None", "webhook": None}}}
        ground.client.patch_merge(CRDS, JARS.name, conversion)
        wait(seen, why=lambda: ground.running["webhook"].text[-3000:])
    wait(lambda: ground.client.get(CRDS, JARS.name)["spec"]["conversion"]["strategy"] == "Webhook")


def test_status_that_may_not_be_written(ground: Ground) -> None:
    with take_away(ground, WATCH, {"update"}, "policies/status"):
        seen = logged(ground, "watch", 'cannot update resource \\"policies/status\\"')
        ground.put(JARS, job.make_object(JARS, "seen", size=2))
        wait(seen, why=lambda: ground.running["watch"].text[-3000:])


def test_secrets_that_may_not_be_read(ground: Ground) -> None:
    with take_away(ground, f"Role/{WATCH}-derived", {"get"}, "secrets"):
        ground.put(JARS, job.make_object(JARS, "secret", size=2))

        def told() -> str:
            return str(ground.client.get(NOTIFICATIONS, "it").get("status"))

        wait(lambda: "the Secret auditor-deliveries may not be read: the watcher needs get on it" in told(), why=told)


def test_a_kind_that_may_not_be_read(ground: Ground) -> None:
    """And what the status says to do is enough."""
    with take_away(ground, f"{WATCH}-derived", {"list", "watch", "get"}, "jars"):
        wait(lambda: "jars" not in str(ground.client.get(ROLES["ClusterRole"], f"{WATCH}-extended")["rules"]))
        for name in ("watch", "dashboard"):
            ground.running.pop(name).stop()
        ground.running |= ground.workloads.start(WATCH)

        def told() -> str:
            return ground.auditor("status").stdout

        wait(lambda: f"{JARS.name}: cannot be read" in told(), why=told)
        (line,) = [each for each in told().splitlines() if f"{JARS.name}: cannot be read" in each]
        commands = line.partition("To grant it: ")[2].split(" && ")
        assert (
            commands[0]
            == f"kubectl create clusterrole auditor-read-{JARS.name} --verb=get,list,watch --resource={JARS.name}"
        )
        for command in commands:
            ground.sandbox.kubectl(*command.removeprefix("kubectl ").rstrip(".").split())
        assert ground.check()["clean"] is True
        asked = ("auth", "can-i", "watch", JARS.name, f"--as=system:serviceaccount:{NAMESPACE}:{WATCH}", "-A")
        assert ground.sandbox.kubectl(*asked).stdout.strip() == "yes"
    for kind in ("clusterrole", "clusterrolebinding"):
        ground.sandbox.kubectl("delete", kind, f"auditor-read-{JARS.name}")


def test_too_much_is_told(ground: Ground) -> None:
    kubectl = ground.sandbox.kubectl
    kubectl("create", "rolebinding", "more", "-n", "shop", "--clusterrole=view", f"--serviceaccount={NAMESPACE}:{DOOR}")
    try:
        found = ground.check()
        (door,) = [each for each in found["accounts"] if each["account"] == DOOR]
        assert door["missing"] == []
        assert {each["by"] for each in door["tooMuch"]} == {"ClusterRole view, bound by RoleBinding shop/more"}
        assert {each["namespace"] for each in door["tooMuch"]} == {"shop"}
    finally:
        kubectl("delete", "rolebinding", "more", "-n", "shop")


def test_without_any_option_the_parts_are_found(ground: Ground) -> None:
    """The dashboard by its binding: it has the account of the watcher."""
    said = ground.auditor("rbac", "--check", "--secret", "auditor-deliveries")
    assert (said.returncode, said.stderr) == (0, ""), said.stdout
    assert f"watch, dashboard (ServiceAccount {NAMESPACE}/{WATCH}): exactly what it needs" in said.stdout


def test_what_may_not_be_checked(ground: Ground) -> None:
    said = ground.auditor("rbac", "--check", account=SCANNER)
    assert said.returncode == 3
    assert "clusterrolebindings" in said.stderr or "reportschedules" in said.stderr
