"""The CRDs of the other reports come when they are asked for; who may not create them goes on all the same."""

from collections.abc import Iterator

import pytest

from auditor.cluster import Resource
from auditor.cluster.resource import CRDS
from auditor.errors import ApiError
from tests.cluster.audit.conftest import CONFIGS, ODD, POLICIES, Stage, Start, policy
from tests.cluster.audit.running import wait

OTHERS = Resource("wgpolicyk8s.io", "v1alpha2", "policyreports", "PolicyReport", namespaced=True)
NAMES = {"policyreports.wgpolicyk8s.io", "clusterpolicyreports.wgpolicyk8s.io"}


def installed(stage: Stage) -> set[str]:
    return {each["metadata"]["name"] for each in stage.client.list(CRDS)} & NAMES


@pytest.fixture
def absent(stage: Stage) -> Iterator[None]:
    assert installed(stage) == set()
    yield
    for name in NAMES:
        stage.delete(CRDS, name)
    wait(lambda: installed(stage) == set())


def choose_other_reports(stage: Stage) -> None:
    spec = {"reports": {"api": "wgpolicyk8s"}}
    config = {"apiVersion": CONFIGS.api_version, "kind": CONFIGS.kind, "metadata": {"name": "default"}, "spec": spec}
    stage.put(CONFIGS, config)


def reported(stage: Stage) -> set[str]:
    try:
        return {each["scope"]["uid"] for each in stage.client.list(OTHERS)}
    except ApiError:
        return set()


@pytest.mark.timeout(120)
@pytest.mark.usefixtures("absent")
def test_they_come_when_the_settings_change(stage: Stage, start: Start) -> None:
    stage.put(POLICIES, policy("one", ODD))
    uid = stage.write("bad", replicas=2)
    program = start("--report-crds")
    stage.wait_results(uid, {"one/odd": "fail"}, program)
    assert installed(stage) == set(), "not before they are wanted"
    choose_other_reports(stage)
    wait(lambda: reported(stage) == {uid}, why=lambda: program.text[-3000:])
    assert installed(stage) == NAMES
    assert program.stop() < 10


@pytest.mark.timeout(120)
@pytest.mark.usefixtures("absent")
def test_they_do_not_come_unasked(stage: Stage, start: Start) -> None:
    choose_other_reports(stage)
    stage.put(POLICIES, policy("one", ODD))
    stage.write("bad", replicas=2)
    program = start()
    wait(lambda: program.count("auditor_reports_in_trouble") == 1, why=lambda: program.text[-3000:])
    assert installed(stage) == set()
