"""Asks the real API server what it makes of an object, without storing it."""

import http
import time
from dataclasses import dataclass, field

from auditor.json import Json, JsonObject
from auditor.sandbox import Sandbox
from tests.cluster.client import Client

UNKNOWN = 'unknown field "'


@dataclass(frozen=True, slots=True)
class Cause:
    field: str
    type: str
    message: str


@dataclass(frozen=True, slots=True)
class Answer:
    """`object` is what the server would store; `causes` say why it would not."""

    code: int
    object: JsonObject = field(default_factory=dict)
    causes: tuple[Cause, ...] = ()
    message: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def accepted(self) -> bool:
        return self.code < 300

    @property
    def unknown(self) -> list[str]:
        """The paths that strict field validation complains of."""
        return sorted(part.split('"')[0] for part in self.message.split(UNKNOWN)[1:])


class Oracle:
    """Asks as the administrator."""

    def __init__(self, control_plane: Sandbox) -> None:
        self._client = Client(control_plane)

    def close(self) -> None:
        self._client.close()

    def ask(self, method: str, path: str, body: Json = None) -> Answer:
        response = self._client.ask(method, path, body)
        answer = response.body
        if response.status < 300:
            return Answer(response.status, answer, warnings=response.warnings)
        causes = ((answer.get("details") or {}).get("causes")) or []
        return Answer(
            response.status,
            causes=tuple(Cause(c.get("field", ""), c.get("reason", ""), c.get("message", "")) for c in causes),
            message=answer.get("message", ""),
        )

    def install(self, crd: JsonObject) -> "Resource":
        """Creates or replaces a CRD, and waits until its names are accepted; see Resource.wait for its schema."""
        name = crd["metadata"]["name"]
        base = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        answer = self.ask("POST", base, crd)
        while answer.code == http.HTTPStatus.CONFLICT:  # another worker may be writing it, too
            present = self.ask("GET", f"{base}/{name}").object["metadata"]
            metadata = {**crd["metadata"], "resourceVersion": present["resourceVersion"]}
            answer = self.ask("PUT", f"{base}/{name}", {**crd, "metadata": metadata})
        if not answer.accepted:
            raise AssertionError(f"{name}: {answer.message}")
        self._await_established(f"{base}/{name}")
        return Resource(self, crd)

    def _await_established(self, path: str) -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            conditions = self.ask("GET", path).object.get("status", {}).get("conditions") or []
            if any(c["type"] == "Established" and c["status"] == "True" for c in conditions):
                return
        raise AssertionError(f"{path} was not established")


class Resource:
    """The objects of one CRD, in the namespace default where it has namespaces."""

    def __init__(self, oracle: Oracle, crd: JsonObject) -> None:
        spec = crd["spec"]
        self._oracle = oracle
        self._group, self._plural, self._kind = spec["group"], spec["names"]["plural"], spec["names"]["kind"]
        self._namespaced = spec["scope"] == "Namespaced"

    def path(self, version: str) -> str:
        namespace = "namespaces/default/" if self._namespaced else ""
        return f"/apis/{self._group}/{version}/{namespace}{self._plural}"

    def wait(self, version: str, probe: JsonObject, told: str) -> None:
        """Until the server refuses the probe with these words, which only the schema in question has.

        A changed CRD comes into force some time after the answer; until then the server uses the schema before, or
        none, and it may refuse for other reasons.
        """
        deadline = time.monotonic() + 20
        answer = Answer(0)
        while time.monotonic() < deadline:
            answer = self.create(probe, version)
            if answer.code == http.HTTPStatus.UNPROCESSABLE_ENTITY and told in answer.message:
                return
        raise AssertionError(f"{self._plural} is not served with its schema: {answer}")

    def create(
        self, obj: JsonObject | bytes, version: str = "v1", *, strict: bool = False, store: bool = False
    ) -> Answer:
        validation = "Strict" if strict else "Ignore"
        dry = "" if store else "&dryRun=All"
        return self._oracle.ask("POST", f"{self.path(version)}?fieldValidation={validation}{dry}", obj)

    def update(self, obj: JsonObject, version: str = "v1") -> Answer:
        name = obj["metadata"]["name"]
        return self._oracle.ask("PUT", f"{self.path(version)}/{name}?fieldValidation=Ignore&dryRun=All", obj)

    def delete(self, name: str, version: str = "v1") -> Answer:
        return self._oracle.ask("DELETE", f"{self.path(version)}/{name}")
