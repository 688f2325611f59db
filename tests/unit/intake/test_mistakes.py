"""Every mistake in policies is told at once, each with its file, its line, and what to do."""

from pathlib import Path
from textwrap import dedent

import pytest

from auditor.errors import AuditorError, UsageError
from auditor.intake.prepare import PreparationError, prepare
from tests.unit.intake.files import crd, policy, thing, write

HEAD = """\
apiVersion: auditor.dev/v1
kind: Policy
metadata: {name: a}
spec:
  match:
    resourceRules: [{apiGroups: [example.com], apiVersions: [v1], resources: [things], operations: [CREATE]}]
"""
ONE_RULE = "  rules: [{name: a, jq: .a}]"
SCHEMA = {"type": "object", "properties": {"replicas": {"type": "integer"}}}


def told(folder: Path, text: str) -> list[str]:
    file = folder / "p.yaml"
    file.write_text(text)
    with pytest.raises(PreparationError) as error:
        prepare([str(file)], [write(folder / "crd.json", crd("v1", schema=SCHEMA))])
    head, *lines = str(error.value).splitlines()
    assert head.endswith("in the policies, nothing was judged")
    return [line.removeprefix(f"{folder}/") for line in lines]


RULES = """\
  rules:
  - name: broken-jq
    jq: |
      .spec.replicas
      | foo(1)
  - name: indented
    cel: |-

      object.spec.replicas > 1 &&
        objct.a
  - name: folded
    cel: >-
      1 > 0 &&
      objct
  - name: plain
    cel: object.spec.replicas > objct
  - {name: quoted, cel: "object.spec.replcas > 1"}
  - {name: escaped, cel: "\\x6fbjct == 1"}
  - name: kind-of
    schema: {type: objct}
"""


def test_lines_inside_of_expressions(tmp_path: Path) -> None:
    lines = told(tmp_path, HEAD + RULES)
    assert [line.partition(" Policy")[0] for line in lines if line.startswith("p.yaml")] == [
        "p.yaml:11:9:",
        "p.yaml:16:14:",
        "p.yaml:18:",
        "p.yaml:22:33:",
        "p.yaml:23:26:",
        "p.yaml:24:",
        "p.yaml:26:",
    ]
    assert any("/spec/rules/2/cel at 1:" in line for line in lines)
    assert any("did you mean replicas?" in line for line in lines)
    assert any("did you mean 'object'?" in line for line in lines)


@pytest.mark.parametrize(
    ("spec", "place", "what"),
    [
        ("  tilte: x\n  rules: [{name: a, jq: .a}]", "7: Policy a: /spec/tilte", "did you mean title?"),
        ("  rules:\n  - name: a\n    jqq: .a", "9: Policy a, rule a: /spec/rules/0/jqq", "did you mean jq?"),
        ("  rules: foo", "7: Policy a: /spec/rules", "must be of type array"),
        ("  rules: []", "7: Policy a: /spec/rules", "at least one rule or one change under mutate is needed"),
        ("  rules: [{name: a}]", "7: Policy a: /spec/rules/0", "exactly one of jq, deny, schema and cel must be set"),
        ("  rules: [{name: a, jq: .a, cel: 'true'}]", "7: Policy a: /spec/rules/0", "exactly one of jq, deny, schema"),
        ("  rules:\n  - {name: a, jq: .a}\n  - {name: a, jq: .b}", "9: Policy a: /spec/rules/1", "Duplicate value"),
        (
            "  enforcement: Dney\n  rules: [{name: a, jq: .a}]",
            "7: Policy a: /spec/enforcement",
            '"Deny", "Warn", "Audit"',
        ),
        (
            f"{ONE_RULE}\n  exceptions: {{namespaceSelector: {{matchExpressions: [{{key: a, operator: In}}]}}}}",
            "8: Policy a: /spec/exceptions/namespaceSelector/matchExpressions/0/values",
            "In and NotIn need at least one value",
        ),
    ],
)
def test_fields(tmp_path: Path, spec: str, place: str, what: str) -> None:
    (line,) = told(tmp_path, f"{HEAD}{spec}\n")
    assert line.startswith(f"p.yaml:{place}: ")
    assert what in line


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"spec": "null"}, "4: Policy a: /spec: Required value"),
        ({"spec": "7"}, '4: Policy a: /spec: Invalid value: "integer": spec in body must be of type object: "integer"'),
        ({"metadata": "[]"}, "3: metadata: must be an object"),
        ({"metadata": "{name: 7}"}, "3: metadata.name: must be a text: quote it"),
        ({"metadata": "{name: a, labels: {x: true}}"}, "3: metadata.labels.x: must be a text, not true: quote it"),
        ({"metadata": "{}"}, "1: has no metadata.name: the API server would not take it"),
        ({"kind": "Polcy"}, "2: Polcy a: /kind: auditor.dev/v1 has no kind Polcy: did you mean Policy?"),
        (
            {"apiVersion": "auditor.dev/v2"},
            "1: Policy a: /apiVersion: auditor.dev/v2 is not known: write auditor.dev/v1",
        ),
        ({"kind": "''"}, "1: has no kind: not a Kubernetes object"),
    ],
)
def test_objects(tmp_path: Path, fields: dict[str, str], line: str) -> None:
    spec = HEAD.partition("spec:")[2] + "  rules: [{name: a, jq: .a}]"
    whole = {"apiVersion": "auditor.dev/v1", "kind": "Policy", "metadata": "{name: a}", "spec": spec, **fields}
    assert told(tmp_path, "".join(f"{name}: {value}\n" for name, value in whole.items())) == [f"p.yaml:{line}"]


def test_a_name_that_no_object_can_have(tmp_path: Path) -> None:
    (line,) = told(tmp_path, HEAD.replace("name: a", "name: Large") + "  rules: [{name: a, jq: .a}]")
    assert line.startswith("p.yaml:3: Policy Large: /metadata/name: 'Large' is no name")


def test_an_exception(tmp_path: Path) -> None:
    text = """\
    apiVersion: auditor.dev/v1
    kind: PolicyException
    metadata: {name: e, namespace: here}
    spec:
      policies: [a]
      owner: me
      reason: until the move is done
      expires: %s
    """
    for expires in ("2027-01-01T00:00:00", "tomorrow"):
        (line,) = told(tmp_path, dedent(text) % expires)
        assert line.startswith("p.yaml:8: PolicyException e: /spec/expires: must be a date, a time and a time zone, ")


def test_a_name_twice_in_two_files(tmp_path: Path) -> None:
    one = write(tmp_path / "a.json", policy(rules=[{"jq": ".a"}]))
    two = write(tmp_path / "b.json", policy(rules=[{"jq": ".b"}]))
    with pytest.raises(PreparationError) as error:
        prepare([one, two])
    assert str(error.value).splitlines()[1:] == [
        f"{two}:1: Policy sizes: /metadata/name: another Policy is named 'sizes' already, in {one}:1"
    ]


def test_mistakes_of_all_policies_at_once(tmp_path: Path) -> None:
    """A wrong field in one rule does not hide what is wrong in another."""
    file = write(
        tmp_path / "a.json",
        policy("a", rules=[{"jqq": ".a"}, {"cel": "objct.x"}]),
        policy("b", rules=[{"jq": "foo"}]),
        {**crd("v1"), "spec": {}},
    )
    with pytest.raises(PreparationError) as error:
        prepare([file])
    text = str(error.value)
    for expected in (
        "unknown field spec.rules[0].jqq",
        "undeclared",
        "foo/0 is not defined",
        "CustomResourceDefinition",
    ):
        assert expected in text


def test_a_crd_that_is_not_structural(tmp_path: Path) -> None:
    file = write(tmp_path / "a.json", crd("v1", schema={"properties": {"a": {"type": "string"}}}))
    with pytest.raises(
        PreparationError, match=r"a\.json:1: CustomResourceDefinition things\.example\.com: version v1: "
    ):
        prepare([file])


def test_nothing_to_judge_by(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for path in ("nowhere", "no*where", str(tmp_path / "empty")):
        with pytest.raises(UsageError):
            prepare([path])
    with pytest.raises(AuditorError, match=r"no policy in .*: nothing to judge by"):
        prepare([write(tmp_path / "o.json", thing())])


def test_a_native_policy_without_a_binding_is_told(tmp_path: Path) -> None:
    native = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "native"},
        "spec": {"matchConstraints": policy()["spec"]["match"], "validations": [{"expression": "true"}]},
    }
    prepared = prepare([write(tmp_path / "p.json", native, policy(rules=[{"jq": ".a"}]))])
    (warning,) = map(str, prepared.engine.warnings)
    assert warning.startswith(f"{tmp_path}/p.json:1: ValidatingAdmissionPolicy native: no Validating")


def test_terminal_codes_in_names_are_not_told_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(PreparationError) as error:
        prepare([write(tmp_path / "p.json", policy("\x1b[31mred", rules=[{"jq": "foo"}]))])
    assert "\x1b" not in str(error.value)
