"""What the logic takes for granted of the real API server, one thing at a time."""

from datetime import UTC, datetime

import pytest

from auditor.cluster import Client
from auditor.cluster.lease import LeaseApi
from auditor.cluster.lease.record import annotated, held, new_lease, read, released
from auditor.errors import AlreadyExistsError, ConflictError, NotFoundError
from auditor.json import JsonObject

NOW = datetime(2026, 11, 1, 12, 0, 0, 123000, tzinfo=UTC)


@pytest.fixture
def api(client: Client, namespace: str) -> LeaseApi:
    return LeaseApi(client.transport, namespace)


def make(api: LeaseApi, name: str = "one", **labels: str) -> JsonObject:
    lease = new_lease(api.namespace, name, labels=labels)
    return held(lease, holder="me", seconds=15, now=NOW, acquired="2026-11-01T12:00:00.000001Z", transitions=3)


def test_what_is_written_is_what_is_read(api: LeaseApi) -> None:
    stored = api.create(make(api), timeout=5)
    record = read(api.get("one", timeout=5))
    assert (record.holder, record.seconds, record.transitions) == ("me", 15, 3)
    assert record.same_hold(read(make(api)))  # its times come back as they were written, to the microsecond
    again = read(api.update(annotated(released(stored, now=NOW), {"a": "b"}), timeout=5))
    assert again.released
    assert int(again.version) > int(record.version)


def test_update_lands_on_what_was_read_or_not_at_all(api: LeaseApi) -> None:
    stored = api.create(make(api), timeout=5)
    api.update(stored | {"metadata": stored["metadata"] | {"labels": {"team": "blue"}}}, timeout=5)
    with pytest.raises(ConflictError):
        api.update(stored, timeout=5)
    newest = api.get("one", timeout=5)
    api.delete("one", uid=newest["metadata"]["uid"], version=newest["metadata"]["resourceVersion"], timeout=5)
    with pytest.raises(ConflictError):  # without its uid the server would create it
        api.update(newest, timeout=5)
    with pytest.raises(NotFoundError):
        api.get("one", timeout=5)


def test_create_and_delete_have_conditions(api: LeaseApi) -> None:
    stored = api.create(make(api), timeout=5)
    with pytest.raises(AlreadyExistsError):
        api.create(make(api), timeout=5)
    with pytest.raises(ConflictError):
        api.delete("one", uid=stored["metadata"]["uid"], version="1", timeout=5)


def test_list_finds_by_label(api: LeaseApi) -> None:
    for name, group in (("one", "x"), ("two", "x"), ("three", "y")):
        api.create(make(api, name, group=group), timeout=5)
    assert sorted(read(lease).name for lease in api.list("group=x", timeout=5)) == ["one", "two"]
