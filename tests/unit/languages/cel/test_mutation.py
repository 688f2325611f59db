"""`Object{...}` and `JSONPatch{...}`."""

import pytest

from auditor.errors import CompileError
from auditor.json import Json
from auditor.languages import cel

SCOPE = cel.admission_scope(mutation=True)
OBJECT = {"spec": {"replicas": 2, "name": "a/b~c", "null": None}, "metadata": {"labels": {}}}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("Object{}", {}),
        ("Object{spec: Object.spec{replicas: object.spec.replicas + 1}}", {"spec": {"replicas": 3}}),
        (
            "Object {\n  spec : Object.spec { // with a comment\n a: 'x', b: [1], c: {'d': true} } }",
            {"spec": {"a": "x", "b": [1], "c": {"d": True}}},
        ),
        ("Object{?spec: optional.none()}", {}),
        ("Object{?spec: optional.of(Object.spec{a: 1})}", {"spec": {"a": 1}}),
        ("Object{spec: Object.spec{a: object.?spec.?replicas}}", {"spec": {"a": 2}}),
        ("has(object.spec) ? Object{a: 1} : Object{}", {"a": 1}),
        ("Object{spec: Object.spec{text: 'Object{a: 1}'}}", {"spec": {"text": "Object{a: 1}"}}),
        ("Object{spec: Object.spec{null: object.spec.null}}", None),
    ],
)
def test_an_object_comes_out_as_json(source: str, value: Json) -> None:
    if value is None:
        with pytest.raises(CompileError):
            cel.compile(source, SCOPE, cel.OBJECT)
        return
    outcome = cel.compile(source, SCOPE, cel.OBJECT).run(cel.Bindings(object=OBJECT))
    assert (outcome.value, outcome.error) == (value, None)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        (
            '[JSONPatch{op: "add", path: "/spec/x", value: 1}, JSONPatch{op: "remove", path: "/spec/name"}]',
            [{"op": "add", "path": "/spec/x", "value": 1}, {"op": "remove", "path": "/spec/name"}],
        ),
        (
            '[JSONPatch{op: "add", path: "/m/" + jsonpatch.escapeKey(object.spec.name), value: Object.m{a: null}}]',
            [{"op": "add", "path": "/m/a~1b~0c", "value": {"a": None}}],
        ),
        (
            'object.spec.replicas > 1 ? [JSONPatch{op: "test", path: "/a", value: "b"}] : []',
            [{"op": "test", "path": "/a", "value": "b"}],
        ),
        (
            '["x", "y"].map(n, JSONPatch{op: "copy", from: "/" + n, path: "/z"})',
            [{"op": "copy", "from": "/x", "path": "/z"}, {"op": "copy", "from": "/y", "path": "/z"}],
        ),
    ],
)
def test_a_json_patch_comes_out_as_json(source: str, value: Json) -> None:
    outcome = cel.compile(source, SCOPE, cel.JSON_PATCH).run(cel.Bindings(object=OBJECT))
    assert (outcome.value, outcome.error) == (value, None)


@pytest.mark.parametrize(
    ("source", "message", "column"),
    [
        ("Object{spec: Object.metadata{}}", "the field 'spec' is an Object.spec, not an Object.metadata", 14),
        ("[JSONPatch{op: 'add', pth: '/'}]", "a JSONPatch has op, path, from and value, not 'pth'", 26),
        ("Other{a: 1}", "there is no type 'Other' here", 1),
        ("Object{spec: Object.spec{a: 1 + 'a'}}", "'(int, string)'", 31),
        ("Object{spec: Object.spec{a: foo}}", "undeclared reference to 'foo'", 29),
    ],
)
def test_mistakes_have_their_places(source: str, message: str, column: int) -> None:
    with pytest.raises(CompileError) as caught:
        cel.compile(source, SCOPE, cel.ANY)
    assert [p.column for p in caught.value.problems if message in p.message] == [column], caught.value.problems
