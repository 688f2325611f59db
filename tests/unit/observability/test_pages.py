"""docs/logs.md and docs/tracing.md say all that there is, and nothing else."""

import ast
import json
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

import auditor
from auditor import tracing
from auditor.cli.docs.logs import LoggedLine, find_logged, read_logged
from auditor.cli.frame import auditor as auditor_command
from auditor.cli.logs import JsonFormatter
from auditor.json import JsonObject
from auditor.model.finding import Finding, Result
from auditor.model.policy import Severity
from auditor.webhooks.decisions import Decision
from tests.unit.observability.queries import ROOT
from tests.unit.observability.runbooks import commands_in, links_in

LOGS = (ROOT / "docs" / "logs.md").read_text()
TRACING = (ROOT / "docs" / "tracing.md").read_text()


def table(page: str, name: str, column: int = 1) -> set[str]:
    """The words in backquotes in that column."""
    rows = page.partition(f"<!-- {name} -->\n")[2].partition("<!-- end -->")[0].splitlines()
    assert rows
    return {word for row in rows for word in re.findall(r"`([^`]+)`", row.split("|")[column])}


def format_line(**more: object) -> JsonObject:
    record = logging.makeLogRecord(
        {"name": "a", "levelname": "INFO", "msg": "%s ü", "args": (1,), "created": 0, **more}
    )
    line: JsonObject = json.loads(JsonFormatter().format(record))
    return line


def test_the_fields_of_a_line_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "current_trace", lambda: "0" * 32)
    line = format_line(exc_info=(ValueError, ValueError("x"), None), decision={})
    assert set(line) == table(LOGS, "fields")
    assert (line["event"], line["message"], line["time"]) == ("%s ü", "1 ü", "1970-01-01T00:00:00.000+00:00")
    plain = {"time", "level", "logger", "message", "event"}
    monkeypatch.undo()
    assert set(format_line()) == plain


def test_what_is_no_text_has_no_event() -> None:
    assert "event" not in format_line(msg=ValueError("x"), args=())


def test_the_fields_of_a_decision_are_told() -> None:
    finding = Finding(
        policy="a", rule="b", result=Result.SKIP, severity=Severity.LOW, message="", fingerprint="f", exception="e"
    )
    decision = Decision(
        id="a-1",
        time=datetime.now(UTC),
        webhook="",
        uid="",
        operation="",
        api_version="",
        kind="",
        namespace="",
        name="",
        object_uid="",
        subresource="",
        user="",
        outcome="",
        allowed=True,
        dry_run=False,
        broke_glass=False,
        late=False,
        seconds=0.0,
        findings=[finding],
    ).describe()
    assert set(decision) == table(LOGS, "decision")
    assert set(decision["findings"][0]) <= table(LOGS, "decision", 2)


def test_lines_are_found_in_the_source() -> None:
    source = """
import logging
log = logging.getLogger(__name__)
log.warning("a %s", 1)
log.log(logging.INFO, "b")
log.exception(said)
other.warning("c")
"""
    assert sorted(read_logged(source, "room", "auditor.room.x")) == [
        LoggedLine("room", "auditor.room.x", "by the case", "b"),
        LoggedLine("room", "auditor.room.x", "error", "%s"),
        LoggedLine("room", "auditor.room.x", "warning", "a %s"),
    ]
    found = find_logged()
    assert LoggedLine("webhooks", "auditor.webhooks", "by the case", "%s: %s %s %s %s%s") in found
    assert len(found) > 100


def calls() -> Iterator[ast.Call]:
    top = Path(auditor.__file__).parent
    for room in top.iterdir():  # some are links, into which a search from above does not go
        for file in room.rglob("*.py"):
            source = file.read_text()
            if "auditor.tracing import" in source:
                yield from (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))


def keys_in(node: ast.AST) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value


def test_the_spans_and_their_attributes_are_told() -> None:
    names, attributes = set[str](), {"error.type"}
    for call in calls():
        function = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
        if function in ("span", "begin", "call", "resume") and call.args:
            names |= set(keys_in(call.args[0]))
            attributes |= {key for each in call.args[1:2] for key in keys_in(each) if "." in key}
        elif function == "set_attribute":
            attributes |= {key for key in keys_in(call.args[0]) if "." in key}
    attributes |= {"auditor.kind", "auditor.object", "auditor.reason"}  # of the object, handed over as a whole
    told = table(TRACING, "attributes", 2)
    attributes |= {f"auditor.{each}" for each in ("opened", "changed", "resolved")}  # made of one text
    assert {each for each in attributes if not each.endswith(".")} == told
    trees = [block for block in TRACING.split("```") if "──" in block]
    assert len(trees) == 2
    shown = {word for tree in trees for word in re.findall(r"^[├└─│ ]*((?:\w+ )*\w+)(?:  |$)", tree, re.MULTILINE)}
    assert {each for each in shown if not any(each.startswith(name) for name in names)} == set()
    assert {
        name for name in names if not any(each.startswith(name) for each in (*shown, "mutate", "review convert"))
    } == set()


@pytest.mark.parametrize("name", ["logs.md", "tracing.md", "runbooks/README.md"])
def test_links_lead_somewhere_and_commands_are_taken(name: str) -> None:
    page = ROOT / "docs" / name
    text = page.read_text()
    assert [link for link in links_in(text) if not (page.parent / link).is_file()] == []
    for command in commands_in(text):
        program, *words = command.split()
        if program == "auditor":  # help comes only where all options are known
            assert CliRunner().invoke(auditor_command, [*words, "--help"]).exit_code == 0, command
