"""Which exception, if any, excuses an object from a rule."""

from datetime import datetime

from auditor.dataclass import dataclass
from auditor.engine.match import compile_match, selects
from auditor.model.exception import PolicyException
from auditor.model.policy import Policy
from auditor.model.request import Request

ALL = "*"


@dataclass(frozen=True, slots=True)
class Excuse:
    name: str
    until: datetime


def find_excuse(policy: Policy, rule: str, request: Request) -> Excuse | None:
    """The one that lasts longest, so that a verdict does not change when a shorter one ends."""
    if policy.exceptions is None or not request.world.exceptions:
        return None
    found = [each for each in request.world.exceptions if _excuses(each, policy, rule, request)]
    if not found:
        return None
    last = max(found, key=lambda each: (each.expires, each.full_name))
    return Excuse(last.full_name, last.expires)


def _excuses(each: PolicyException, policy: Policy, rule: str, request: Request) -> bool:
    """Its own namespace only; for cluster-scoped objects those of our own namespace count."""
    if each.expires <= request.time or each.namespace != (request.namespace or request.world.own_namespace):
        return False
    if policy.name not in each.policies and ALL not in each.policies:
        return False
    if each.rules and rule not in each.rules:
        return False
    if policy.exceptions is None or not selects(policy.exceptions, _labels(each, request)):
        return False
    return each.match is None or compile_match(each.match)(request, request.world.kinds).matched


def _labels(each: PolicyException, request: Request) -> dict[str, str]:
    metadata = (request.namespace_object or {}).get("metadata") or {} if request.namespace else {}
    return {**(metadata.get("labels") or {}), "kubernetes.io/metadata.name": each.namespace}
