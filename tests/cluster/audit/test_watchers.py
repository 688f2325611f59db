"""Several watchers at once: each object is judged by one, no report is fought over, and who is killed has an heir."""

import itertools
from collections.abc import Callable

import pytest

from auditor.cluster import Resource
from tests.cluster.audit.conftest import ODD, POLICIES, Stage, Start, make_crd, policy
from tests.cluster.audit.running import Watch, wait
from tests.cluster.audit.truth import list_reports

KINDS = [f"kind{letter}s" for letter in "abcdefgh"]
OBJECTS = 3


def fill(stage: Stage) -> list[Resource]:
    stage.put(POLICIES, policy("one", ODD, resources=KINDS))
    found = [stage.install(make_crd(plural)) for plural in KINDS]
    for resource, number in itertools.product(found, range(OBJECTS)):
        stage.write(f"x{number}", resource=resource, replicas=number)
    return found


def owned(program: Watch) -> set[str]:
    names = (f"{plural}.example.com" for plural in KINDS)
    metrics = program.metrics()
    family = "auditor_audit_kind_stale"
    return {name for name in names if f'{family}{{kind="{name}"}}' in metrics}


def settled(programs: list[Watch]) -> Callable[[], bool]:
    """Each kind has one owner."""
    return lambda: sorted(itertools.chain(*map(owned, programs))) == sorted(f"{plural}.example.com" for plural in KINDS)


def versions(stage: Stage) -> dict[str, str]:
    return {each["metadata"]["name"]: each["metadata"]["resourceVersion"] for each in list_reports(stage.client)}


@pytest.mark.timeout(240)
def test_one_leads_and_is_killed(stage: Stage, start: Start) -> None:
    resources = fill(stage)
    one = start(quick=True)
    stage.wait_equal(one)
    two = start(quick=True)
    before = versions(stage)
    one.kill()
    stage.write("x1", resource=resources[0], replicas=8)
    stage.wait_equal(two)
    after = versions(stage)
    assert {name: version for name, version in after.items() if name in before} == before  # nothing written twice


@pytest.mark.timeout(300)
def test_three_share_and_one_is_killed(stage: Stage, start: Start) -> None:
    resources = fill(stage)
    programs = [start("--share", quick=True) for _ in range(3)]
    wait(settled(programs), why=lambda: str([*map(owned, programs)]))
    stage.wait_equal(*programs)
    before = versions(stage)
    victim = max(programs, key=lambda each: len(owned(each)))
    rest = [each for each in programs if each is not victim]
    victim.kill()
    wait(settled(rest), why=lambda: str([*map(owned, rest)]))
    for resource in resources:
        stage.write("x1", resource=resource, replicas=8)
    stage.wait_equal(*rest)
    after = versions(stage)
    assert {name: version for name, version in after.items() if name in before} == before
    assert rest[0].stop() < 10
    wait(settled(rest[1:]))
    for resource in resources:
        stage.write("x1", resource=resource, replicas=9)
    stage.wait_equal(*rest[1:])
