"""`auditor explain` as a person runs it."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from auditor.cli import frame

POLICY = """\
apiVersion: auditor.dev/v1
kind: Policy
metadata: {name: gadgets}
spec:
  severity: high
  match:
    resourceRules: [{apiGroups: [example.com], apiVersions: [v1], resources: [gadgets], operations: ["*"]}]
    excludeResourceRules:
    - {apiGroups: [example.com], apiVersions: [v1], resources: [gadgets], operations: [CREATE], resourceNames: [free]}
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shop}}
    objectSelector: {matchExpressions: [{key: legacy, operator: DoesNotExist}]}
  matchConditions:
  - {name: not-paused, expression: "!has(object.spec.paused) || object.spec.paused != true"}
  params: {max: 3}
  lookups:
  - {name: others, resource: {group: example.com, resource: gadgets}, namespace: same}
  variables:
  - {name: members, expression: "object.spec.?members.orValue([])"}
  - {name: spare, expression: "object.spec.nowhere"}
  - {name: password, expression: "object.spec.password"}
  rules:
  - name: small
    cel: variables.members.all(m, m.cpu <= params.max && has(m.name)) || (has(object.ok) && variables.spare == 1)
    message: a member is too large
  - name: few
    jq: .spec.members | map(select(.cpu > 1)) | length < 2
    severity: low
    enforcement: Audit
  - name: shape
    schema: {properties: {spec: {properties: {members: {maxItems: 1}}}}}
    message: too many
  - name: strong
    cel: size(variables.password) > 10
  - name: quiet
    cel: object.spec.pin == 4711
    sensitive: true
  mutate:
  - {name: class, jq: '.spec.class //= "standard"'}
  enforcement: Deny
  enforcementOverrides: [{namespaceSelector: {matchLabels: {env: dev}}, enforcement: Warn}]
"""
GADGET = """\
apiVersion: example.com/v1
kind: Gadget
metadata: {name: one, namespace: shop}
spec:
  password: hunter2-hunter2
  pin: 1234567
  members: [{name: a, cpu: 1}, {name: b, cpu: 4}, {name: c, cpu: 9}]
---
apiVersion: example.com/v1
kind: Gadget
metadata: {name: two, namespace: shop, labels: {legacy: "yes"}}
spec: {}
---
apiVersion: example.com/v1
kind: Gadget
metadata: {name: free, namespace: other}
spec: {}
---
apiVersion: example.com/v1
kind: Gadget
metadata: {name: paused, namespace: shop}
spec: {paused: true}
"""
GOLDEN = """\
fail  gadgets on Gadget shop/one  (one.yaml:1)
  match      resourceRules: yes
  match      excludeResourceRules: no: no resource rule for example.com/v1 gadgets names one
  match      namespaceSelector: yes
  match      objectSelector: yes
  condition  not-paused: true
    !has(object.spec.paused) || object.spec.paused != true  ->  true
      !has(object.spec.paused)  ->  true
        has(object.spec.paused)  ->  false
      object.spec.paused != true  ->  error: does not count, another side decides: no such key: paused
        object.spec.paused  ->  error: no such key: paused
  params     of the policy
  lookup     others: 2 found (shop/two, shop/paused)
  variable   members: [{"cpu": 1, "name": "a"}, {"cpu": 4, "name": "b"}, {"cpu": 9, "name": "c"}]
    object.spec.?members.orValue([])  ->  [{"cpu": 1, "name": "a"}, {"cpu": 4, "name": "b"}, {"cpu": 9, "name": "c"}]
      object.spec.?members  ->  [{"cpu": 1, "name": "a"}, {"cpu": 4, "name": "b"}, {"cpu": 9, "name": "c"}]
  variable   spare: not needed
  variable   password: (hidden)
    object.spec.password  ->  (hidden)
  rule       small (cel): fail, high (of the policy), Deny (of the policy), T ms
    fail: a member is too large
    variables.members.all(m, m.cpu <= params.max && has(m.name)) || (has(object.ok) && variables.spare == 1)  ->  false
      variables.members.all(m, m.cpu <= params.max && has(m.name))  ->  false
        variables.members  ->  [{"cpu": 1, "name": "a"}, {"cpu": 4, "name": "b"}, {"cpu": 9, "name": "c"}]
        m  ->  {"cpu": 4, "name": "b"}  (element 1)
        m.cpu <= params.max && has(m.name)  ->  false
          m.cpu <= params.max  ->  false
            m.cpu  ->  4
            params.max  ->  3
          has(m.name)  ->  true
      has(object.ok) && variables.spare == 1  ->  false
        has(object.ok)  ->  false
        variables.spare == 1  ->  error: does not count, another side decides: no such key: nowhere
          variables.spare  ->  error: no such key: nowhere
  rule       few (jq): fail, low (of the rule), Audit (of the rule), T ms
    fail: failed expression: .spec.members | map(select(.cpu > 1)) | length < 2  at /spec/members
    .spec.members  ->  [{"name": "a", "cpu": 1}, {"name": "b", "cpu": 4}, {"name": "c", "cpu": 9}]  (input)
    .spec.members  ->  [[{"name": "a", "cpu": 1}, {"name": "b", "cpu": 4}, {"name": "c", "cpu": 9}]]  (outputs)
    map(select(.cpu > 1))  ->  [[{"name": "b", "cpu": 4}, {"name": "c", "cpu": 9}]]  (outputs)
    length < 2  ->  [false]  (outputs)
"""


SECRETS = re.compile("hunter2|1234567")


def run(*arguments: str, cwd: Path, stdin: str = "") -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "auditor", *arguments], cwd=cwd, input=stdin, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "one.yaml").write_text(GADGET)
    return tmp_path


def test_golden(files: Path) -> None:
    code, out, err = run("explain", "policy.yaml", "one.yaml", cwd=files)
    shown = re.sub(r"[\d.e-]+ ms", "T ms", out)
    assert code == 1, err
    assert shown[: len(GOLDEN)] == GOLDEN
    assert "rule       shape (schema): fail, high (of the policy), Deny (of the policy), T ms\n" in shown
    assert "    /properties/spec/properties/members/maxItems  ->  error: at /spec/members: " in shown
    assert "rule       strong (cel): pass" in shown
    assert '  mutations  class\n    {"op": "add", "path": "/spec/class", "value": "standard"}\n' in shown
    assert "does not match  gadgets on Gadget shop/two" in shown
    assert "  match      objectSelector: no: object label legacy=yes does not match objectSelector !legacy\n" in shown
    assert "  match      excludeResourceRules: yes\n" in shown
    assert "because: excludeResourceRules names it" in shown
    assert "does not match  gadgets on Gadget other/free" in shown
    assert "  match      namespaceSelector: no: namespace label kubernetes.io/metadata.name=other does not" in shown
    assert "does not apply  gadgets on Gadget shop/paused" in shown
    assert "  because: a matchCondition is false\n" in shown
    assert not SECRETS.search(out + err)
    assert "rule       quiet (cel): fail" in out


def test_json_says_the_same(files: Path) -> None:
    code, out, _ = run("explain", "policy.yaml", "one.yaml", "-o", "json", cwd=files)
    assert code == 1
    objects = json.loads(out)["objects"]
    states = [account["state"] for each in objects for account in each["policies"]]
    assert not SECRETS.search(out)
    assert states == ["fail", "does not match", "does not match", "does not apply"]
    policy = objects[0]["policies"][0]
    rules = {rule["name"]: rule for rule in policy["rules"]}
    assert rules["small"]["steps"][0]["value"] is False
    assert rules["few"]["severity"] == {"value": "low", "from": "rule"}
    assert rules["quiet"]["steps"] == []
    assert [each["state"] for each in policy["variables"]] == ["value", "skipped", "hidden"]
    assert all(rule["milliseconds"] >= 0 for rule in rules.values())


def test_override_and_old_object(files: Path) -> None:
    code, out, _ = run("explain", "policy.yaml", "one.yaml", "--namespace-labels", "shop:env=dev", cwd=files)
    assert code == 1
    assert "small (cel): warn, high (of the policy), Warn (of the enforcementOverrides, the 1.)" in out
    code, out, _ = run("explain", "policy.yaml", "one.yaml", "--old", "one.yaml", cwd=files)
    assert code == 1
    assert "existing: Audit: the old object was in violation, too" in out


def test_colours_on_a_terminal_only(files: Path) -> None:
    command = [sys.executable, "-m", "auditor", "explain", "policy.yaml", "one.yaml"]
    for no_colour, wanted in (("", True), ("1", False)):
        ours, theirs = pty.openpty()
        environment = {**os.environ, "NO_COLOR": no_colour, "TERM": "xterm"}
        with subprocess.Popen(command, cwd=files, stdout=theirs, env=environment) as process:
            os.close(theirs)
            text = b""
            try:
                while part := os.read(ours, 65536):
                    text += part
            except OSError:  # the other end is closed
                pass
        os.close(ours)
        assert process.returncode == 1
        assert (b"\x1b[31mfail\x1b[0m  gadgets" in text) is wanted
        assert (b"\x1b" in text) is wanted


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("databasecluster-quorum", "one.yaml"), 0, "does not match"),
        (("gadgets", "one.yaml", "--policies", "policy.yaml"), 1, "fail  gadgets"),
        (("nobody", "one.yaml"), 2, "no such file, and no policy of that name among "),
        (("confirmed-is-written", "one.yaml"), 2, "(it is a rule: did you mean database-engine/confirmed-is-written?)"),
        (
            ("gadgets/nowhere", "one.yaml", "--policies", "policy.yaml"),
            2,
            "no policy of that name: did you mean gadgets?",
        ),
        (("gadget", "one.yaml", "--policies", "policy.yaml"), 2, "no policy of that name: did you mean gadgets?"),
        (("policy.yaml", "missing.yaml"), 2, "missing.yaml: no such file or directory"),
        (("one.yaml", "one.yaml"), 2, "no policy in one.yaml"),
        (("policy.yaml",), 2, "Missing argument"),
        (("wrong.yaml", "one.yaml"), 2, "wrong.yaml:"),
        (("policy.yaml", "broken.yaml"), 3, "broken.yaml:2"),
        (("error.yaml", "one.yaml"), 3, "error: no such key: nowhere"),
    ],
)
def test_exit_codes(
    files: Path,
    arguments: tuple[str, ...],
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (files / "broken.yaml").write_text("a: [1\n")
    (files / "wrong.yaml").write_text(POLICY.replace("params.max &&", "&&"))
    (files / "error.yaml").write_text(
        POLICY.replace("(has(object.ok) && variables.spare == 1)", "variables.spare == 1")
    )
    monkeypatch.chdir(files)
    monkeypatch.setattr(sys, "argv", ["auditor", "explain", *arguments])
    assert frame.run() == code
    told = capsys.readouterr()
    assert said in told.out + told.err


def test_what_objects_say_does_not_act_on_a_terminal(files: Path) -> None:
    (files / "evil.yaml").write_text(
        "apiVersion: example.com/v1\nkind: Gadget\nmetadata: {name: e, namespace: shop}\n"
        'spec: {password: long-enough-password, pin: 1, members: [{name: "\\e[31m\\u009b", cpu: 9}]}\n'
    )
    _, out, _ = run("explain", "policy.yaml", "evil.yaml", cwd=files)
    assert "\x1b" not in out
    assert "\x9b" not in out
    assert "\\u001b[31m\\x9b" in out


MUTATING = """\
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: native}
spec:
  reinvocationPolicy: Never
  matchConstraints:
    resourceRules: [{apiGroups: [example.com], apiVersions: ["*"], resources: [gadgets], operations: [CREATE]}]
  matchConditions: [{name: has-none, expression: "!has(object.spec.apiToken)"}]
  mutations:
  - patchType: ApplyConfiguration
    applyConfiguration: {expression: 'Object{spec: Object.spec{apiToken: "made-up"}}'}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: bound}
spec:
  policyName: native
  matchResources: {objectSelector: {matchLabels: {legacy: "yes"}}}
"""
SHORT = """\
apiVersion: auditor.dev/v1
kind: Policy
metadata: {name: short}
spec:
  match:
    resourceRules: [{apiGroups: [example.com], apiVersions: [v1], resources: [gadgets], operations: ["*"]}]
  rules: [{name: long, schema: {properties: {spec: {properties: {apiToken: {minLength: 9}}}}}}]
"""


def test_a_mutating_policy_is_asked_before_it_changes_anything(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (files / "native.yaml").write_text(MUTATING)
    monkeypatch.chdir(files)
    monkeypatch.setattr(sys, "argv", ["auditor", "explain", "native.yaml", "one.yaml"])
    assert frame.run() == 0
    out = capsys.readouterr().out
    head = "does not match  MutatingAdmissionPolicy/native/bound on Gadget shop/one  (one.yaml:1)\n"
    assert head + "  because: binding: objectSelector: object label legacy (absent) does not" in out
    assert "changes  MutatingAdmissionPolicy/native/bound on Gadget shop/two" in out
    assert "  condition  has-none: true\n" in out
    assert '{"op": "add", "path": "/spec/apiToken", "value": "(hidden)"}' in out


def test_short_secrets_are_not_printed_either(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (files / "short.yaml").write_text(SHORT)
    (files / "one.yaml").write_text(GADGET.replace("password: hunter2-hunter2", "apiToken: qzx"))
    monkeypatch.chdir(files)
    monkeypatch.setattr(sys, "argv", ["auditor", "explain", "short.yaml", "one.yaml"])
    assert frame.run() == 1
    out = capsys.readouterr().out
    assert "/properties/spec/properties/apiToken/minLength  ->  (hidden)" in out
    assert "qzx" not in out


def test_errors_are_told_with_what_to_do(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And what is advised helps."""
    rules = {
        "key": "object.spec.nowhere == 1",
        "overload": "object.spec.password > 3",
        "has": "!has(object.spec.nowhere) || object.spec.nowhere == 1",
        "optional": "object.spec.?nowhere.orValue(1) == 1",
        "type": "type(object.spec.password) != int || object.spec.password > 3",
        "converted": "double(string(object.spec.pin)) > 3.0",
    }
    wrong = "\n".join(f"  - {{name: {name}, cel: {json.dumps(rule)}, message: a}}" for name, rule in rules.items())
    (files / "errs.yaml").write_text(f"{SHORT.partition('  rules:')[0]}  rules:\n{wrong}\n")
    (files / "single.yaml").write_text(GADGET.partition("---")[0])
    monkeypatch.chdir(files)
    monkeypatch.setattr(sys, "argv", ["auditor", "explain", "errs.yaml", "single.yaml"])
    assert frame.run() == 3
    out = capsys.readouterr().out
    assert re.findall(r"rule +(\w+) \(cel\): (\w+),.*\n(?:    error: .*\n    (\w+ \w+) )?", out) == [
        ("key", "error", "a field"),
        ("overload", "error", "a value"),
        *((name, "pass", "") for name in ("has", "optional", "type", "converted")),
    ]
