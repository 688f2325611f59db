"""What becomes of a request that cannot be judged, or not be asked about: one answer for the API server, which is told
it as the failurePolicy of a webhook, and for the door, where a review cannot be read or the engine fails.

What a policy says there is not yet it:
- A policy that denies nowhere must not do so by failing. What counts are its rules: where all of them say Audit, a
  policy that says Deny above them denies nothing.
- Mutations apply whatever the enforcement, and what they leave out cannot be made up for: there failurePolicy alone
  decides.
- Whoever may change our own kinds must be able to while a policy about them fails, or nobody could mend that.
"""

from auditor.engine.compiled import CompiledPolicy
from auditor.intake.load import OWN_GROUP
from auditor.model.policy import Enforcement, FailurePolicy, Policy, Rule


def effective_failure_policy(policy: CompiledPolicy, *, group: str, mutating: bool) -> FailurePolicy:
    """For objects of that API group."""
    fails = policy.policy.failure_policy is FailurePolicy.FAIL and group != OWN_GROUP
    if fails and (mutating or Enforcement.DENY in list_enforcements(policy)):
        return FailurePolicy.FAIL
    return FailurePolicy.IGNORE


def list_enforcements(policy: CompiledPolicy) -> set[Enforcement]:
    """Those that its rules may have, anywhere."""
    return {found for rule in policy.policy.rules for found in list_rule_enforcements(policy.policy, rule)}


def list_rule_enforcements(policy: Policy, rule: Rule) -> set[Enforcement]:
    """An override takes the place of what the rule says itself, and that of what the policy says."""
    own = {rule.enforcement} if rule.enforcement is not None else {*policy.enforcements}
    return own | {override.enforcement for override in policy.overrides}
