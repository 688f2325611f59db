"""A try of each mutating policy on a made-up object, when it is loaded: does it leave alone what it has changed?

Cases (`auditor test`) say more; a probe needs none, and finds what counts up or appends at every call.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from auditor.engine.compiled import CompiledPolicy
from auditor.engine.match import PolicyIndex
from auditor.engine.mistakes import Mistake
from auditor.engine.mutate import UNSETTLED, mutate
from auditor.model.match import MatchResources, ResourceRule
from auditor.model.request import GroupVersionKind, GroupVersionResource, Operation, Request, User


def probe(policies: Iterable[CompiledPolicy]) -> Iterator[Mistake]:
    """Warnings only: a mutation that fails on the made-up object may be right on real ones."""
    for policy in policies:
        if not policy.mutations or policy.policy.native:
            continue
        request = _make_request(policy.policy.matches[0])
        if request is None:
            continue
        index = PolicyIndex([(policy.matches[0], policy)])
        for finding in mutate(index, request).findings:
            if UNSETTLED in finding.message:
                what = f"{finding.message}. Write it so that a second time changes nothing"
                yield Mistake(policy=policy.policy.name, pointer="/spec/mutate", message=what, warning=True)


def _make_request(match: MatchResources) -> Request | None:
    """For the first kind that the policy names; None where it names none or does not concern new objects."""
    rule = next((rule for rule in match.rules if _names_one(rule)), None)
    if rule is None:
        return None
    group = min(rule.groups)
    version = min(rule.versions - {"*"}, default="v1")
    labels = {each.key: min(each.values, default="") for each in match.objects.requirements}
    thing = {
        "apiVersion": f"{group}/{version}" if group else version,
        "kind": "Probe",
        "metadata": {"name": "probe", "namespace": "default", "labels": labels},
        "spec": {},
    }
    return Request(
        operation=Operation.CREATE,
        kind=GroupVersionKind(group, version, "Probe"),
        resource=GroupVersionResource(group, version, rule.resources[0][0]),
        object=thing,
        name="probe",
        namespace="default",
        user=User("probe"),
        namespace_object={"metadata": {"name": "default"}},
        time=datetime(2026, 1, 1, tzinfo=UTC),
    )


def _names_one(rule: ResourceRule) -> bool:
    new = bool(rule.operations & {"*", Operation.CREATE})
    return new and "*" not in rule.groups and rule.resources[0][0] != "*" and not rule.resources[0][1]
