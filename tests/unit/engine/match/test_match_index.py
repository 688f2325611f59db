"""The index finds every policy that would say yes, in order, whatever the rules."""

from hypothesis import given
from hypothesis import strategies as st

from auditor.engine.match import PolicyIndex, compile_match, read_match
from auditor.json import Json
from auditor.model.match import Equivalent, Kinds
from auditor.model.request import GroupVersionKind, GroupVersionResource, Operation, Request

GROUPS = ["", "a.io", "b.io"]
NAMES = ["pods", "xs"]


def words(known: list[str]) -> st.SearchStrategy[list[str]]:
    return st.just(["*"]) | st.lists(st.sampled_from(known), min_size=1, max_size=2, unique=True)


RULES = st.fixed_dictionaries(
    {
        "apiGroups": words(GROUPS),
        "apiVersions": words(["v1", "v2"]),
        "operations": words(["CREATE", "UPDATE"]),
        "resources": st.sampled_from([["*"], ["*/*"], ["pods"], ["xs"], ["xs/status", "pods"], ["*/status"], ["xs/*"]]),
    }
)
MATCHES = st.fixed_dictionaries(
    {
        "resourceRules": st.lists(RULES, max_size=2),
        "excludeResourceRules": st.lists(RULES, max_size=1),
        "matchPolicy": st.sampled_from(["Exact", "Equivalent"]),
    }
)
RESOURCES = st.builds(
    GroupVersionResource, st.sampled_from(GROUPS), st.sampled_from(["v1", "v2"]), st.sampled_from(NAMES)
)


def make_request(resource: GroupVersionResource, subresource: str) -> Request:
    kind = GroupVersionKind(resource.group, resource.version, "X")
    return Request(operation=Operation.CREATE, kind=kind, resource=resource, subresource=subresource, object={})


@given(st.lists(st.tuples(MATCHES, st.booleans()), max_size=8), RESOURCES, RESOURCES, st.sampled_from(["", "status"]))
def test_finds_all_that_match(
    matches: list[tuple[Json, bool]], resource: GroupVersionResource, other: GroupVersionResource, subresource: str
) -> None:
    programs = [compile_match(read_match(match, rules_required=False), custom_only=custom) for match, custom in matches]
    kinds = Kinds(equivalents={resource: [Equivalent(other, GroupVersionKind(other.group, other.version, "X"))]})
    index = PolicyIndex((program, number) for number, program in enumerate(programs))
    request = make_request(resource, subresource)
    found = [number for _, number in index.find(resource, kinds)]
    assert found == sorted(set(found))
    matched = {number for number, program in enumerate(programs) if program(request, kinds).matched}
    assert matched <= set(found)


def test_policies_for_other_kinds_are_not_asked() -> None:
    def named(group: str, resource: str) -> Json:
        rule = {"apiGroups": [group], "apiVersions": ["*"], "operations": ["*"], "resources": [resource]}
        return compile_match(read_match({"resourceRules": [rule]}))

    others = [(named(f"g{number}.io", "xs"), number) for number in range(1000)]
    index = PolicyIndex([*others, (named("a.io", "*"), -1), (named("*", "xs"), -2)])
    assert len(index) == 1002
    assert [name for _, name in index.find(GroupVersionResource("a.io", "v1", "xs"))] == [-1, -2]
    assert [name for _, name in index.find(GroupVersionResource("c.io", "v1", "xs"))] == [-2]
    assert index.find(GroupVersionResource("c.io", "v1", "ys")) == []
