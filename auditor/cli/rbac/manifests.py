"""Rights as manifests: YAML with the reason of each rule as a comment, or objects."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from auditor.cli.rbac.parts import Part, Release
from auditor.model.rights import Right

GROUP = "rbac.authorization.k8s.io"
API_VERSION = f"{GROUP}/v1"
AGGREGATE = "auditor.dev/aggregate-to-"
"""The label of roles that extend those of a part; its value is the release."""
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9./-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    name: str
    namespace: str = ""
    """Empty: a ClusterRole."""
    rights: tuple[Right, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    aggregates: str = ""
    """The label by which its rules are found; its value is the release."""

    @property
    def kind(self) -> str:
        return "Role" if self.namespace else "ClusterRole"


def list_roles(part: Part, release: Release, *, derived_only: bool = False) -> Iterator[Role]:
    """What follows from policies stands in roles of its own, as the chart's are not to be changed by hand."""
    name = f"{release.name}-{part.name}"
    label = f"{AGGREGATE}{part.name}"
    if not derived_only:
        yield Role(name=name, rights=_wide(part.fixed if part.extended else part.rights))
        if narrow := _narrow(part.fixed):
            yield Role(name=name, namespace=release.namespace, rights=narrow)
        if part.extended:
            yield Role(name=f"{name}-extended", aggregates=label)
    if part.extended:
        labels = ((label, release.name),)
        yield Role(name=f"{name}-derived", rights=_wide(part.derived), labels=labels)
        if narrow := _narrow(part.derived):
            yield Role(name=f"{name}-derived", namespace=release.namespace, rights=narrow)


def _wide(rights: Iterable[Right]) -> tuple[Right, ...]:
    return tuple(each for each in rights if not each.namespace)


def _narrow(rights: Iterable[Right]) -> tuple[Right, ...]:
    return tuple(each for each in rights if each.namespace)


def write(parts: Iterable[Part], release: Release, *, derived_only: bool = False) -> str:
    documents: list[str] = []
    for part in parts:
        for role in list_roles(part, release, derived_only=derived_only):
            documents.append(_write_role(role, part, release))
            if part.account and not role.labels:  # those are bound by what aggregates them
                documents.append(_write_binding(role, part, release))
    return "---\n".join(documents)


def _write_role(role: Role, part: Part, release: Release) -> str:
    lines = [*_head(role.kind, role.name, role.namespace, part, release, role.labels)]
    if role.aggregates:
        lines += [
            "# The rules of all ClusterRoles with this label; `auditor rbac --derived-only` writes one.",
            "aggregationRule:",
            "  clusterRoleSelectors:",
            f"  - matchLabels: {{{role.aggregates}: {_quote(release.name)}}}",
        ]
    else:  # those that are aggregated the API server fills in: they are left alone
        lines += ["rules:" if role.rights else "rules: []"]
    for right in role.rights:
        lines += write_rule(right)
    return "\n".join(lines) + "\n"


def write_rule(right: Right) -> list[str]:
    lines = [f"# {right.why[:1].upper()}{right.why[1:]}."] if right.why else []
    lines += [f"- apiGroups: {_flow([right.group])}", f"  resources: {_flow(right.resources)}"]
    if right.names:
        lines.append(f"  resourceNames: {_flow(right.names)}")
    return [*lines, f"  verbs: {_flow(right.verbs)}"]


def _write_binding(role: Role, part: Part, release: Release) -> str:
    lines = [
        *_head(f"{role.kind}Binding", role.name, role.namespace, part, release, ()),
        f"roleRef: {{apiGroup: {GROUP}, kind: {role.kind}, name: {_quote(role.name)}}}",
        "subjects:",
        f"- {{kind: ServiceAccount, name: {_quote(part.account)}, namespace: {_quote(release.namespace)}}}",
    ]
    return "\n".join(lines) + "\n"


def _head(
    kind: str, name: str, namespace: str, part: Part, release: Release, labels: Sequence[tuple[str, str]]
) -> Iterator[str]:
    yield f"apiVersion: {API_VERSION}"
    yield f"kind: {kind}"
    yield "metadata:"
    yield f"  name: {_quote(name)}"
    if namespace:
        yield f"  namespace: {_quote(namespace)}"
    yield "  labels:"
    told = [
        ("app.kubernetes.io/name", "auditor"),
        ("app.kubernetes.io/instance", release.name),
        ("app.kubernetes.io/component", part.name),
        *labels,
    ]
    for key, value in told:
        yield f"    {key}: {_quote(value)}"


def _flow(values: Iterable[str]) -> str:
    return f"[{', '.join(map(_quote, values))}]"


def _quote(text: str) -> str:
    """Plain where YAML takes it for nothing but text."""
    plain = _PLAIN.fullmatch(text) and text.lower() not in {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
    return text if plain else json.dumps(text)
