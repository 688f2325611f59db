"""What a person sees who works with kubectl."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster.webhooks.serving.conftest import Stage, policy, thing
from tests.cluster.webhooks.serving.running import wait

SIZE = {
    "name": "size",
    "cel": "object == null || !has(object.spec.size) || object.spec.size < 10",
    "message": "must be smaller than 10",
}
LOCKED = {"name": "locked", "cel": "request.operation != 'DELETE' || !has(oldObject.metadata.labels.locked)"}


@pytest.fixture(scope="module")
def judged(stage: Stage) -> Iterator[Stage]:
    """By a policy that denies, one that warns, and one that mutates."""
    stage.put(
        policy("deny", SIZE, LOCKED),
        policy("warn", {"name": "owner", "jq": ". == null or (.metadata.labels.owner != null)"}, enforcement="Warn"),
        policy("fill", mutate=[{"name": "class", "jq": '.spec.class //= "standard"'}], operations="CREATE,UPDATE"),
    )
    stage.wait_refused(thing("probe", size=10), "deny/size")
    yield stage
    stage.kubectl("delete", "policy", "deny", "warn", "fill")
    stage.kubectl("delete", "things", "--all", "-n", "shop")


def create(stage: Stage, name: str, **spec: Any) -> None:
    done = stage.kubectl("create", "-f", "-", thing=thing(name, **spec))
    assert done.returncode == 0, done.stderr


def test_a_creation_is_denied_warned_of_and_mutated(judged: Stage) -> None:
    denied = judged.kubectl("create", "-f", "-", thing=thing("large", size=12))
    assert denied.returncode == 1
    assert 'The Thing "large" is invalid: spec.size: deny/size: must be smaller than 10' in denied.stderr
    warned = judged.kubectl("create", "-f", "-", thing=thing("ownerless", size=1))
    assert warned.returncode == 0
    assert "Warning: " in warned.stderr
    assert "warn/owner" in warned.stderr
    found = judged.kubectl("get", "thing", "ownerless", "-n", "shop", "-o", "jsonpath={.spec.class}")
    assert found.stdout == "standard"


def test_each_way_to_write_is_judged(judged: Stage) -> None:
    create(judged, "written", size=1)
    for arguments, body in (
        (("apply", "-f", "-"), thing("written", size=12)),
        (("apply", "--server-side", "--force-conflicts", "-f", "-"), thing("written", size=12)),
        (("replace", "-f", "-"), thing("written", size=12)),
        (("patch", "thing", "written", "-n", "shop", "--type=merge", "-p", '{"spec":{"size":12}}'), None),
        (
            (
                "patch",
                "thing",
                "written",
                "-n",
                "shop",
                "--type=json",
                "-p",
                '[{"op":"replace","path":"/spec/size","value":12}]',
            ),
            None,
        ),
        (("apply", "--dry-run=server", "-f", "-"), thing("written", size=12)),
    ):
        done = judged.kubectl(*arguments, thing=body)
        assert done.returncode == 1, arguments
        assert "deny/size" in done.stderr, arguments
    found = judged.kubectl("get", "thing", "written", "-n", "shop", "-o", "jsonpath={.spec.size}")
    assert found.stdout == "1"


def test_deletions_are_judged_one_by_one_and_together(judged: Stage) -> None:
    body = thing("kept", labels={"locked": "yes", "set": "one"}, size=1)
    assert judged.kubectl("create", "-f", "-", thing=body).returncode == 0
    denied = judged.kubectl("delete", "thing", "kept", "-n", "shop")
    assert denied.returncode == 1
    assert "deny/locked" in denied.stderr
    assert "deny/locked" in judged.kubectl("delete", "things", "-n", "shop", "-l", "set=one").stderr
    judged.kubectl("label", "thing", "kept", "-n", "shop", "locked-")
    assert judged.kubectl("delete", "thing", "kept", "-n", "shop").returncode == 0


def test_a_dry_run_leaves_no_event_and_a_denial_one(judged: Stage) -> None:
    judged.kubectl("create", "--dry-run=server", "-f", "-", thing=thing("dry", size=12))
    judged.kubectl("create", "-f", "-", thing=thing("wet", size=12))
    create(judged, "updated", size=1)
    judged.kubectl("apply", "-f", "-", thing=thing("updated", size=12))

    def notes() -> str:
        return judged.kubectl("get", "events", "-n", "shop").stdout

    wait(lambda: "CREATE of Thing wet" in notes() and "UPDATE of Thing updated" in notes(), why=notes)
    assert "thing/updated" in notes()
    assert "dry" not in notes()


def test_describe_tells_what_was_refused(judged: Stage) -> None:
    """It looks for Events by the uid."""
    create(judged, "described", size=1)
    assert judged.kubectl("label", "thing", "described", "-n", "shop", "locked=yes").returncode == 0
    assert "deny/size" in judged.kubectl("apply", "-f", "-", thing=thing("described", size=12)).stderr
    assert "deny/locked" in judged.kubectl("delete", "thing", "described", "-n", "shop").stderr
    wrong = policy("deny", {"name": "size", "cel": "object.spec.size <"})
    assert "Syntax error" in judged.kubectl("apply", "-f", "-", thing=wrong).stderr

    def told(*which: str) -> str:
        return judged.kubectl("describe", *which).stdout

    mine = ("thing", "described", "-n", "shop")
    for words in ("UPDATE of Thing described by", "DELETE of Thing described by"):
        wait(lambda words=words: words in told(*mine), why=lambda: told(*mine))  # type: ignore[misc]
    assert "PolicyDenied" in told(*mine)
    wait(lambda: "UPDATE of Policy deny by" in told("policy", "deny"), why=lambda: told("policy", "deny"))
    judged.kubectl("label", "thing", "described", "-n", "shop", "locked-")


def test_describe_tells_what_was_refused_of_its_scale(judged: Stage) -> None:
    few = {"name": "few", "cel": "object.spec.replicas < 5"}
    judged.put(policy("scales", few, resource="things/scale"))
    try:
        create(judged, "steady", replicas=1)
        scale = ("scale", "thing", "steady", "-n", "shop", "--replicas=9")
        wait(lambda: "scales/few" in judged.kubectl(*scale).stderr, why=lambda: judged.program.text[-3000:])

        def told() -> str:
            return judged.kubectl("describe", "thing", "steady", "-n", "shop").stdout

        wait(lambda: "UPDATE of Thing/scale steady by" in told(), why=told)
    finally:
        judged.kubectl("delete", "policy", "scales")


def test_status_and_scale_pass_where_no_policy_is_for_them(judged: Stage) -> None:
    create(judged, "scaled", replicas=1)
    assert judged.kubectl("scale", "thing", "scaled", "-n", "shop", "--replicas=3").returncode == 0
    status = ("patch", "thing", "scaled", "-n", "shop", "--subresource=status", "--type=merge", "-p")
    assert judged.kubectl(*status, '{"status":{"replicas":3}}').returncode == 0


def test_a_kind_is_converted_and_a_conversion_that_fails_says_why(judged: Stage) -> None:
    steps = [
        {
            "from": "v1",
            "to": "v2",
            "jq": 'if .spec.size == 7 then error("no size: 7") else .spec.length = .spec.size | del(.spec.size) end',
        },
        {"from": "v2", "to": "v1", "jq": ".spec.size = .spec.length | del(.spec.length)"},
    ]
    spec = {"resource": {"group": "example.com", "resource": "things"}, "steps": steps}
    create(judged, "converted", size=4)
    create(judged, "unlucky", size=7)
    name = "things.example.com"
    judged.put({"apiVersion": "auditor.dev/v1", "kind": "Conversion", "metadata": {"name": name}, "spec": spec})
    try:
        judged.wait_condition("conversion", name, ("Ready", "True", "InForce"))

        def read(which: str) -> str:
            done = judged.kubectl("get", f"things.v2.example.com/{which}", "-n", "shop", "-o", "jsonpath={.spec}")
            return done.stdout + done.stderr

        wait(lambda: '"length":4' in read("converted"), why=lambda: read("converted") + judged.program.text[-3000:])
        assert "no size: 7" in read("unlucky")
    finally:
        # The CRD goes on to serve both versions.
        judged.kubectl("annotate", "conversion", name, "auditor.dev/delete=anyway")
        assert judged.kubectl("delete", "conversion", name).returncode == 0
        wait(lambda: judged.kubectl("get", "thing", "unlucky", "-n", "shop").returncode == 0)
