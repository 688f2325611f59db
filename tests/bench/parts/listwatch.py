"""Following a kind: 500 objects of 1 KB as a page of a list, as a streamed list, and 500 changes of a watch."""

from collections.abc import Callable, Iterator

import orjson

from auditor.cluster.listwatch import Event, ListWatch, Versions
from auditor.cluster.resource import Resource
from auditor.json import JsonObject

COUNT = 500
WIDGETS = Resource("example.com", "v1", "widgets", "Widget", namespaced=True)


def make(number: int, version: int) -> JsonObject:
    return {
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "metadata": {
            "name": f"widget-{number:05}",
            "namespace": f"team-{number % 20}",
            "uid": f"5f0c8a52-6d3e-4b7e-9f57-{number:012}",
            "resourceVersion": str(version),
            "generation": 3,
            "creationTimestamp": "2026-11-21T12:00:00Z",
            "labels": {"app.kubernetes.io/name": "widget", "team": "payments"},
            "managedFields": [
                {
                    "manager": "kubectl-client-side-apply",
                    "operation": "Update",
                    "apiVersion": "example.com/v1",
                    "time": "2026-11-21T12:00:00Z",
                    "fieldsType": "FieldsV1",
                    "fieldsV1": {"f:spec": {".": {}, "f:replicas": {}, "f:members": {}, "f:storage": {"f:size": {}}}},
                }
            ],
        },
        "spec": {
            "replicas": 3,
            "storage": {"size": "100Gi", "class": "fast-ssd", "encrypted": True},
            "members": [{"name": f"m-{i}", "cpu": 4, "memory": "8Gi", "zone": f"eu-west-1{i}"} for i in range(3)],
        },
        "status": {
            "observedGeneration": 3,
            "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-21T12:00:00Z"}],
        },
    }


class Recorded:
    """A transport that has the answers already."""

    def __init__(self, page: bytes, lines: list[bytes]) -> None:
        self.page, self.said = page, lines
        self.done: Callable[[], None] = lambda: None

    @property
    def transport(self) -> "Recorded":
        return self

    def stream(self, *args: object, **kwargs: object) -> "Recorded":
        return self

    def read(self) -> bytes:
        return self.page

    def lines(self) -> Iterator[bytes]:
        yield from self.said
        self.done()

    def close(self) -> None:
        pass


def follow(page: bytes, lines: list[bytes], *, streamed: bool = False) -> int:
    heard: list[str] = []

    def take(event: Event) -> None:
        heard.append(event.key)

    recorded = Recorded(page, lines)
    list_watch = ListWatch(recorded, WIDGETS, Versions(), sink=take, streamed=streamed)
    recorded.done = list_watch.stop
    list_watch.run()
    return len(heard)


def benchmarks() -> list[tuple[str, Callable[[], object]]]:
    objects = [make(number, number + 1) for number in range(COUNT)]
    metadata = {"resourceVersion": str(COUNT)}
    page = orjson.dumps({"kind": "WidgetList", "apiVersion": "example.com/v1", "metadata": metadata, "items": objects})
    empty = orjson.dumps({"metadata": {"resourceVersion": "1"}, "items": []})
    added = [orjson.dumps({"type": "ADDED", "object": obj}) for obj in objects]
    last = {"metadata": {**metadata, "annotations": {"k8s.io/initial-events-end": "true"}}}
    end = orjson.dumps({"type": "BOOKMARK", "object": last})
    changes = [orjson.dumps({"type": "ADDED", "object": make(number, number + 2)}) for number in range(COUNT)]
    assert follow(page, []) == follow(empty, changes) == follow(b"", [*added, end], streamed=True) == COUNT + 1
    return [
        (f"{COUNT} objects of {len(added[0])} bytes, a page", lambda: follow(page, [])),
        (f"{COUNT} objects, a streamed list", lambda: follow(b"", [*added, end], streamed=True)),
        (f"{COUNT} lines of a watch", lambda: follow(empty, changes)),
    ]
