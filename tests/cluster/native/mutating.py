"""Mutating policies, by hand: both kinds of patches, alone, in order, failing, invoked again; and what they change."""

from dataclasses import dataclass, field
from typing import Final

from auditor.json import Json, JsonObject
from tests.cluster.native.asker import GROUP, LABEL

_PARAMS: Final = {"apiVersion": "v1", "kind": "ConfigMap"}
_INTEGER: Final = {"type": "integer"}
_TEXT: Final = {"type": "string"}
_ITEM: Final = {
    "type": "object",
    "required": ["name"],
    "properties": {"name": _TEXT, "port": {**_INTEGER, "default": 80}, "v": _INTEGER, "w": _INTEGER},
}
SCHEMA: Final[JsonObject] = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "n": _INTEGER,
                "s": _TEXT,
                "flag": {"type": "boolean"},
                "size": {"type": "string", "default": "small"},
                "either": {"x-kubernetes-int-or-string": True},
                "set": {"type": "array", "x-kubernetes-list-type": "set", "items": _TEXT},
                "list": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name", "port"],
                    "items": _ITEM,
                },
                "atomic": {"type": "array", "items": _TEXT},
                "atom": {"type": "object", "x-kubernetes-map-type": "atomic", "properties": {"x": _INTEGER}},
                "deep": {
                    "type": "object",
                    "properties": {"a": _INTEGER, "b": _INTEGER, "c": {"type": "integer", "default": 3}},
                },
                "map": {"type": "object", "additionalProperties": _INTEGER},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            },
        }
    },
}


@dataclass(frozen=True)
class Case:
    """`plural` says of which kind its objects are: things have no schema, mutants have the one above."""

    name: str
    policies: tuple[JsonObject, ...]
    bindings: tuple[JsonObject, ...] = field(default=({},))
    plural: str = "mutants"


def _patch(*operations: str) -> JsonObject:
    return _whole_patch(f"[{', '.join(f'JSONPatch{{{each}}}' for each in operations)}]")


def _whole_patch(expression: str) -> JsonObject:
    return {"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}


def _apply(spec: str) -> JsonObject:
    return _whole_apply(f"Object{{spec: Object.spec{{{spec}}}}}")


def _whole_apply(expression: str) -> JsonObject:
    return {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}


def _case(name: str, *mutations: JsonObject, plural: str = "mutants", bindings: tuple[JsonObject, ...] = ({},),
          **spec: Json) -> Case:  # fmt: skip
    return Case(name, ({"mutations": list(mutations), **spec},), bindings, plural)


def _add(name: str, value: str) -> str:
    return f"op: 'add', path: '/spec/{name}', value: {value}"


def _annotate(name: str) -> JsonObject:
    """Sets an annotation to how often it has been set."""
    return _whole_apply(
        "Object{metadata: Object.metadata{annotations: {'" + name + "': "
        "has(object.metadata.annotations) && '" + name + "' in object.metadata.annotations ? "
        "object.metadata.annotations['" + name + "'] + '+' : '1'}}}"
    )


_COND: Final = [{"name": "c", "expression": "object.spec.n > 3"}]

CASES: Final = (
    # JSON patches.
    _case("add", _patch(_add("s", "'new'"))),
    _case("add-nothing", _whole_patch("object.spec.n > 3 ? [JSONPatch{op: 'add', path: '/spec/n', value: 1}] : []")),
    _case("replace", _patch("op: 'replace', path: '/spec/n', value: 7")),
    _case("remove", _patch("op: 'remove', path: '/spec/n'")),
    _case("test-holds", _patch("op: 'test', path: '/spec/n', value: 5", _add("s", "'was five'"))),
    _case("move", _patch("op: 'move', from: '/spec/n', path: '/spec/either'")),
    _case("copy", _patch("op: 'copy', from: '/spec/n', path: '/spec/either'")),
    _case("append", _patch("op: 'add', path: '/spec/atomic/-', value: 'z'")),
    _case("index", _patch("op: 'remove', path: '/spec/atomic/1'")),
    _case("escape", _patch("op: 'add', path: '/metadata/labels/' + jsonpatch.escapeKey('a.b/c'), value: 'x'")),
    _case("unknown-field", _patch(_add("nope", "1"))),
    _case("wrong-type", _patch(_add("n", "'text'"))),
    _case("objects", _patch("op: 'add', path: '/spec/deep', value: Object.spec.deep{a: 1, b: object.spec.n}")),
    _case("lists", _patch(_add("atomic", "['a', string(object.spec.s)]"))),
    _case("maps", _patch(_add("map", "{'a': 1, 'b': int(object.spec.n)}"))),
    _case("null-value", _patch(_add("s", "null"))),
    _case("nulls-inside", _patch(_add("free", "{'a': object.spec.?x.orValue(null)}"))),
    _case("double", _patch(_add("free", "{'a': 1.5, 'b': 2.0}"))),
    _case("large", _patch(_add("free", "{'a': 9007199254740993, 'b': -9007199254740993, 'c': 9007199254740991}"))),
    _case("unsigned", _patch(_add("free", "{'a': 5u}"))),
    _case("bytes", _patch(_add("s", "b'abc'"))),
    _case("times", _patch(_add("s", "timestamp('2026-01-02T03:04:05Z')"), _add("free", "{'d': duration('90s')}"))),
    _case("whole", _patch("op: 'replace', path: '/spec', value: Object.spec{n: 9}")),
    _case("bad-path", _patch("op: 'replace', path: '/spec/x/y', value: 1")),
    _case("bad-path-ignored", _patch("op: 'replace', path: '/spec/x/y', value: 1"), failurePolicy="Ignore"),
    _case("labels", _patch("op: 'add', path: '/metadata/labels/new', value: 'yes'")),
    _case("rename", _patch("op: 'replace', path: '/metadata/name', value: 'renamed'")),
    _case("expression-errs", _patch(_add("s", "object.spec.nope"))),
    # Apply configurations.
    _case("apply", _apply("s: 'new'")),
    _case("apply-nothing", _whole_apply("Object{}")),
    _case("apply-number", _apply("n: object.spec.n + 1")),
    _case("apply-deep", _apply("deep: Object.spec.deep{a: 1}")),
    _case("apply-map", _apply("map: {'new': 1}")),
    _case("apply-free", _apply("free: Object.spec.free{x: 1}")),
    _case("apply-set", _apply("set: ['b', 'z']")),
    _case("apply-list", _apply("list: [Object.spec.list{name: 'a', port: 80, v: 9}]")),
    _case("apply-list-default", _apply("list: [Object.spec.list{name: 'a', v: 9}]")),
    _case("apply-list-without-key", _apply("list: [Object.spec.list{v: 9}]")),
    _case("apply-list-twice", _apply("list: [Object.spec.list{name: 'q'}, Object.spec.list{name: 'q'}]")),
    _case("apply-atomic", _apply("atomic: ['a']")),
    _case("apply-atom", _apply("atom: Object.spec.atom{x: 1}")),
    _case("apply-labels", _whole_apply("Object{metadata: Object.metadata{labels: {'new': 'yes'}}}")),
    _case("apply-finalizers", _whole_apply("Object{metadata: Object.metadata{finalizers: ['example.com/f']}}")),
    _case("apply-optional", _apply("?s: object.spec.?n.optMap(n, string(n))")),
    _case("apply-unknown", _apply("nope: 1")),
    _case("apply-wrong-type", _apply("n: 'text'")),
    _case("apply-wrong-boolean", _apply("flag: 'true'")),
    _case("apply-text-of-number", _apply("s: 1")),
    _case("apply-either", _apply("either: 'x'")),
    _case("apply-null", _apply("s: null")),
    _case("apply-errs", _apply("s: object.spec.nope")),
    _case("apply-errs-ignored", _apply("s: object.spec.nope"), failurePolicy="Ignore"),
    _case("apply-condition", _whole_apply("object.spec.n > 3 ? Object{spec: Object.spec{s: 'big'}} : Object{}")),
    _case("apply-finalizers-twice", *(
        _whole_apply(f"Object{{metadata: Object.metadata{{finalizers: ['example.com/{name}']}}}}") for name in "ab")),
    _case("apply-metadata-unknown", _whole_apply("Object{metadata: Object.metadata{nope: 1}}")),
    _case("apply-metadata-type", _whole_apply("Object{metadata: Object.metadata{labels: {'a': 1}}}")),
    _case("apply-root-unknown", _whole_apply("Object{nope: 1}")),
    _case("apply-status", _whole_apply("Object{status: Object.status{x: 1}}")),
    _case("apply-set-double", _apply("set: ['b', 'b']")),
    _case("apply-set-dynamic", _apply("set: object.spec.set + ['z']")),
    _case("apply-deep-wrong", _apply("deep: Object.spec.deep{a: 'x', b: true}")),
    _case("apply-map-wrong", _apply("map: {'new': 'x'}")),
    _case("apply-list-wrong", _apply("list: [Object.spec.list{name: 1, port: 80}]")),
    _case("apply-list-for-map", _apply("deep: ['x']")),
    _case("apply-map-for-list", _apply("set: {'x': 1}")),
    _case("apply-double", _apply("n: 1.5")),
    _case("apply-either-wrong", _apply("either: true")),
    _case("apply-either-list", _apply("either: ['x']")),
    _case("apply-identity", _whole_apply("Object{apiVersion: 'x/v1', kind: 'Other'}")),
    _case("apply-name", _whole_apply("Object{metadata: Object.metadata{name: 'renamed'}}")),
    _case("patch-kind", _patch("op: 'replace', path: '/kind', value: 'Other'")),
    _case("patch-version", _patch("op: 'replace', path: '/apiVersion', value: 'x/v1'")),
    _case("patch-no-kind", _patch("op: 'remove', path: '/kind'")),
    _case("patch-namespace", _patch("op: 'replace', path: '/metadata/namespace', value: 'default'")),
    _case("patch-no-namespace", _patch("op: 'remove', path: '/metadata/namespace'")),
    _case("patch-uid", _patch("op: 'add', path: '/metadata/uid', value: 'x'")),
    _case("patch-no-metadata", _patch("op: 'remove', path: '/metadata'")),
    _case("patch-no-spec", _patch("op: 'remove', path: '/spec'")),
    _case("patch-list", _patch("op: 'replace', path: '', value: [1]")),
    _case("patch-text", _patch("op: 'replace', path: '', value: 'x'")),
    _case("patch-labels-type", _patch("op: 'add', path: '/metadata/labels/x', value: 1")),
    _case("patch-labels-text", _patch("op: 'add', path: '/metadata/labels', value: 'x'")),
    _case("patch-metadata-unknown", _patch("op: 'add', path: '/metadata/nope', value: 1")),
    _case("patch-test-missing", _patch("op: 'test', path: '/spec/nope', value: 1", _add("s", "'no'"))),
    _case("patch-test-deep", _patch("op: 'test', path: '/spec/nope/x', value: 1", _add("s", "'no'"))),
    _case("patch-bad-op", _patch("op: 'nope', path: '/spec/s'")),
    _case("patch-no-op", _patch("path: '/spec/s'")),
    _case("patch-no-value", _patch("op: 'add', path: '/spec/s'")),
    _case("patch-no-path", _patch("op: 'add', value: 'x'")),
    _case("patch-no-slash", _patch("op: 'add', path: 'spec/s', value: 'x'")),
    _case("patch-twice", _patch(_add("s", "'a'"), "op: 'replace', path: '/spec/s', value: 'b'")),
    _case("patch-wrong-object", _patch("op: 'add', path: '/spec', value: Object.metadata{name: 'x'}")),
    _case("patch-inner-object", _patch("op: 'add', path: '/spec/deep', value: Object.spec.other{a: 1}")),
    _case("apply-namespace", _whole_apply("Object{metadata: Object.metadata{namespace: 'default'}}")),
    _case("patch-then-apply-on-wrong", _patch(_add("n", "'text'")), _apply("s: 'x'")),
    # Without a schema.
    _case("free-finalizers-twice", *(
        _whole_apply(f"Object{{metadata: Object.metadata{{finalizers: ['example.com/{name}']}}}}") for name in "ab"),
          plural="things"),
    _case("free-metadata-unknown", _whole_apply("Object{metadata: Object.metadata{nope: 1}}"), plural="things"),
    _case("free-metadata-type", _whole_apply("Object{metadata: Object.metadata{labels: {'a': 1}}}"), plural="things"),
    _case("free-scalar-for-map", _apply("map: 1"), plural="things"),
    _case("free-lists-in-lists", _apply("list: [[1], [2]]"), plural="things"),
    _case("free-list-of-maps", _apply("list: [Object.spec.list{name: 'a'}]"), plural="things"),
    _case("free-apply", _apply("s: 'new', list: ['x'], map: Object.spec.map{k: 1}"), plural="things"),
    _case("free-apply-null", _apply("s: null"), plural="things"),
    _case("free-apply-empty", _apply("map: Object.spec.map{}"), plural="things"),
    _case("free-patch", _patch(_add("s", "'new'")), plural="things"),
    # Several mutations: each sees what those before it made.
    _case("several", _patch(_add("n", "1")), _patch(_add("n", "object.spec.n + 10")),
          _apply("s: string(object.spec.n)")),
    _case("several-one-fails", _apply("s: 'one'"), _patch("op: 'remove', path: '/spec/x'"), _apply("n: 1")),
    _case("several-one-ignored", _apply("s: 'one'"), _patch("op: 'remove', path: '/spec/x'"), _apply("n: 1"),
          failurePolicy="Ignore"),
    _case("test-skips", _patch("op: 'test', path: '/spec/n', value: 1", _add("s", "'no'")), _apply("flag: true")),
    _case("defaults-between", _patch("op: 'add', path: '/spec/deep', value: Object.spec.deep{a: 1}"),
          _apply("s: string(object.spec.deep.c)")),
    _case("defaults-come-back", _patch("op: 'remove', path: '/spec/size'")),
    # Conditions, variables, params, the request.
    _case("condition", _apply("s: 'big'"), matchConditions=_COND),
    _case("condition-ignored", _apply("s: 'big'"), matchConditions=_COND, failurePolicy="Ignore"),
    _case("variables", _apply("s: variables.text"),
          variables=[{"name": "text", "expression": "'n is ' + string(object.spec.n)"}]),
    _case("request", _apply("s: request.operation + ' ' + request.namespace + ' ' + namespaceObject.metadata.name")),
    _case("old-object", _apply("s: oldObject == null ? 'created' : 'updated'")),
    _case("params", _apply("s: params.data.limit"), paramKind=_PARAMS,
          bindings=({"paramRef": {"name": "five", "parameterNotFoundAction": "Deny"}},)),
    _case("params-missing", _apply("s: params.data.limit"), paramKind=_PARAMS,
          bindings=({"paramRef": {"name": "none", "parameterNotFoundAction": "Deny"}},)),
    _case("params-missing-ignored", _apply("s: params.data.limit"), paramKind=_PARAMS, failurePolicy="Ignore",
          bindings=({"paramRef": {"name": "none", "parameterNotFoundAction": "Deny"}},)),
    _case("params-missing-allow", _apply("s: params.data.limit"), paramKind=_PARAMS,
          bindings=({"paramRef": {"name": "none", "parameterNotFoundAction": "Allow"}},)),
    _case("params-many", _apply("map: {string(params.metadata.name): 1}"), paramKind=_PARAMS,
          bindings=({"paramRef": {"selector": {"matchLabels": {"many": "yes"}}, "parameterNotFoundAction": "Deny"}},)),
    _case("params-without-ref", _apply("s: string(params == null)"), paramKind=_PARAMS),
    # Invoked again.
    _case("again", _annotate("count"), reinvocationPolicy="IfNeeded"),
    _case("not-again", _annotate("count"), reinvocationPolicy="Never"),
    _case("again-two-mutations", _annotate("count"), _annotate("count"), reinvocationPolicy="IfNeeded"),
    _case("again-condition", _annotate("count"), reinvocationPolicy="IfNeeded",
          matchConditions=[{"name": "c", "expression": "!has(object.metadata.annotations)"}]),
    Case("again-by-other", (
        {"mutations": [_annotate("first")], "reinvocationPolicy": "IfNeeded"},
        {"mutations": [_annotate("second")], "reinvocationPolicy": "Never"},
    )),
    _case("two-bindings", _annotate("count"), bindings=({}, {})),
    _case("no-binding", _apply("s: 'x'"), bindings=()),
    _case("marker", _patch("op: 'add', path: '/metadata/labels/marked', value: 'yes'"), _apply("s: 'marked'")),
)  # fmt: skip

SPECS: Final[dict[str, tuple[JsonObject, ...]]] = {
    "mutants": (
        {},
        {"n": 5, "s": "text", "flag": True, "either": 1, "free": {"x": {"y": 1}}},
        {"n": 2, "set": ["a", "b", "c"], "atomic": ["a", "b"], "atom": {"x": 5}, "map": {"k": 1}},
        {"list": [{"name": "a", "v": 1}, {"name": "b", "port": 81}], "deep": {"a": 4, "b": 5}, "size": "large"},
    ),
    "things": (
        {},
        {"s": "old", "list": ["a"], "map": {"j": 2}},
        {"s": {"x": 1}, "list": {"a": 1}, "map": [1]},
    ),
}


def make_things(cases: tuple[Case, ...] = CASES) -> list[JsonObject]:
    things: list[JsonObject] = []
    for case in cases:
        match = {
            "resourceRules": [
                {"apiGroups": [GROUP], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"],
                 "resources": [case.plural]}
            ],
            "objectSelector": {"matchLabels": {LABEL: case.name}},
        }  # fmt: skip
        for number, spec in enumerate(case.policies):
            name = f"mutating-{case.name}-{number}"
            things.append(
                {
                    "apiVersion": "admissionregistration.k8s.io/v1",
                    "kind": "MutatingAdmissionPolicy",
                    "metadata": {"name": name},
                    "spec": {"matchConstraints": match, "reinvocationPolicy": "Never", **spec},
                }
            )
            things += [
                {
                    "apiVersion": "admissionregistration.k8s.io/v1",
                    "kind": "MutatingAdmissionPolicyBinding",
                    "metadata": {"name": f"{name}-{i}"},
                    "spec": {"policyName": name, **binding},
                }
                for i, binding in enumerate(case.bindings)
            ]
    return things
