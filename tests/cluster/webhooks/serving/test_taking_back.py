"""What is ours is deleted, by whom and how ever: a Conversion in use stays, and nobody who tidies up is held up."""

from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from auditor import crds
from auditor.cli.registration import command
from auditor.json import JsonObject
from tests.cluster.webhooks.serving.conftest import Stage, policy, thing_crd
from tests.cluster.webhooks.serving.running import wait

NAME = "books.example.com"


def conversion(**metadata: object) -> JsonObject:
    steps = [{"from": a, "to": b, "jq": "."} for a, b in (("v1", "v2"), ("v2", "v1"))]
    spec = {"resource": {"group": "example.com", "resource": "books"}, "steps": steps}
    return {
        "apiVersion": "auditor.dev/v1",
        "kind": "Conversion",
        "metadata": {"name": NAME, **metadata},
        "spec": spec,
    }


@pytest.fixture
def used(stage: Stage) -> Iterator[Stage]:
    """A CRD with two versions that we convert."""
    crd = thing_crd()
    crd["metadata"]["name"] = NAME
    crd["spec"]["names"] = {"plural": "books", "singular": "book", "kind": "Book"}
    stage.put(crd, conversion())
    stage.kubectl("wait", "--for=condition=Established", f"crd/{NAME}")
    converted(stage)
    yield stage
    stage.kubectl("delete", "crd", NAME, "--ignore-not-found")
    stage.kubectl("delete", "conversion", NAME, "--ignore-not-found")


def converted(stage: Stage) -> None:
    """Registered, and the door knows it, too."""
    stage.wait_condition("conversion", NAME, ("Registered", "True", "Registered"))
    wait(lambda: delete(stage, "--dry-run=server")[0] == 1, why=lambda: stage.program.text[-3000:])


def delete(stage: Stage, *options: str) -> tuple[int, str]:
    done = stage.kubectl("delete", "conversion", NAME, "--wait=false", *options)
    return done.returncode, done.stderr


def gone(stage: Stage, kind: str = "conversion", name: str = NAME) -> bool:
    return stage.kubectl("get", kind, name, "-o", "name", "--ignore-not-found").stdout == ""


def test_one_in_use_stays_and_kubectl_says_what_to_do(used: Stage) -> None:
    code, said = delete(used)
    assert code == 1
    assert "Error from server (Forbidden)" in said
    assert f"{NAME} is converted by this, between v1 and v2. First let the CRD no longer serve v2. Or insist" in said
    # All together is asked for one by one.
    collection = used.kubectl("delete", "--raw", "/apis/auditor.dev/v1/conversions")
    assert (collection.returncode, NAME in collection.stderr) == (1, True), collection
    assert not gone(used)
    used.kubectl(
        "patch", "crd", NAME, "--type=json", "-p", '[{"op":"replace","path":"/spec/versions/1/served","value":false}]'
    )
    wait(lambda: delete(used)[0] == 0, why=lambda: str(delete(used)))
    assert gone(used)


def test_who_insists_is_warned(used: Stage) -> None:
    assert used.kubectl("annotate", "conversion", NAME, "auditor.dev/delete=anyway").returncode == 0
    code, said = delete(used)
    assert code == 0
    assert "Warning: from now on: books.example.com: clients that use v2 get objects as they are in v1" in said


def test_it_goes_after_its_crd(used: Stage) -> None:
    assert used.kubectl("delete", "crd", NAME).returncode == 0
    wait(lambda: delete(used)[0] == 0, why=lambda: str(delete(used)))


def test_garbage_collection_goes_on(used: Stage) -> None:
    assert used.kubectl("create", "clusterrole", "tenant", "--verb=get", "--resource=pods").returncode == 0
    uid = used.kubectl("get", "clusterrole", "tenant", "-o", "jsonpath={.metadata.uid}").stdout
    owner = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "name": "tenant", "uid": uid}
    used.put(conversion(ownerReferences=[owner]))
    assert delete(used)[0] == 1
    used.kubectl("delete", "clusterrole", "tenant")
    wait(lambda: gone(used), 60.0)  # the collector looks for new kinds twice a minute


def test_our_own_crd_can_be_removed_with_all_that_is_in_it(used: Stage) -> None:
    try:
        assert used.kubectl("delete", "crd", "conversions.auditor.dev", "--timeout=20s").returncode == 0
    finally:
        source = next(each for each in crds.names() if "conversions.auditor.dev" in crds.read(each))
        used.cluster.kubectl("apply", "--server-side", "-f", "-", stdin=crds.read(source))
        used.kubectl("wait", "--for=condition=Established", "crd/conversions.auditor.dev")
    assert gone(used)


def test_policies_go_at_any_time(stage: Stage) -> None:
    stage.put(policy("taken-back", {"name": "never", "cel": "false"}))
    stage.wait_condition("policy", "taken-back", ("Ready", "True", "InForce"))
    assert stage.kubectl("delete", "policy", "taken-back").returncode == 0


def test_without_the_webhook_and_after_an_uninstall_nothing_holds_it(used: Stage) -> None:
    """The last one here: it ends what the others use."""
    used.program.stop()
    assert delete(used)[0] == 0
    assert gone(used)
    used.put(conversion())
    options = ["--kubeconfig", str(used.cluster.kubeconfig), "--url", f"https://127.0.0.1:{used.program.port}"]
    done = CliRunner().invoke(command, ["remove", *options], standalone_mode=False)
    assert done.return_value == 1, done.output  # something is lost, and told
    assert f"lost: {NAME}: clients that use v2" in done.output
    assert "removed: ValidatingWebhookConfiguration auditor" in done.output
    assert delete(used) == (0, "")
