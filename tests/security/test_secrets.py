"""A secret is put wherever one may be, and looked for in all that is told."""

import json
import logging
import subprocess
from pathlib import Path

import pytest

from auditor.cli.logs import JsonFormatter, TextFormatter
from auditor.json import JsonObject
from tests.security.making import CRD, policy, shop, write
from tests.unit.cli.binary import AUDITOR, environment, run

CANARY = 'c4nary\nXYZ"q'
"""With a line break and a quote, as a key in PEM or a password may have: it is looked for as it is and as in JSON."""
PART = "c4nary"

FORMATS = ("table", "json", "yaml", "sarif", "junit", "github", "gitlab", "markdown", "html", "csv", "report")

RULES: dict[str, JsonObject] = {
    "jq-false": {"jq": ".spec.password == 1"},
    "jq-add": {"jq": ".spec.password + 1 == 1"},
    "jq-number": {"jq": ".spec.password | tonumber > 1"},
    "jq-date": {"jq": ".spec.password | fromdate > 1"},
    "jq-json": {"jq": ".spec.password | fromjson > 1"},
    "jq-format": {"jq": '.spec.password | strptime("%Y") | mktime == 1'},
    "jq-thrown": {"jq": ".spec.password | error"},
    "jq-object": {"jq": "error(.spec)"},
    "jq-key": {"jq": ".spec.list[.spec.password] == 1"},
    "jq-place": {"deny": '{message: "wrong", path: "/spec/env/0/value"}'},
    "cel-number": {"cel": "int(object.spec.password) > 1"},
    "cel-time": {"cel": "timestamp(object.spec.password) > timestamp('2020-01-01T00:00:00Z')"},
    "cel-address": {"cel": "ip(object.spec.password).family() == 4"},
    "cel-key": {"cel": "object.spec[object.spec.password] == 1"},
    "cel-regex": {"cel": "'x'.matches('(' + object.spec.password)"},
    "cel-version": {"cel": "semver(object.spec.password).major() == 4"},
    "cel-quantity": {"cel": "quantity(object.spec.password).isGreaterThan(quantity('1'))"},
    "cel-equal": {"cel": "object.spec.password == 'x'"},
    "schema-field": {
        "schema": {
            "properties": {
                "spec": {
                    "properties": {
                        "password": {"pattern": "^x$", "maxLength": 3, "enum": ["a"], "format": "date"},
                        "apiToken": {"type": "integer"},
                        "url": {"maxLength": 1},
                        "env": {"items": {"properties": {"value": {"maxLength": 1}}}},
                    }
                }
            }
        }
    },
    "schema-any": {"schema": {"properties": {"spec": {"anyOf": [{"required": ["no"]}, {"type": "string"}]}}}},
    "schema-not": {"schema": {"not": {"type": "object"}}},
    "schema-most": {"schema": {"maxProperties": 1}},
    "schema-false": {"schema": {"properties": {"spec": {"properties": {"credentials": False}}}}},
    "sensitive-cel": {"cel": "object.spec.open[object.spec.plain] == 1", "sensitive": True},
    "sensitive-jq": {"deny": ".spec.plain", "sensitive": True},
    "sensitive-schema": {
        "schema": {"properties": {"spec": {"properties": {"plain": {"maxLength": 1}}}}},
        "sensitive": True,
    },
}


def is_told(text: str) -> bool:
    return PART in text


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = Path(tmp_path_factory.mktemp("secrets"))
    thing = shop(
        size=1,
        password=CANARY,
        apiToken=CANARY,
        credentials={"user": CANARY},
        url=f"https://user:{PART}@host/x",
        link=f"https://host/?token={PART}",
        env=[{"name": "DB_PASSWORD", "value": CANARY}],
        plain=CANARY,
        list=[1],
        open={},
    )
    copy = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps({"spec": {"password": CANARY}})}
    thing["metadata"]["annotations"] = copy
    write(place / "one.json", [thing])
    # One that names what it reads in the open, and is not marked: what it makes of that is its author's word.
    write(place / "policies.json", [policy(name, rule) for name, rule in RULES.items()])
    strict = json.loads(json.dumps(CRD))
    schema = strict["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema["properties"] = {
        "spec": {
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": True,
            "properties": {
                "password": {"type": "string", "maxLength": 3, "pattern": "^x$", "enum": ["a"]},
                "apiToken": {"type": "integer"},
                "credentials": {"type": "string"},
            },
        }
    }
    write(place / "crd.json", [strict])
    return place


def test_of_an_object_in_no_format(place: Path) -> None:
    wanted = [word for each in FORMATS for word in ("-o", f"{each}=out.{each}")]
    arguments = ("one.json", "--crds", "crd.json", "--policies", "policies.json", *wanted)
    said = run("-vv", "scan", *arguments, cwd=place)
    assert said.code == 3
    assert not is_told(said.text)
    found = json.loads((place / "out.json").read_text())["findings"]
    assert {each["policy"] for each in found} >= set(RULES)
    for each in FORMATS:
        assert not is_told((place / f"out.{each}").read_text()), each


@pytest.mark.parametrize("name", ["jq-json", "cel-key", "schema-any", "sensitive-cel", "sensitive-schema"])
def test_of_an_object_in_no_explanation(name: str, place: Path) -> None:
    said = run("explain", name, "one.json", "--policies", "policies.json", cwd=place)
    assert said.code in (1, 3)
    assert not is_told(said.text)


URL = f"postgresql://user:{PART}@127.0.0.1:1/db"
KUBE = ("--kubeconfig", "config", "--request-timeout", "1")
GIVEN = (
    ("report", "--database-url", URL),
    ("report", "--database-url", f"postgresql://user:{PART}@127.0.0.1:none/db"),
    ("report", "--database-url", f"nosuch://user:{PART}@host/db"),
    ("watch", "--database-url", URL, *KUBE),
    ("scan", "--cluster", *KUBE),
)


@pytest.mark.parametrize("command", GIVEN, ids=lambda command: "-".join(command)[:40].replace(PART, ""))
def test_of_what_the_program_is_given(command: tuple[str, ...], tmp_path: Path) -> None:
    """Passwords of databases, tokens of clusters, variables: no error has them, and no traceback."""
    user = {"name": "u", "user": {"token": PART, "password": PART, "username": "u"}}
    cluster = {"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}
    context = {"name": "x", "context": {"cluster": "c", "user": "u"}}
    config = {"apiVersion": "v1", "kind": "Config", "clusters": [cluster], "users": [user], "contexts": [context]}
    (tmp_path / "config").write_text(json.dumps({**config, "current-context": "x"}))
    more = environment(AUDITOR_SECRET=PART, PGPASSWORD=PART)
    said = subprocess.run(
        [AUDITOR, "-vv", *command], cwd=tmp_path, env=more, capture_output=True, text=True, check=False
    )
    assert said.returncode in (2, 3)
    assert said.stderr
    assert not is_told(said.stdout + said.stderr)


def test_a_line_of_the_log_is_one_line() -> None:
    """Names come from requests, and before they are looked at: no name writes a line of its own."""
    record = logging.LogRecord(
        "auditor", logging.INFO, "", 0, "denied %s", ("x\nINFO auditor: all is well\x1b[2J",), None
    )
    text = TextFormatter("%(levelname)s %(name)s: %(message)s").format(record)
    assert text == "INFO auditor: denied x\n  INFO auditor: all is well\\x1b[2J"


def test_a_line_of_the_log_in_json_is_one_line_and_acts_on_nothing() -> None:
    hostile = 'x\r\n{"level": "info"}\x1b[2J\x9b2J\x7f\u2028\u2029\u202e\x00"'
    record = logging.LogRecord("auditor", logging.INFO, "", 0, "denied %s", (hostile,), None)
    text = JsonFormatter().format(record)
    assert text.isprintable()
    assert len(text.splitlines()) == 1
    assert json.loads(text)["message"] == f"denied {hostile}"
