"""`auditor fix` as a person runs it."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from auditor.cli import frame

POLICY = """\
apiVersion: auditor.dev/v1
kind: Policy
metadata: {name: fixer}
spec:
  match:
    resourceRules: [{apiGroups: [example.com], apiVersions: ["*"], resources: [gadgets], operations: [CREATE]}]
  mutate:
  - {name: class, jq: '.spec.class //= "standard"'}
  - {name: size, mergePatch: {spec: {size: 7, old: null}}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: native}
spec:
  reinvocationPolicy: Never
  matchConstraints:
    resourceRules: [{apiGroups: [example.com], apiVersions: ["*"], resources: [gadgets], operations: [CREATE]}]
  mutations:
  - patchType: JSONPatch
    jsonPatch:
      expression: >-
        has(object.metadata.labels) ? [] : [JSONPatch{op: "add", path: "/metadata/labels", value: {"a": "b"}}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: native}
spec: {policyName: native}
"""
BEFORE = """\
# head
apiVersion: example.com/v1
kind: Gadget
metadata:
  name: "one"   # its name
spec:
  # the size
  size: 5  # five
  # was there once
  old: yes  # gone
  list: [ a,b ]   # as it is
# foot
---
# nothing to do here
apiVersion: example.com/v1
kind: Other
metadata: {name: other}
"""
AFTER = """\
# head
apiVersion: example.com/v1
kind: Gadget
metadata:
  name: "one"   # its name
  labels:
    a: b
spec:
  # the size
  size: 7  # five
  list: [ a,b ]   # as it is
  class: standard
# foot
---
# nothing to do here
apiVersion: example.com/v1
kind: Other
metadata: {name: other}
"""
DIFF = """\
--- a/one.yaml
+++ b/one.yaml
@@ -3,12 +3,13 @@
 kind: Gadget
 metadata:
   name: "one"   # its name
+  labels:
+    a: b
 spec:
   # the size
-  size: 5  # five
-  # was there once
-  old: yes  # gone
+  size: 7  # five
   list: [ a,b ]   # as it is
+  class: standard
 # foot
 ---
 # nothing to do here
"""
JSON = """\
{
   "apiVersion": "example.com/v1",
   "kind": "Gadget",
   "metadata": {"name": "one", "labels": {}},
   "spec": {
      "size": 5
   }
}
"""


def run(*arguments: str, cwd: Path, stdin: str = "") -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "auditor", *arguments], cwd=cwd, input=stdin.encode(), capture_output=True, check=False
    )
    err = done.stderr.decode()
    assert "Traceback" not in err
    assert "internal error" not in err
    return done.returncode, done.stdout.decode(), err


def fix(*arguments: str, cwd: Path, stdin: str = "") -> tuple[int, str, str]:
    return run("fix", "--policies", "policy.yaml", *arguments, cwd=cwd, stdin=stdin)


def here(monkeypatch: pytest.MonkeyPatch, cwd: Path, *arguments: str) -> int:
    """In this process, which is faster."""
    monkeypatch.chdir(cwd)
    monkeypatch.setattr(sys, "argv", ["auditor", "fix", "--policies", "policy.yaml", *arguments])
    return frame.run()


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "one.yaml").write_text(BEFORE)
    return tmp_path


def test_in_place_and_once(files: Path) -> None:
    file = files / "one.yaml"
    file.chmod(0o640)
    (files / "link.yaml").symlink_to("one.yaml")
    code, out, err = fix("link.yaml", cwd=files)
    assert (code, out) == (0, "")
    assert err == "fixed: link.yaml:2: Gadget one: native/mutations[0], fixer/class, fixer/size\n"
    assert file.read_text() == AFTER
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert (files / "link.yaml").is_symlink()
    assert sorted(path.name for path in files.iterdir()) == ["link.yaml", "one.yaml", "policy.yaml"]
    assert fix("one.yaml", cwd=files) == (0, "", "")
    assert file.read_text() == AFTER
    assert run("scan", "--policies", "policy.yaml", "--", "one.yaml", cwd=files)[0] == 0


def test_diff_and_check_write_nothing(files: Path) -> None:
    assert fix("one.yaml", "--diff", cwd=files) == (1, DIFF, "")
    code, out, err = fix("one.yaml", "--check", cwd=files)
    assert (code, out) == (1, "")
    assert err.startswith("would change: one.yaml:2: Gadget one")
    assert (files / "one.yaml").read_text() == BEFORE
    (files / "one.yaml").write_text(AFTER)
    assert fix("one.yaml", "--check", cwd=files)[0] == 0
    assert fix("one.yaml", "--diff", cwd=files) == (0, "", "")


def test_standard_input_goes_to_standard_output(files: Path) -> None:
    code, out, _ = fix("-", cwd=files, stdin=BEFORE)
    assert (code, out) == (0, AFTER)
    assert fix("-", cwd=files, stdin=AFTER)[:2] == (0, AFTER)
    code, out, err = fix("-", cwd=files, stdin="a: [1\n")
    assert (code, out) == (3, "a: [1\n")
    assert "<stdin>" in err


def test_line_ends_mark_and_last_line(files: Path) -> None:
    written = ("\ufeff" + BEFORE.replace("\n", "\r\n")).encode()[:-2]
    (files / "one.yaml").write_bytes(written)
    assert fix("one.yaml", cwd=files)[0] == 0
    assert (files / "one.yaml").read_bytes() == ("\ufeff" + AFTER.replace("\n", "\r\n")).encode()[:-2]


def test_json_and_lists(files: Path) -> None:
    (files / "one.json").write_text(JSON)
    (files / "list.yaml").write_text(
        "apiVersion: v1\nkind: List\nitems:\n# first\n- apiVersion: example.com/v1\n  kind: Gadget\n"
        "  metadata: {name: a, labels: {}}\n  spec: {size: 7, class: x}\n"
        "- apiVersion: example.com/v1\n  kind: Gadget\n  metadata: {name: b, labels: {}}\n  spec:\n    size: 1 # one\n"
    )
    assert fix("one.json", "list.yaml", cwd=files)[0] == 0
    expected = JSON.replace('"size": 5', '"size": 7,\n      "class": "standard"')
    assert (files / "one.json").read_text() == expected
    assert (files / "list.yaml").read_text().endswith("  spec:\n    size: 7 # one\n    class: standard\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            BEFORE.replace("spec:\n", "spec: &s\n").replace("# foot", "copy: *s"),
            "one.yaml:6: cannot be written: aliases *s",
        ),
        (BEFORE + "---\na: [\n", "one.yaml:20"),
        (BEFORE.replace("  old: yes  # gone\n", "  ? old\n  : yes\n"), "one.yaml:10: cannot be written: the key 'old'"),
        (BEFORE.replace("size: 5", "size: 5\n  size: 6"), "stands twice"),
    ],
)
def test_what_cannot_be_written_leaves_the_file(
    files: Path, text: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (files / "one.yaml").write_text(text)
    (files / "two.yaml").write_text(BEFORE)
    assert here(monkeypatch, files, "one.yaml", "two.yaml") == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert "fixed: one.yaml" not in err
    assert (files / "one.yaml").read_text() == text
    assert (files / "two.yaml").read_text() == AFTER  # another file is not touched by that


def test_a_mutation_that_fails(files: Path) -> None:
    (files / "policy.yaml").write_text(POLICY.replace('.spec.class //= "standard"', ".spec.count += 1"))
    code, _, err = fix("one.yaml", cwd=files)
    assert code == 3
    assert "one.yaml:2: fixer: mutation class: has not settled" in err
    assert (files / "one.yaml").read_text() == BEFORE


def test_defaults_of_the_crd_are_not_written(files: Path) -> None:
    (files / "crd.yaml").write_text("""\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gadgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: gadgets, singular: gadget, kind: Gadget, listKind: GadgetList}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}
          spec:
            type: object
            default: {}
            properties:
              size: {type: integer, default: 3}
              other: {type: integer, default: 3}
              class: {type: string}
""")
    text = "apiVersion: example.com/v1\nkind: Gadget\nmetadata: {name: a, labels: {}}\nstatus: {x: 1}\n"
    (files / "one.yaml").write_text(text)
    assert fix("one.yaml", "--crds", "crd.yaml", cwd=files)[0] == 0
    assert (files / "one.yaml").read_text() == text + "spec:\n  size: 7\n  class: standard\n"
    assert fix("one.yaml", "--crds", "crd.yaml", cwd=files)[0] == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(("missing.yaml",), 2), ((), 2), (("one.yaml", "--policies", "missing.yaml"), 2), (("one.yaml", "--nonsense"), 2)],
)
def test_usage(files: Path, arguments: tuple[str, ...], code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert here(monkeypatch, files, *arguments) == code
