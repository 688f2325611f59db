"""Matching a request: five policies for its kind alone, and among 1,000 for other kinds."""

from collections.abc import Callable

from auditor.engine.match import MatchProgram, PolicyIndex, compile_match, read_match
from auditor.model.request import GroupVersionKind, GroupVersionResource, Operation, Request


def make_program(group: str) -> MatchProgram:
    rule = {"apiGroups": [group], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["clusters"]}
    selector = {"matchExpressions": [{"key": "env", "operator": "NotIn", "values": ["dev"]}]}
    return compile_match(read_match({"resourceRules": [rule], "namespaceSelector": selector}), custom_only=True)


def benchmarks() -> list[tuple[str, Callable[[], object]]]:
    request = Request(
        operation=Operation.CREATE,
        kind=GroupVersionKind("db.example.com", "v1", "Cluster"),
        resource=GroupVersionResource("db.example.com", "v1", "clusters"),
        object={"metadata": {"name": "x", "namespace": "shop"}},
        name="x",
        namespace="shop",
        namespace_object={"metadata": {"name": "shop", "labels": {"env": "prod"}}},
    )
    own = [(make_program("db.example.com"), str(number)) for number in range(5)]
    others = [(make_program(f"g{number}.example.com"), str(number)) for number in range(1000)]
    small, large = PolicyIndex(own), PolicyIndex(own + others)

    def match(index: PolicyIndex[str]) -> int:
        return sum(program(request).matched for program, _ in index.find(request.resource))

    return [
        ("match: 5 policies", lambda: match(small)),
        ("match: 5 policies among 1,000 others", lambda: match(large)),
    ]
