"""Asks the real API server what expressions evaluate to.

Whether one compiles: many as `variables` of one ValidatingAdmissionPolicy that is created as a dry run; all mistakes
come back with their places. What it evaluates to: many as JSON patches of one MutatingAdmissionPolicy, each of which
writes its value into the object that comes back from a dry run; one that fails is left out.
"""

import json
import re
import time
from collections.abc import Sequence
from typing import Final

from auditor.json import Json, JsonObject
from tests.cluster.oracle import Oracle

GROUP: Final = "cel.example.com"
_POLICIES: Final = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
_MUTATIONS: Final = "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies"
_BINDINGS: Final = "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicybindings"
_OBJECTS: Final = f"/apis/{GROUP}/v1/namespaces/default/things"
_PLACE: Final = re.compile(r"spec\.(?:variables|validations)\[(\d+)\]")
_BATCH: Final = 250
_TIMEOUT: Final = 60

CRD: Final[JsonObject] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": f"things.{GROUP}"},
    "spec": {
        "group": GROUP,
        "scope": "Namespaced",
        "names": {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}
_MATCH: Final[JsonObject] = {
    "resourceRules": [{"apiGroups": [GROUP], "apiVersions": ["*"], "resources": ["things"], "operations": ["CREATE"]}]
}


class Server:
    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle
        oracle.install(CRD)

    def refused(self, expressions: Sequence[str], *, as_validations: bool = False) -> set[str]:
        """Those that do not compile; as validations, those too that are not statically bool."""
        found: set[str] = set()
        for start in range(0, len(expressions), _BATCH):
            batch = expressions[start : start + _BATCH]
            spec: JsonObject = {"matchConstraints": _MATCH, "failurePolicy": "Fail"}
            if as_validations:
                spec["validations"] = [{"expression": e} for e in batch]
            else:
                spec["variables"] = [{"name": f"v{i}", "expression": e} for i, e in enumerate(batch)]
                spec["validations"] = [{"expression": "true"}]
            policy = {
                "apiVersion": "admissionregistration.k8s.io/v1",
                "kind": "ValidatingAdmissionPolicy",
                "metadata": {"name": "compiles.cel.example.com"},
                "spec": spec,
            }
            answer = self._oracle.ask("POST", f"{_POLICIES}?dryRun=All", policy)
            deadline = time.monotonic() + _TIMEOUT
            while "There can be a delay" in answer.message and time.monotonic() < deadline:
                time.sleep(0.2)  # the kind is served, and policies do not know of it yet
                answer = self._oracle.ask("POST", f"{_POLICIES}?dryRun=All", policy)
            if not answer.accepted:
                places = {int(n) for cause in answer.causes for n in _PLACE.findall(cause.field)}
                if not places:
                    raise AssertionError(answer.message)
                found |= {batch[i] for i in places}
        return found

    def evaluate(self, expressions: Sequence[str], thing: JsonObject) -> dict[str, Json]:
        """The value of each that has one; all must compile."""
        values: dict[str, Json] = {}
        for start in range(0, len(expressions), _BATCH):
            batch = expressions[start : start + _BATCH]
            name = f"values-{start}.cel.example.com"
            try:
                self._install(name, [*batch, "true"])
                out = self._out(thing, f"k{len(batch)}")
            finally:
                self._oracle.ask("DELETE", f"{_BINDINGS}/{name}")
                self._oracle.ask("DELETE", f"{_MUTATIONS}/{name}")
                self._wait_until_gone(thing)
            values |= {batch[int(key[1:])]: value for key, value in out.items() if int(key[1:]) < len(batch)}
        return values

    def _install(self, name: str, expressions: Sequence[str]) -> None:
        patches = [
            {
                "patchType": "JSONPatch",
                "jsonPatch": {"expression": f'[JSONPatch{{op: "add", path: "/out/k{i}", value: ({e}\n)}}]'},
            }
            for i, e in enumerate(expressions)
        ]
        policy = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingAdmissionPolicy",
            "metadata": {"name": name},
            "spec": {
                "matchConstraints": _MATCH,
                "failurePolicy": "Ignore",
                "reinvocationPolicy": "Never",
                "mutations": patches,
            },
        }
        binding = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingAdmissionPolicyBinding",
            "metadata": {"name": name},
            "spec": {"policyName": name},
        }
        for path, body in ((_MUTATIONS, policy), (_BINDINGS, binding)):
            answer = self._oracle.ask("POST", path, body)
            if not answer.accepted:
                raise AssertionError(answer.message)

    def _out(self, thing: JsonObject, marker: str) -> JsonObject:
        """Policies take a moment to be known everywhere in the server."""
        deadline = time.monotonic() + _TIMEOUT
        while time.monotonic() < deadline:
            out: JsonObject = self._create(thing)
            if marker in out:
                return out
        raise AssertionError("the policy has no effect")

    def _wait_until_gone(self, thing: JsonObject) -> None:
        deadline = time.monotonic() + _TIMEOUT
        while time.monotonic() < deadline:
            if not self._create(thing):
                return
        raise AssertionError("the policy is still in effect")

    def _create(self, thing: JsonObject) -> JsonObject:
        answer = self._oracle.ask("POST", f"{_OBJECTS}?dryRun=All", json.dumps({**thing, "out": {}}).encode())
        if answer.code == 404:
            return {}
        if not answer.accepted:
            raise AssertionError(answer.message)
        out: JsonObject = answer.object["out"]
        return out
