"""The documentation for authors says what is so."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from auditor import crds
from auditor.intake.prepare import prepare
from auditor.intake.scan import scan
from auditor.intake.yaml import Document, read_documents
from auditor.json import JsonObject
from auditor.languages.schema import read_crd
from tests.unit.intake.doc_tables import PAGE, PARTS, render

POLICIES = PAGE.parent / "policies.md"
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def examples() -> list[str]:
    blocks = re.findall(r"^```yaml\n(.*?)^```", POLICIES.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [block for block in blocks if block.startswith("apiVersion:")]


def test_the_examples_are_right(tmp_path: Path) -> None:
    assert len(examples()) >= 4
    (tmp_path / "all.yaml").write_text("---\n".join(examples()), encoding="utf-8")
    prepared = prepare([str(tmp_path)])
    assert not prepared.engine.warnings
    assert [policy.policy.name for policy in prepared.engine.policies] == ["gadget-sizes", "gadget-hosts"]
    assert (len(prepared.loaded.exceptions), len(prepared.loaded.conversions)) == (1, 1)


GADGET = """\
apiVersion: example.com/v1
kind: Gadget
metadata: {name: NAME, namespace: shop, labels: {env: dev}}
spec: {size: 3, image: a, public: true, host: NAME.apps.example.com, backup: {schedule: x}, members: [{cpu: 4}]}
"""


@pytest.mark.parametrize(
    ("change", "violated"),
    [
        (("", ""), set()),
        (("size: 3", "size: 4"), {"odd"}),
        (("size: 3", "size: 9"), {"not-too-large"}),
        (("image: a, ", ""), {"has-an-image"}),
        (("one.apps", "one.apps.other"), {"domain"}),
        (("one.apps", "other.apps"), {"unique"}),
        (("cpu: 4", "cpu: 20"), {"members"}),
        (("{schedule: x}", "{schedule: x, retentionDays: 2}"), {"backed-up"}),
    ],
)
def test_the_examples_do_what_the_page_says(tmp_path: Path, change: tuple[str, str], violated: set[str]) -> None:
    (tmp_path / "policies.yaml").write_text("---\n".join(examples()), encoding="utf-8")
    one = GADGET.replace("NAME", "one").replace(*change) if change[0] else GADGET.replace("NAME", "one")
    other = GADGET.replace("NAME", "other")
    (tmp_path / "objects.yaml").write_text(f"{one}---\n{other}", encoding="utf-8")
    found = scan([str(tmp_path / "objects.yaml")], prepare([str(tmp_path / "policies.yaml")]), time=NOW)
    assert not found.incomplete
    assert {finding.rule for judged, finding in found.findings() if judged.subject.name == "one"} == violated


def spec_of(kind: str) -> JsonObject:
    document = read_documents(crds.read(kind))[0]
    assert isinstance(document, Document)
    spec: JsonObject = read_crd(document.value).versions[0].schema["properties"]["spec"]
    return spec


@pytest.mark.parametrize("kind", ["policy", "policyexception", "conversion"])
def test_every_field_is_documented(kind: str) -> None:
    text = POLICIES.read_text(encoding="utf-8")
    for name, field in spec_of(kind)["properties"].items():
        inner = field.get("items", field).get("properties", {})
        for each in (name, *inner):
            assert re.search(rf"`[^`\n]*\b{each}\b[^`\n]*`|^ *(- )?{{?{each}:|[ {{]{each}:", text, re.MULTILINE), each


def test_the_generated_parts_are_up_to_date() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert all(f"<!-- generated: {name} -->" in page for name in PARTS)
    assert render(page) == page, "write them again: python -m tests.unit.intake.doc_tables"


@pytest.mark.parametrize("page", [PAGE, POLICIES], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for name, anchor in re.findall(r"\]\(([\w./-]*)(?:#([\w-]+))?\)", text):
        target = page.parent / name if name else page
        headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
        assert not anchor or anchor in [heading.lower().replace(" ", "-") for heading in headings]
