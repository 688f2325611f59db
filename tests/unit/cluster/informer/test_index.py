"""What the model test of the hub does not reach: functions that fail, and many objects of one value."""

import pytest

from auditor.cluster.informer.index import Index
from auditor.errors import ClusterError
from auditor.json import JsonObject


def hosts(obj: JsonObject) -> list[str]:
    return [host.lower() for host in obj["hosts"]]


def test_one_value_of_many_objects_and_back() -> None:
    index = Index(hosts, 1)
    for key in ("a", "b", "c"):
        index.put(key, {"hosts": ["x", "X", key]})
    assert sorted(index.keys("x")) == ["a", "b", "c"]
    assert sorted(index.values()) == ["a", "b", "c", "x"]
    for key in ("a", "b"):
        index.remove(key)
    assert index.keys("x") == ["c"]
    index.put("c", {"hosts": []})
    assert (index.keys("x"), index.values()) == ([], [])


def test_what_it_could_not_compute_is_an_error_until_it_can(caplog: pytest.LogCaptureFixture) -> None:
    index = Index(hosts, 1)
    index.put("a", {"hosts": ["x"]})
    index.put("b", {"hosts": [7]})
    index.put("c", {})
    assert index.failed == 2
    assert len(caplog.records) == 1
    with pytest.raises(ClusterError, match=r"failed on 2 objects, such as \('b', .AttributeError: .*lower"):
        index.keys("x")
    index.remove("c")
    index.put("b", {"hosts": ["X"]})
    assert sorted(index.keys("x")) == ["a", "b"]


def test_an_object_that_fails_loses_its_values() -> None:
    index = Index(hosts, 1)
    index.put("a", {"hosts": ["x"]})
    index.put("a", {})
    index.put("b", {"hosts": []})
    index.remove("a")
    assert index.keys("x") == []


def test_a_text_is_not_taken_for_its_letters() -> None:
    index = Index(lambda _: "text", 1)
    index.put("a", {})
    with pytest.raises(ClusterError, match="not one text"):
        index.keys("t")


def test_an_object_that_cannot_be_had_is_a_failure() -> None:
    index = Index(hosts, 1)
    index.fail("a", "too deep")
    with pytest.raises(ClusterError, match="too deep"):
        index.keys("x")
