"""What of a report counts, and what does not."""

import copy
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.json import Json, JsonObject
from auditor.model.settings import ReportSettings
from auditor.report.crs import build, content_of_report
from tests.unit.report.crs.making import SEEN, make_finding, make_subject

Change = Callable[[JsonObject], object]


def made() -> JsonObject:
    report = build(make_subject(), [make_finding("a"), make_finding("b")], settings=ReportSettings(), at=SEEN)
    assert report is not None
    return report


def read_back() -> JsonObject:
    """As an API server gives it, with what others have added."""
    report = copy.deepcopy(made())
    report["metadata"] |= {"uid": "u", "resourceVersion": "5", "generation": 2, "managedFields": [{}]}
    report["metadata"]["creationTimestamp"] = "2026-05-04T03:02:01Z"
    report["metadata"]["labels"]["team"] = "a"
    report["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] = "{}"
    report["metadata"]["ownerReferences"].insert(0, {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "y"})
    report["configuration"] = {"limits": {"maxResults": 5}}
    report["results"][0]["timestamp"] = {"nanos": 5, "seconds": 6}
    return dict(reversed(report.items()))


def test_read_back() -> None:
    assert content_of_report(read_back()) == content_of_report(made())


def test_another_time() -> None:
    later = build(
        make_subject(),
        [make_finding("a"), make_finding("b")],
        settings=ReportSettings(),
        at=datetime.now(UTC),
    )
    assert later is not None
    assert content_of_report(later) == content_of_report(made())


@pytest.mark.parametrize(
    "change",
    [
        lambda r: r["metadata"]["labels"].pop("app.kubernetes.io/managed-by"),
        lambda r: r["metadata"]["labels"].update({"auditor.dev/kind": "x"}),
        lambda r: r["metadata"].pop("labels"),
        lambda r: r["metadata"]["annotations"].pop("auditor.dev/kind"),
        lambda r: r["metadata"]["annotations"].update({"auditor.dev/not-listed": "1"}),
        lambda r: r["metadata"].pop("ownerReferences"),
        lambda r: r["metadata"]["ownerReferences"][1].update(controller=True),
        lambda r: r["metadata"]["ownerReferences"].pop(1),
        lambda r: r["scope"].update(name="x"),
        lambda r: r.pop("scope"),
        lambda r: r.pop("source"),
        lambda r: r["summary"].update(fail=3),
        lambda r: r["summary"].update(fail=True),
        lambda r: r["results"].pop(),
        lambda r: r["results"].reverse(),
        lambda r: r["results"][0].update(message="x"),
        lambda r: r["results"][0].update(scored=1),
        lambda r: r["results"][0]["properties"].update(resultID="x"),
        lambda r: r["results"][0].update(more=1),
    ],
)
def test_what_counts(change: Change) -> None:
    report = read_back()
    change(report)
    assert content_of_report(report) != content_of_report(made())


JSON: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3, alphabet="ab"),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["labels", "a", "uid"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["metadata", "results", "scope", "summary"]), JSON))
def test_any_shape(report: JsonObject) -> None:
    """Others may write what they like under our name: the store must not fail on it."""
    assert content_of_report(report) == content_of_report(copy.deepcopy(report))
