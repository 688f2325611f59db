"""The rights that docs/watcher.md lists are enough for all that a watcher does."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from auditor.audit.schedules import SCHEDULES
from auditor.cluster import Client
from auditor.cluster.resource import LEASES, SECRETS
from auditor.errors import NotFoundError
from auditor.json import Json, JsonObject
from auditor.sandbox import Sandbox
from tests.cluster.audit.conftest import CONFIGS, NAMESPACE, ODD, POLICIES, Stage, Start, policy
from tests.cluster.audit.running import Watch, wait

PAGE = Path(__file__).parents[3] / "docs" / "watcher.md"
NAME = "auditor-rights"
ACCOUNT: JsonObject = {"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}
SCHEDULE: JsonObject = {"apiVersion": SCHEDULES.api_version, "kind": SCHEDULES.kind}
REFUSED = re.compile(r'\{code="403",resource="([^"]+)"')


def roles() -> list[JsonObject]:
    (text,) = re.findall(r"## Rights\n.*?```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return list(yaml.safe_load_all(text))


@pytest.fixture
def account(cluster: Sandbox) -> Path:
    metadata: JsonObject = {"name": NAME, "namespace": NAMESPACE}
    things: list[Json] = [{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}]
    for role in roles():
        kind, metadata = role["kind"], {**role["metadata"], "name": NAME}
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": NAME}
        binding = {"apiVersion": role["apiVersion"], "kind": f"{kind}Binding", "metadata": metadata}
        things += [{**role, "metadata": metadata}, {**binding, "roleRef": reference, "subjects": [ACCOUNT]}]
    cluster.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(things))
    return cluster.service_account_kubeconfig(NAMESPACE, NAME)


def refused(program: Watch) -> set[str]:
    return {match[1] for name in program.metrics() if (match := REFUSED.search(name))}


def written(program: Watch, verb: str, resource: str) -> bool:
    code = "201" if verb == "create" else "200"
    return program.count("auditor_cluster_calls_total", verb=verb, resource=resource, code=code) > 0


@pytest.fixture(autouse=True)
def cleared(client: Client) -> Iterator[None]:
    yield
    client.delete_collection(SCHEDULES)


def leave_delivery(client: Client) -> None:
    """It is due, and needs a Secret whose name the page has; that has not what is looked for in it."""
    secret: JsonObject = {"name": "auditor-deliveries", "namespace": NAMESPACE}
    client.apply(SECRETS, {"apiVersion": "v1", "kind": "Secret", "metadata": secret}, force=True)
    webhook = {"urlFrom": {"secret": "auditor-deliveries", "key": "url"}}
    spec: JsonObject = {"schedule": "0 0 1 1 *", "deliveries": [{"name": "chat", "webhook": webhook}]}
    thing = client.apply(SCHEDULES, {**SCHEDULE, "metadata": {"name": "rights"}, "spec": spec}, force=True)
    due = thing["metadata"]["creationTimestamp"]
    entry = {"name": "chat", "due": due, "start": due, "end": due, "state": "Pending", "attempts": 0}
    client.update(SCHEDULES, {**thing, "status": {"deliveries": [entry]}}, subresource="status")


@pytest.mark.timeout(120)
def test_they_are_enough(stage: Stage, start: Start, client: Client, account: Path, tmp_path: Path) -> None:
    for resource, name, namespace in ((LEASES, "auditor-watch", NAMESPACE), (CONFIGS, "default", "")):
        with contextlib.suppress(NotFoundError):
            client.delete(resource, name, namespace=namespace)  # both are to be made by the watcher
    stage.put(POLICIES, policy("one", ODD))
    leave_delivery(client)
    database = f"sqlite:///{tmp_path}/history.db"
    program = start("--door-service", "auditor-webhook", "--database-url", database, kubeconfig=account)
    bad = stage.write("bad", replicas=3)
    wait(lambda: "leads now" in program.text, why=lambda: program.text)
    judged = "auditor_audit_last_complete_pass_timestamp_seconds"
    wait(lambda: program.count(judged, kind="things.example.com") > 0, why=lambda: program.text)
    stage.write("bad", replicas=2)  # from now on: of what was there at the start no Event tells
    stage.wait_results(bad, {"one/odd": "fail"}, program)
    wait(lambda: written(program, "create", "events.events.k8s.io"), why=lambda: program.text)
    wait(lambda: written(program, "update", f"{CONFIGS.name}/status"), why=lambda: program.text)
    wait(lambda: written(program, "update", f"{POLICIES.name}/status"), why=lambda: program.text)
    wait(lambda: written(program, "update", f"{SCHEDULES.name}/status"), why=lambda: program.text)
    wait(lambda: "has no url" in str(client.get(SCHEDULES, "rights")["status"]), why=lambda: program.text)
    stage.write("bad", replicas=5)
    wait(lambda: "one/odd" not in stage.results(bad), why=lambda: program.text)
    assert refused(program) == set()
