"""Policies by somebody who means harm: none reaches out of its input, and none takes the others down with it."""

import http.server
import json
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditor.json import JsonObject
from tests.security.making import policy, shop, write
from tests.unit.cli.binary import run

CANARY = "c4nary-of-the-environment"

REACHING_JQ = [
    "env.CANARY == null",
    "$ENV.CANARY == null",
    '"\\(env)" == ""',
    "$__prog_args == null",
    "input_filename == null",
    "input == 1",
    "[inputs] == []",
    'import "x" as x {search: "/"}; x::y',
    'include "x" {search: "/"}; y',
    'import "data" as $d {search: "/etc"}; $d == 1',
    "modulemeta == 1",
    "get_search_list == []",
    "halt",
    "1 | halt_error",
    "debug == 1",
    "stderr == 1",
    "now > 1",
    "input_line_number == 0",
    "$__loc__ == 1",
    "true) | env | (true",
    "true #\n| env == 1",
    '.a as [$b, {c: $d}] | ("\\(env.CANARY)" == $b)',
    "def f: env; f == 1",
    "reduce (env) as $x (0; 1) == 1",
]
"""What would tell of the process, its files, its terminal or its clock."""

REACHING_CEL = [
    "env.CANARY == ''",
    "os.getenv('CANARY') == ''",
    "__import__('os') == 1",
    "object.__class__.x()",
    "file('/etc/passwd') == ''",
    "http.get('http://127.0.0.1/') == ''",
    "now() > timestamp('2020-01-01T00:00:00Z')",
    "google.protobuf.Any{}.type_url == open",
]

RUNAWAYS = {
    "loop": {"jq": "def f: f; f"},
    "list": {"jq": "[range(1e18)] | true"},
    "text": {"jq": '"x" as $x | ($x * 2000000000) | true'},
    "depth": {"jq": "def f: [f]; f == 1"},
    "flood": {"deny": 'range(1e9) | "message \\(.)"'},
    "large": {"deny": '"x" * 30000000'},
    "index": {"jq": "[] | .[536870911] = 1 | true"},
    "path": {"jq": "reduce range(20000) as $i (.; [.]) | tojson | length > 1 | not"},
    "regex": {"jq": '("a" * 5000 + "!") | test("^(a*)*$")'},
    "points": {"jq": "[1114112, 55296] | implode == 1"},
    "date": {"jq": '1e300 | strftime("%Y" * 100000) == ""'},
    "square": {"cel": "object.spec.many.all(a, object.spec.many.all(b, object.spec.many.all(c, a + b + c >= 0)))"},
    "double": {"cel": "[1, 2, 3].map(x, object.spec.text.replace('a', object.spec.text)).size() < 0"},
}
"""Each would take a processor, the memory or the terminal for itself."""

TIME = 45.0
"""Seconds for all of them, on a machine that has other things to do: none of them ends by itself within that."""


class _Listener:
    """Counts who comes."""

    def __init__(self) -> None:
        came = self.came = list[str]()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                came.append(self.path)
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"true")

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self._thread.join(5)


@pytest.fixture
def listener() -> Iterator[_Listener]:
    listener = _Listener()
    yield listener
    listener.close()


def test_what_reaches_out_is_refused(tmp_path: Path) -> None:
    """Each of them, with its place; and nothing of what it asks for is told."""
    cases = [{"jq": text} for text in REACHING_JQ] + [{"cel": text} for text in REACHING_CEL]
    policies = write(tmp_path / "policies.json", [policy(f"p{n}", case) for n, case in enumerate(cases)])
    write(tmp_path / "one.json", [shop()])
    said = run("scan", "one.json", "--policies", policies, cwd=tmp_path, more={"CANARY": CANARY})
    assert said.code == 2
    assert CANARY not in said.text
    refused = {int(each) for each in re.findall(r"Policy p(\d+),", said.err)}
    assert refused == set(range(len(cases)))


ELSEWHERE: dict[str, JsonObject] = {
    "mutate-jq": {"mutate": [{"name": "m", "jq": ".metadata.labels.x = env.CANARY"}]},
    "mutate-cel": {"mutate": [{"name": "m", "cel": "[JSONPatch{op: 'add', path: '/x', value: os.getenv('CANARY')}]"}]},
    "condition": {"matchConditions": [{"name": "c", "expression": "env.CANARY == ''"}]},
    "variable": {"variables": [{"name": "v", "expression": "env.CANARY"}]},
}


def test_nor_from_any_other_place(tmp_path: Path) -> None:
    """Than rules: each program of a policy is held to the same."""
    made = [policy(name, {"jq": "true"}, **spec) for name, spec in ELSEWHERE.items()]
    made.append(policy("message", {"cel": "false", "messageExpression": "env.CANARY"}))
    policies = write(tmp_path / "policies.json", made)
    write(tmp_path / "one.json", [shop()])
    said = run("scan", "one.json", "--policies", policies, cwd=tmp_path, more={"CANARY": CANARY})
    assert said.code == 2
    assert CANARY not in said.text
    assert set(re.findall(r"Policy ([\w-]+)[,:]", said.err)) == {*ELSEWHERE, "message"}


@pytest.mark.parametrize("program", ["env", "$ENV", "input_filename", "[inputs]", 'include "x"; y', ". as $x | now"])
def test_no_conversion_reaches_out(program: str, tmp_path: Path) -> None:
    steps = [{"from": "v1", "to": "v2", "jq": f".spec.found = ({program})"}]
    spec: JsonObject = {"resource": {"group": "example.com", "resource": "shops"}, "steps": steps}
    head = {"apiVersion": "auditor.dev/v1", "kind": "Conversion", "metadata": {"name": "shops.example.com"}}
    write(tmp_path / "conversion.json", [{**head, "spec": spec}])
    write(tmp_path / "one.json", [shop()])
    arguments = ("one.json", "--to", "v2", "--conversions", "conversion.json")
    said = run("convert", *arguments, cwd=tmp_path, more={"CANARY": CANARY})
    assert said.code == 2
    assert "conversion.json" in said.err
    assert CANARY not in said.text


def test_no_schema_is_fetched(tmp_path: Path, listener: _Listener) -> None:
    (tmp_path / "local.json").write_text("true")
    targets = [
        f"{listener.url}/schema",
        f"//{listener.url.removeprefix('http://')}/schema",
        (tmp_path / "local.json").as_uri(),
        str(tmp_path / "local.json"),
        "local.json",
        "file:///etc/passwd",
    ]
    schemas: list[JsonObject] = [{keyword: target} for target in targets for keyword in ("$ref", "$dynamicRef")]
    schemas += [
        {"$id": f"{listener.url}/root", "$ref": "other"},
        {"$id": f"{listener.url}/root", "properties": {"a": {"$ref": "/schema#/x"}}},
        {"$schema": f"{listener.url}/draft"},
        {"$defs": {"a": {"$schema": f"{listener.url}/draft"}}, "$ref": "#/$defs/a"},
        {"$ref": f"{listener.url}/a#/$defs/b", "$defs": {"b": True}},
        {"$recursiveRef": f"{listener.url}/a"},
    ]
    policies = write(tmp_path / "policies.json", [policy(f"p{n}", {"schema": s}) for n, s in enumerate(schemas)])
    write(tmp_path / "one.json", [shop()])
    said = run("scan", "one.json", "--policies", policies, cwd=tmp_path)
    refused = {int(each) for each in re.findall(r"Policy p(\d+),", said.err)}
    assert (said.code, refused) == (2, set(range(len(schemas))))
    assert listener.came == []


def test_runaways_are_errors_and_their_neighbours_are_judged(tmp_path: Path) -> None:
    named = [policy(name, rule) for name, rule in RUNAWAYS.items()]
    well = [
        policy("jq-neighbour", {"jq": ".spec.size == 1"}),
        policy("cel-neighbour", {"cel": "object.spec.size == 1"}),
    ]
    policies = write(tmp_path / "policies.json", [*well, *named])
    write(tmp_path / "one.json", [shop(size=1, many=list(range(400)), text="a" * 20_000)])
    begun = time.monotonic()
    said = run("scan", "one.json", "--policies", policies, "-o", "json", cwd=tmp_path)
    assert time.monotonic() - begun < TIME
    assert said.code == 3
    document = json.loads(said.out)
    passed = document["summary"]["pass"]
    results = {each["policy"]: each["result"] for each in document["findings"]}
    assert passed == len(well)
    # Two of them end by themselves where they have the time for it, and are violated then.
    assert results | dict.fromkeys(("path", "points"), "error") == dict.fromkeys(RUNAWAYS, "error")
    assert {results["path"], results["points"]} <= {"error", "fail"}
    assert len(said.text) < 200_000  # whatever a rule yields, what is told of it has an end
    assert max(len(each["message"]) for each in document["findings"]) < 5_000


def test_expressions_that_cannot_end_soon_are_not_compiled_for_ever(tmp_path: Path) -> None:
    texts: list[JsonObject] = [
        {"jq": "(" * 30_000 + "1" + ")" * 30_000 + " == 1"},
        {"jq": "[" * 20_000 + "]" * 20_000 + " == 1"},
        {"jq": "if " * 10_000 + "true"},
        {"jq": '"x" * 2000000000 == ""'},
        {"cel": "(" * 3_000 + "true" + ")" * 3_000},
        {"cel": "[" * 1_000 + "]" * 1_000 + ".size() == 0"},
        {"cel": " && ".join(["true"] * 20_000) + " && 1"},
        {"schema": {"pattern": "(((a{1,1000}){1,1000}){1,1000})"}},
        {"schema": {"pattern": "(?=a)b"}},
        {"schema": json.loads('{"not":' * 200 + "true" + "}" * 200)},
    ]
    policies = write(tmp_path / "policies.json", [policy(f"p{n}", each) for n, each in enumerate(texts)])
    write(tmp_path / "one.json", [shop()])
    begun = time.monotonic()
    said = run("scan", "one.json", "--policies", policies, cwd=tmp_path)
    assert time.monotonic() - begun < TIME
    refused = {int(each) for each in re.findall(r"Policy p(\d+),", said.err)}
    assert (said.code, refused) == (2, set(range(len(texts))))
