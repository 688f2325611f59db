"""What a pack holds, as data: `auditor packs list` and `show` print it, the pages about controls and packs are made of
it."""

from collections.abc import Iterable

from auditor.dataclass import dataclass
from auditor.engine.read import name_of
from auditor.intake.packs.pack import Pack
from auditor.json import JsonObject
from auditor.model.policy import Enforcement, Policy, Rule


@dataclass(frozen=True, slots=True)
class Mapped:
    """A rule with what its policy says for it where it says nothing."""

    policy: Policy
    rule: Rule

    @property
    def name(self) -> str:
        return f"{self.policy.name}/{self.rule.name}"

    @property
    def controls(self) -> tuple[str, ...]:
        """Those that its findings name."""
        return tuple(dict.fromkeys((*self.policy.controls, *self.rule.controls)))

    @property
    def remediation(self) -> str:
        return self.rule.remediation or self.policy.remediation

    @property
    def enforcement(self) -> Enforcement:
        return self.rule.enforcement or self.policy.enforcements[0]

    def describe(self) -> JsonObject:
        rule, policy = self.rule, self.policy
        return {
            "name": rule.name,
            "language": "jq" if rule.language == "deny" else str(rule.language),
            "severity": str(rule.severity or policy.severity),
            "enforcement": str(self.enforcement),
            "message": rule.message,
            **({"messageExpression": rule.message_expression} if rule.message_expression else {}),
            "controls": [*self.controls],
            "remediation": self.remediation,
        }


def list_rules(pack: Pack) -> tuple[Mapped, ...]:
    return tuple(Mapped(policy, rule) for policy in pack.read_policies() for rule in policy.rules)


def map_controls(packs: Iterable[Pack]) -> dict[str, list[tuple[Pack, Mapped]]]:
    """Each control, in the order of their identifiers, with the rules that give evidence for it."""
    found: dict[str, list[tuple[Pack, Mapped]]] = {}
    for pack in packs:
        for rule in list_rules(pack):
            for control in rule.controls:
                found.setdefault(control, []).append((pack, rule))
    return dict(sorted(found.items(), key=lambda each: _natural(each[0])))


def _natural(control: str) -> list[tuple[bool, int, str]]:
    """A.8.9 before A.8.13."""
    parts = control.replace("-", ".").split(".")
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]


def summarize(pack: Pack) -> JsonObject:
    policies = pack.read_policies()
    return {
        "name": pack.name,
        "title": pack.title,
        "kinds": [*_kinds(pack)],
        "policies": len(policies),
        "rules": sum(len(each.rules) for each in policies),
        "mutations": sum(len(each.mutations) for each in policies),
        "ownCrds": bool(pack.crds),
        "summary": pack.summary,
    }


def _kinds(pack: Pack) -> Iterable[str]:
    """First those that the pack defines, by their kinds; others by their group, as RBAC writes them."""
    targets = pack.targets()
    own = {(crd["spec"]["group"], crd["spec"]["names"]["plural"]): crd["spec"]["names"]["kind"] for crd in pack.crds}
    yield from (kind for target, kind in own.items() if target in targets)
    if any("*" in target for target in targets):
        yield "any custom resource"
        return
    groups: dict[str, list[str]] = {}
    for group, resource in targets:
        if (group, resource) not in own:
            groups.setdefault(group, []).append(resource)
    for group, resources in groups.items():
        yield f"{', '.join(resources)} ({group})" if group else ", ".join(resources)


def describe(pack: Pack) -> JsonObject:
    raw = {name_of(each): each for each in pack.policies}
    return {
        **summarize(pack),
        "policies": [_describe_policy(each, raw[each.name]) for each in pack.read_policies()],
        "crds": [_describe_crd(each) for each in pack.crds],
        "conversions": [
            {"name": name_of(each), "steps": [f"{step['from']} -> {step['to']}" for step in each["spec"]["steps"]]}
            for each in pack.conversions
        ],
    }


def _describe_policy(policy: Policy, written: JsonObject) -> JsonObject:
    return {
        "name": policy.name,
        "title": policy.title,
        "description": policy.description,
        "exceptions": policy.exceptions is not None,
        "rules": [Mapped(policy, rule).describe() for rule in policy.rules],
        "mutations": [mutation.name for mutation in policy.mutations],
        "params": written["spec"].get("params") or {},
    }


def _describe_crd(crd: JsonObject) -> JsonObject:
    spec = crd["spec"]
    return {
        "name": name_of(crd),
        "kind": spec["names"]["kind"],
        "scope": spec["scope"],
        "versions": [version["name"] for version in spec["versions"]],
        "storage": next(version["name"] for version in spec["versions"] if version["storage"]),
    }
