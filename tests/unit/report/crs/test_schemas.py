"""Every report is valid against our CRDs and against those of the upstream projects, and no field of it is unknown."""

from functools import cache
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor import crds
from auditor.json import JsonObject
from auditor.languages.schema import StructuralSchema
from auditor.model.finding import Finding
from auditor.model.settings import ReportApi, ReportSettings
from auditor.model.subject import Subject
from auditor.report.crs import FORMS, build, content_of_report
from tests.conftest import SHARED_DATA
from tests.unit.report.crs.making import FINDINGS, SEEN, SUBJECTS, make_finding

UPSTREAM = SHARED_DATA / "reports"


def schema_in(crd: JsonObject, version: str) -> JsonObject:
    (found,) = [v for v in crd["spec"]["versions"] if v["name"] == version]
    schema: JsonObject = found["schema"]["openAPIV3Schema"]
    return schema


@cache
def ours(api: ReportApi) -> dict[str, JsonObject]:
    return {crd["spec"]["names"]["kind"]: crd for crd in yaml.safe_load_all(crds.read_reports(api))}


@cache
def upstream() -> dict[str, JsonObject]:
    found = [yaml.safe_load(path.read_text()) for path in sorted(Path(UPSTREAM).glob("*.yaml"))]
    return {crd["spec"]["names"]["kind"]: crd for crd in found}


@cache
def schemas(api: ReportApi, kind: str) -> list[StructuralSchema]:
    (form,) = [form for form in FORMS[api] if form.kind == kind]
    sources = [ours(api), *([upstream()] if UPSTREAM.is_dir() else [])]
    return [StructuralSchema.compile(schema_in(source[kind], form.version)) for source in sources]


@settings(max_examples=60)
@given(SUBJECTS, st.lists(FINDINGS, min_size=1, max_size=4), st.sampled_from(list(FORMS)), st.integers(1, 5))
def test_every_report_is_valid(subject: Subject, findings: list[Finding], api: ReportApi, most: int) -> None:
    report = build(subject, findings, settings=ReportSettings(api=api, passes=True, max_findings=most), at=SEEN)
    assert report is not None
    for schema in schemas(api, report["kind"]):
        received = schema.receive(report)
        assert received.unknown == []
        assert schema.validate(received.object) == []
        assert content_of_report(received.object) == content_of_report(report)


def test_a_wrong_one_is_refused(shared_data: Path) -> None:
    """The test before can fail."""
    subject = Subject("v1", "ConfigMap", "configmaps", "a", "b", "c")
    report = build(subject, [make_finding()], settings=ReportSettings(), at=SEEN)
    assert report is not None
    for change in ({"severity": "awful"}, {"properties": {"a": 1}}, {"policy": None}, {"timestamp": {"seconds": 1}}):
        wrong = report | {"results": [report["results"][0] | change]}
        assert all(schema.validate(wrong) for schema in schemas(ReportApi.OPENREPORTS, "Report")), change
    assert len(schemas(ReportApi.OPENREPORTS, "Report")) == 2
    assert schemas(ReportApi.WGPOLICY, "PolicyReport")[1].receive(report).unknown == ["source"]


@pytest.mark.parametrize("api", list(FORMS))
def test_ours_have_the_names_of_upstream(api: ReportApi, shared_data: Path) -> None:
    for form in FORMS[api]:
        own, other = ours(api)[form.kind], upstream()[form.kind]
        assert own["metadata"]["name"] == other["metadata"]["name"] == form.crd
        for field in ("group", "names", "scope"):
            assert own["spec"][field] == other["spec"][field]
        assert (own["spec"]["scope"] == "Namespaced") is form.namespaced
        (version,) = own["spec"]["versions"]
        assert version["name"] == form.version
        columns = {column["jsonPath"] for column in version["additionalPrinterColumns"]}
        (stored,) = [v for v in other["spec"]["versions"] if v["name"] == form.version]
        assert columns == {column["jsonPath"] for column in stored["additionalPrinterColumns"]}
    assert len(ours(api)) == 2


@pytest.mark.parametrize("api", list(FORMS))
def test_ours_differ_in_nothing_else(api: ReportApi) -> None:
    one, other = ours(api).values()
    for crd in (one, other):
        schema_in(crd, FORMS[api][0].version).pop("description", None)
    assert one["spec"]["versions"] == other["spec"]["versions"]


def test_reports_are_none_of_our_own_kinds() -> None:
    assert not {"openreports", "wgpolicyk8s", "reports"} & set(crds.names())
