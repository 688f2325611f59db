"""Objects by somebody who means harm: what reads them, what shows them, and what tools make of that."""

import csv
import io
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml

from tests.security.making import CRD, policy, shop, write
from tests.unit.cli.binary import Said, run

EVIL = (
    "\x1b]0;title\x07\x1b[2J\x9b31m\x7f\u202egnp.exe\u2028\r\n::error file=a::pwned\n"
    "<script>alert(1)</script><img src=x onerror=alert(1)> ]]> &amp; "
    "[x](javascript:alert(1)) @everyone https://evil.example.com |cell| `code` \x0b\x00\u0000"
)
"""Acts on terminals, workflows, browsers, spreadsheets and readers of Markdown and XML, where it is shown as it is."""
FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\uff1d1", " =cmd|'/c calc'!A0")

# Controls, but for the ends of lines; C1 as terminals take it in UTF-8; what turns the direction of a text.
ACTS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
TURNS = re.compile("[\u202a-\u202e\u2066-\u2069\u2028\u2029]")

DATA = ("json", "sarif", "gitlab", "yaml", "report")
"""Formats that programs read: they hold each text as it is, written in such a way that it does not act."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A policy in each language about an object, all of whose texts are hostile."""
    place = Path(tmp_path_factory.mktemp("hostile"))
    write(
        place / "policies.json",
        [
            policy("written", {"jq": ".spec.size < 1", "message": EVIL, "remediation": EVIL}, title=EVIL),
            policy("computed", {"deny": '{message: .spec.text, path: ["spec", .spec.text]}'}, severity="high"),
            policy("thrown", {"jq": "error(.spec.text)"}),
            policy("expressed", {"cel": "object.spec.size < 1", "messageExpression": "string(object.spec.text)"}),
            policy("shaped", {"schema": {"properties": {"spec": {"properties": {"text": {"pattern": "^x$"}}}}}}),
            *(policy(f"formula{n}", {"deny": json.dumps(each)}) for n, each in enumerate(FORMULAS)),
        ],
    )
    write(place / "one.json", [shop(f"one{EVIL}", f"town{EVIL}", size=1, text=EVIL)])
    write(place / "crd.json", [CRD])
    write(
        place / "fixer.json",
        [policy("fixer", mutate=[{"name": "m", "jq": ".metadata.labels.x = .spec.text"}], description=EVIL)],
    )
    broken = policy(f"a{EVIL}", {"jq": "true", EVIL: 1})
    write(place / "broken.json", [broken])
    conversion = {"apiVersion": "auditor.dev/v1", "kind": "Conversion", "metadata": {"name": EVIL}, "spec": {EVIL: 1}}
    write(place / "conversion.json", [conversion])
    (place / "torn.yaml").write_bytes(f"a: [1 {EVIL}\n".encode())
    return place


@pytest.fixture(scope="module")
def outputs(place: Path) -> dict[str, str]:
    """All formats of one run, as they go to a file; the first of them as it goes to a terminal."""
    formats = ("table", "json", "yaml", "sarif", "junit", "github", "gitlab", "markdown", "html", "csv", "report")
    wanted = [word for each in formats for word in ("-o", f"{each}=out.{each}")]
    said = run("scan", "one.json", "--crds", "crd.json", "--policies", "policies.json", *wanted, cwd=place)
    assert said.code == 3  # one rule throws
    return {each: (place / f"out.{each}").read_bytes().decode() for each in formats}


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        self.attributes.update(name for name, _ in attrs)


def texts_of(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from (*texts_of(name), *texts_of(each))
    elif isinstance(value, list):
        for each in value:
            yield from texts_of(each)


def test_nothing_acts_in_any_format(outputs: dict[str, str]) -> None:
    for name, text in outputs.items():
        if name not in ("json", "sarif", "gitlab"):  # as files they hold C1 as it is, which is right in JSON
            assert not ACTS.search(text), name
        if name not in DATA:
            assert not TURNS.search(text), name


def test_data_reads_back(outputs: dict[str, str]) -> None:
    for name in DATA:
        read = (
            [json.loads(outputs[name])] if name in ("json", "sarif", "gitlab") else [*yaml.safe_load_all(outputs[name])]
        )
        assert any("alert(1)" in text for text in texts_of(read)), name


def test_no_command_to_a_workflow(outputs: dict[str, str]) -> None:
    lines = outputs["github"].splitlines()
    assert all(re.match(r"::(error|warning|notice) (file|title)=", line) for line in lines)
    assert all(line.count("::") >= 2 for line in lines)
    assert not any("\r" in line for line in lines)
    # What stands before the message has no other property than ours.
    heads = [line.split("::", 2)[1] for line in lines]
    assert all(
        {part.split("=")[0] for part in head.split(" ", 1)[1].split(",")} <= {"file", "line", "col", "title"}
        for head in heads
    )


def test_no_formula_in_a_table(outputs: dict[str, str]) -> None:
    rows = list(csv.reader(io.StringIO(outputs["csv"])))
    assert len({len(row) for row in rows}) == 1
    cells = [cell for row in rows for cell in row]
    assert not [cell for cell in cells if cell.lstrip(" ").startswith(tuple("=+-@\t\r\uff1d\uff0b\uff0d\uff20"))]
    assert any(cell.startswith("'=1+1") for cell in cells)


def test_no_markup_in_a_page(outputs: dict[str, str]) -> None:
    page = outputs["html"]
    assert "alert(1)" in page
    tags = Tags()
    tags.feed(page)
    tags.close()
    assert "li" in tags.found
    assert not tags.found & {"script", "img", "iframe", "svg", "a", "object", "form", "base", "link"}
    assert not [name for name in tags.attributes if name.startswith("on") or name in ("src", "href", "style")]
    assert "default-src 'none'" in page


def test_no_markup_in_a_comment(outputs: dict[str, str]) -> None:
    text = outputs["markdown"]
    assert "alert" in text
    assert "<script" not in text
    assert "<img" not in text
    assert "https://evil" not in text
    assert "@everyone" not in text
    assert not re.search(r"(?<!\\)\[x(?<!\\)\]", text)
    widths = {len(re.findall(r"(?<!\\)\|", line)) for line in text.splitlines() if line.startswith("|")}
    assert len(widths) == 1  # no text ends its cell


def test_xml_stays_xml(outputs: dict[str, str]) -> None:
    root = ET.fromstring(outputs["junit"])  # noqa: S314 - our own
    known = {"testsuites", "testsuite", "testcase", "properties", "property", "failure", "error", "skipped"}
    assert {each.tag for each in root.iter()} <= known


SHOWN = [
    ("scan", "one.json", "--crds", "crd.json", "--policies", "policies.json"),
    ("scan", "one.json", "--crds", "crd.json", "--policies", "policies.json", "-o", "json"),
    ("scan", "one.json", "--crds", "crd.json", "--policies", "policies.json", "-o", "sarif"),
    ("scan", "torn.yaml", "one.json", "--policies", "broken.json"),
    ("explain", "policies.json", "one.json"),
    ("explain", "policies.json", "one.json", "-o", "json"),
    ("fix", "one.json", "--policies", "fixer.json", "--diff"),
    ("fix", "one.json", "torn.yaml", "--policies", "fixer.json", "--check"),
    ("convert", "one.json", "torn.yaml", "--to", "v2", "--conversions", "conversion.json"),
    ("convert", "one.json", "--to", "v2", "--conversions", "broken.json"),
    ("test", "broken.json"),
    ("rbac", "--policies", "broken.json"),
    ("impact", "broken.json", "--offline", "--decisions", "one.json"),
    ("packs", "show", EVIL.partition("\n")[0]),
    ("scan", f"nothing{EVIL.partition(chr(0))[0]}", "--policies", "policies.json"),
]


@pytest.mark.parametrize("arguments", SHOWN, ids=lambda each: " ".join(each)[:40].encode("ascii", "replace").decode())
def test_nothing_acts_on_a_terminal(arguments: tuple[str, ...], place: Path) -> None:
    """A pipe gets what a terminal would, but for colours: ours alone, and they are asked for."""
    said = run(*arguments, cwd=place, more={"FORCE_COLOR": "1"})
    for text in (re.sub(r"\x1b\[[0-9;]*m", "", said.out), said.err):
        assert not ACTS.search(text)


def test_a_name_looks_like_no_line_of_ours(place: Path, tmp_path: Path) -> None:
    forged = "x\npass   shops on Shop town/two  (one.json:1)\nauditor: all is well"
    write(tmp_path / "one.json", [shop(forged, size=1)])
    policies = write(tmp_path / "p.json", [policy("p", {"deny": ".metadata.name"})])
    for command in (("scan", "one.json", "--policies", policies), ("explain", policies, "one.json")):
        said = run(*command, cwd=tmp_path)
        assert not re.search(r"^(pass|auditor:) ", said.out, re.MULTILINE)


def write_bomb(place: Path) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    (place / "bomb.yaml").write_text("apiVersion: v1\nkind: X\nmetadata: {name: x}\n" + "\n".join(lines))
    return "bomb.yaml"


HEAD = '{"apiVersion": "example.com/v1", "kind": "Shop", "metadata": {"name": "one", "namespace": "town"}, "spec": '
HOSTILE = {
    "surrogate": HEAD + r'{"text": "\ud800 \udfff", "\ud800": 1}}',
    "duplicate": HEAD + '{"size": 1, "size": 2}}',
    "huge integer": HEAD + '{"size": ' + "9" * 5_000 + "}}",
    "huge exponent": HEAD + '{"size": 1e999999999}}',
    "not a number": HEAD + '{"size": NaN}}',
    "deep list": HEAD + '{"x": ' + "[" * 10_000 + "]" * 10_000 + "}}",
    "deep map": HEAD + '{"x": ' + '{"a":' * 10_000 + "1" + "}" * 10_000 + "}}",
    "long line": HEAD + '{"text": "' + "x" * 3_000_000 + '"}}',
    "many keys": HEAD + "{" + ", ".join(f'"k{n}": 1' for n in range(50_000)) + "}}",
    "merge keys": "a: &a {x: 1}\nb: {<<: [" + ", ".join(["*a"] * 2_000) + "]}\n",
    "own tag": "apiVersion: v1\nkind: X\nmetadata: {name: !!python/object/apply:os.system ['touch pwned']}\n",
    "recursion": "apiVersion: v1\nkind: X\nmetadata: &m {name: x, annotations: *m}\n",
}


def test_what_cannot_be_read_is_told_and_the_rest_is_judged(tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    write_bomb(tmp_path / "bad")
    for name, text in HOSTILE.items():
        (tmp_path / "bad" / f"{name.replace(' ', '-')}.yaml").write_text(text)
        (tmp_path / "bad" / f"{name.replace(' ', '-')}.json").write_text(text)
    write(tmp_path / "good.json", [shop("good", size=1)])
    policies = write(
        tmp_path / "policies.json",
        [policy("p", {"jq": '.metadata.name != "good"'}, {"cel": "object.metadata.name != 'good'"}, {"schema": {}})],
    )
    said: Said = run("scan", "bad", "good.json", "--policies", policies, "-o", "json", cwd=tmp_path)
    assert said.code == 3
    judged = [each for each in json.loads(said.out)["findings"] if each["resource"]["name"] == "good"]
    assert sorted(each["rule"] for each in judged) == ["r0", "r1"]
    assert not (tmp_path / "pwned").exists()
    assert len(said.text) < 2_000_000
