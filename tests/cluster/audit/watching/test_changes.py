"""What is judged again when something changes, and that nothing else is: counted."""

from datetime import UTC, datetime, timedelta

from auditor.json import JsonObject
from tests.cluster.audit.watching.conftest import NAMESPACE, World, until

ODD = "object.spec.n % 2 == 1"


def added(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    return {reason: count - before.get(reason, 0) for reason, count in after.items() if count != before.get(reason, 0)}


def test_an_object_that_changes_is_judged_and_no_other(world: World) -> None:
    world.install()
    world.put(world.policy("odd", ODD), *(world.thing(f"t{i}", n=1) for i in range(3)))
    world.watch()
    world.wait_settled()
    before = world.judged()
    world.put(world.thing("t1", n=2))
    world.wait_found({"default/t1": {"odd/r"}})
    world.put(world.thing("t1", n=3))
    world.wait_found({})
    assert added(before, world.judged()) == {"watch": 2}


def test_a_policy_is_judged_on_its_kind_and_alone(world: World) -> None:
    world.install()
    world.install(world.crd(plural="others"))
    world.put(
        world.policy("odd", ODD),
        world.policy("small", "object.spec.n < 10"),
        *(world.thing(f"t{i}", n=i) for i in range(4)),
        world.thing("o", kind="Other", n=2),
    )
    world.watch()
    world.wait_found({"default/t0": {"odd/r"}, "default/t2": {"odd/r"}})
    world.wait_settled(f"others.{world.group}")
    before, rules = world.judged(), world.evaluated("policy")
    world.put(world.policy("small", "object.spec.n < 3"))
    world.wait_found({"default/t0": {"odd/r"}, "default/t2": {"odd/r"}, "default/t3": {"small/r"}})
    assert added(before, world.judged()) == {"policy": 4}
    assert world.evaluated("policy") - rules == 4, "the other policy was not asked"


def test_a_policy_that_matches_nothing_new_costs_nothing(world: World) -> None:
    world.install()
    world.put(world.policy("odd", ODD), world.thing("t", n=2))
    world.watch()
    world.wait_found({"default/t": {"odd/r"}})
    before = world.judged()
    world.put(world.policy("elsewhere", "false", resource="nothings"))
    until(lambda: f"elsewhere.{world.group}" in (world.watcher.live.view.policies if world.watcher.live.view else ()))
    world.put(world.thing("sign", n=2))  # what comes after it has been seen, so has the policy
    world.wait_found({"default/t": {"odd/r"}, "default/sign": {"odd/r"}})
    world.wait_quiet()
    assert added(before, world.judged()) == {"watch": 1}


def test_a_policy_that_goes_costs_nothing(world: World) -> None:
    world.install()
    world.put(world.policy("odd", ODD), world.policy("small", "object.spec.n < 2"), world.thing("t", n=2))
    world.watch()
    world.wait_found({"default/t": {"odd/r", "small/r"}})
    before = world.judged()
    world.delete("policies.auditor.dev", f"odd.{world.group}")
    world.wait_found({"default/t": {"small/r"}})
    assert added(before, world.judged()) == {}


def test_labels_of_a_namespace_touch_those_who_ask_for_them(world: World) -> None:
    world.install()
    name = f"n{world.group[:8]}"
    namespace: JsonObject = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {}}}
    production = {"matchLabels": {"env": "production"}}
    matched = world.policy("production", "false")
    matched["spec"]["match"]["namespaceSelector"] = production
    world.put(namespace, matched, world.policy("odd", ODD), world.thing("t", name, n=1), world.thing("t", n=1))
    world.watch()
    world.wait_settled()
    assert world.found() == {}
    before = world.judged()
    namespace["metadata"]["labels"] = {"env": "production"}
    world.put(namespace)
    world.wait_found({f"{name}/t": {"production/r"}})
    namespace["metadata"]["labels"] = {}
    world.put(namespace)
    world.wait_found({})
    assert added(before, world.judged()) == {"namespace": 2}


def test_an_exception_excuses_and_ends_by_itself(world: World) -> None:
    world.install()
    world.put(world.policy("odd", ODD, exceptions={"namespaceSelector": {}}), world.thing("t", n=2))
    world.watch()
    world.wait_found({"default/t": {"odd/r"}})

    def results() -> set[str]:
        with world.heard.changed:
            found = world.heard.open.get((world.kind_name, "default/t"), {})
            return {str(each.result) for each in found.values()}

    ends = datetime.now(UTC) + timedelta(seconds=4)
    world.put(
        {
            "apiVersion": "auditor.dev/v1",
            "kind": "PolicyException",
            "metadata": {"name": "for-now", "namespace": "default"},
            "spec": {
                "policies": [f"odd.{world.group}"],
                "owner": "team",
                "reason": "migration of the team",
                "expires": ends.strftime("%Y-%m-%dT%H:%M:%SZ"),
            },
        }
    )
    world.heard.wait(lambda: results() == {"skip"}, results)
    world.heard.wait(lambda: results() == {"fail"}, results)
    assert datetime.now(UTC) >= ends - timedelta(seconds=1)
    world.delete("policyexceptions.auditor.dev", "for-now", "-n", "default")


def test_what_others_look_up_touches_those_who_may_find_it(world: World) -> None:
    """Indexed by the host: of a thousand, those of the same host are judged again."""
    world.install()
    lookups = [{"name": "peers", "resource": {"group": world.group, "resource": "things"}, "indexedBy": "/spec/host"}]
    unique = world.policy("unique", "size(lookups.peers) == 0", lookups=lookups)
    world.put(unique, *(world.thing(f"t{i}", host=f"h{i}") for i in range(4)))
    world.watch()
    world.wait_settled()
    world.wait_quiet()
    before = world.judged()
    world.put(world.thing("rival", host="h2"))
    world.wait_found({"default/t2": {"unique/r"}, "default/rival": {"unique/r"}})
    world.put(world.thing("rival", host="other"))
    world.wait_found({})
    world.wait_quiet()
    assert added(before, world.judged()) == {"watch": 2, "lookup": 2}


def test_params_touch_the_policies_that_read_them(world: World) -> None:
    world.install()
    params: JsonObject = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"limits-{world.group[:8]}", "namespace": NAMESPACE},
        "data": {"max": "5"},
    }
    limited = world.policy(
        "limited",
        "object.spec.n <= int(params.data.max)",
        paramKind={"apiVersion": "v1", "kind": "ConfigMap"},
        paramRef={"name": params["metadata"]["name"], "namespace": NAMESPACE, "parameterNotFoundAction": "Deny"},
    )
    world.put(params, limited, world.policy("odd", ODD), world.thing("t", n=7))
    world.watch()
    world.wait_found({"default/t": {"limited/r"}})
    params["data"]["max"] = "9"
    world.put(params)
    world.wait_found({})


def test_settings_touch_the_kinds_for_which_they_differ(world: World) -> None:
    world.install()
    world.put(world.policy("odd", ODD), world.thing("t", n=2))
    world.watch()
    world.wait_found({"default/t": {"odd/r"}})
    config: JsonObject = {
        "apiVersion": "auditor.dev/v1",
        "kind": "AuditConfig",
        "metadata": {"name": "default"},
        "spec": {"kinds": [{"group": world.group, "resource": "things", "checks": {"policy": {"enabled": False}}}]},
    }
    world.put(config)
    world.wait_found({})
    config["spec"] = {"exclude": {"namespaces": ["elsewhere"]}}
    world.put(config)
    world.wait_found({"default/t": {"odd/r"}})
    config["spec"] = {"exclude": {"namespaces": ["default"]}}
    world.put(config)
    world.wait_found({})
    world.delete("auditconfig", "default")
    world.wait_found({"default/t": {"odd/r"}})


def test_a_native_policy_is_audited_as_it_is(world: World) -> None:
    world.install()
    name = f"native.{world.group}"
    rule = {"apiGroups": [world.group], "apiVersions": ["*"], "resources": ["things"], "operations": ["CREATE"]}
    spec = {"matchConstraints": {"resourceRules": [rule]}, "validations": [{"expression": ODD}]}
    api = "admissionregistration.k8s.io/v1"
    metadata = {"name": name}
    world.put(world.thing("t", n=2))
    world.put({"apiVersion": api, "kind": "ValidatingAdmissionPolicy", "metadata": metadata, "spec": spec})
    world.watch()
    world.wait_settled()
    assert world.found() == {}, "without a binding it is in force nowhere"
    bound = {"policyName": name, "validationActions": ["Warn", "Audit"]}
    world.put({"apiVersion": api, "kind": "ValidatingAdmissionPolicyBinding", "metadata": metadata, "spec": bound})
    world.wait_found({"default/t": {"ValidatingAdmissionPolicy/native/native/validations[0]"}})


def test_everything_is_judged_again_in_the_end(world: World) -> None:
    world.install()
    world.put(world.policy("odd", ODD), world.thing("t", n=2))
    world.watch(resync=1)
    world.wait_found({"default/t": {"odd/r"}})
    until(lambda: world.judged().get("resync", 0) > 0 or world.judged().get("kind", 0) > 0)
