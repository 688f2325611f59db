"""Asks the real API server many questions at once: what do native policies say of this object?

All policies of a table are installed together; each selects its own objects by the label `case`, so that no question
meets the policy of another. Policies come into force as one snapshot: when the last one works, all do.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from auditor.json import JsonObject
from auditor.sandbox import Sandbox
from tests.cluster.client import Client

GROUP: Final = "native.example.com"
NAMESPACE: Final = "native"
ADMISSION: Final = "/apis/admissionregistration.k8s.io/v1"
OBJECTS: Final = f"/apis/{GROUP}/v1/namespaces/{NAMESPACE}/things"
LABEL: Final = "case"
PLURALS: Final = {
    "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": "validatingadmissionpolicybindings",
    "MutatingAdmissionPolicy": "mutatingadmissionpolicies",
    "MutatingAdmissionPolicyBinding": "mutatingadmissionpolicybindings",
}
# The server has threads enough; two processors are shared with it.
_PARALLEL: Final = 6
_TIMEOUT: Final = 45


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: the object as it would be stored, or why not, in the server's own words."""

    code: int
    body: JsonObject = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def allowed(self) -> bool:
        return self.code < 300

    @property
    def message(self) -> str:
        return "" if self.allowed else str(self.body.get("message", ""))

    @property
    def reason(self) -> str:
        return "" if self.allowed else str(self.body.get("reason", ""))


@dataclass(frozen=True, slots=True)
class Question:
    method: str
    path: str
    body: JsonObject | None = None


class Asker:
    """Many questions at once."""

    def __init__(self, control_plane: Sandbox) -> None:
        self._client = Client(control_plane)
        self._pool = ThreadPoolExecutor(_PARALLEL)

    def close(self) -> None:
        self._pool.shutdown()
        self._client.close()

    def ask(self, method: str, path: str, body: JsonObject | None = None) -> Reply:
        response = self._client.ask(method, path, body)
        return Reply(response.status, response.body, tuple(map(_unquote, response.warnings)))

    def ask_all(self, questions: Iterable[Question]) -> list[Reply]:
        return list(self._pool.map(lambda q: self.ask(q.method, q.path, q.body), questions))

    def install(self, things: Sequence[JsonObject]) -> None:
        """Policies and bindings; whatever is refused here is a mistake of the test."""
        questions = [Question("POST", f"{ADMISSION}/{PLURALS[thing['kind']]}", thing) for thing in things]
        for thing, reply in zip(things, self.ask_all(questions), strict=True):
            if not reply.allowed:
                raise AssertionError(f"{thing['metadata']['name']}: {reply.message}")

    def uninstall(self, things: Sequence[JsonObject]) -> None:
        self.ask_all(
            Question("DELETE", f"{ADMISSION}/{PLURALS[thing['kind']]}/{thing['metadata']['name']}")
            for thing in reversed(things)
        )

    def wait(self, question: Question, answered: Callable[[Reply], bool]) -> None:
        deadline = time.monotonic() + _TIMEOUT
        while time.monotonic() < deadline:
            reply = self.ask(question.method, question.path, question.body)
            if answered(reply):
                return
            time.sleep(0.1)
        raise AssertionError(f"not in force after {_TIMEOUT} s: {reply.code} {reply.message}")


def _unquote(header: str) -> str:
    """`299 - "text"`, with quotation marks and backslashes escaped."""
    text = header.partition('"')[2].removesuffix('"')
    return text.replace('\\"', '"').replace("\\\\", "\\")


def make_crd(schema: JsonObject, *, plural: str = "things", kind: str = "Thing", group: str = GROUP) -> JsonObject:
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [version]},
    }


def install_crd(asker: Asker, crd: JsonObject) -> None:
    """Created where it is absent, and served when this returns."""
    base = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    asker.ask("POST", base, crd)
    spec = crd["spec"]
    path = f"/apis/{spec['group']}/{spec['versions'][0]['name']}/{spec['names']['plural']}"
    asker.wait(Question("GET", path), lambda reply: reply.allowed)
