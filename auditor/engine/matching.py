"""Whether a policy is for a request at all, by all its matches and the version that it wants."""

from typing import Final

from auditor.engine.compiled import CompiledPolicy
from auditor.model.request import Request

# No native policy is asked about these: a wrong one could not be repaired.
_EXEMPT: Final = frozenset(
    f"{kind}admission{what}" for kind in ("validating", "mutating") for what in ("policies", "policybindings")
) | {"validatingwebhookconfigurations", "mutatingwebhookconfigurations"}


def is_native_exempt(request: Request) -> bool:
    return request.resource.group == "admissionregistration.k8s.io" and request.resource.resource in _EXEMPT


def find_match(policy: CompiledPolicy, request: Request) -> tuple[bool, str]:
    """Whether all matches say yes, and else what is wrong, if anything is.

    The version is that of the policy's own match, the first; a binding only narrows down.
    """
    for index, program in enumerate(policy.matches):
        matched = program(request, request.world.kinds)
        if matched.error:
            return False, matched.reason
        if not matched.matched:
            return False, ""
        if index == 0 and matched.kind != request.kind:
            wanted = matched.kind.api_version if matched.kind else ""
            return False, (
                f"the policy wants {wanted}, the object is {request.kind.api_version}, and no Conversion leads there"
            )
    return True, ""
