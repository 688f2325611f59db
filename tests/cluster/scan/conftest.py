"""A control plane of their own: what is judged is all that is in it."""

import contextlib
import io
import json
import os
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest

from auditor import crds
from auditor.cli import frame
from auditor.json import Json, JsonObject
from auditor.sandbox import Sandbox

GROUP = "scan.example.com"
SCHEMA = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "size": {"type": "integer", "default": 2},
                "host": {"type": "string"},
                "members": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"],
                    "items": {
                        "type": "object",
                        "required": ["name"],
                        "properties": {"name": {"type": "string"}, "cpu": {"type": "integer", "default": 1}},
                    },
                },
            },
        }
    },
}


def make_crd(
    kind: str = "Widget", *, versions: tuple[str, ...] = ("v1", "v1beta1"), schema: JsonObject = SCHEMA
) -> JsonObject:
    """The first version is stored."""
    plural = f"{kind.lower()}s"
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {"kind": kind, "plural": plural},
            "scope": "Namespaced",
            "versions": [
                {"name": each, "served": True, "storage": i == 0, "schema": {"openAPIV3Schema": schema}}
                for i, each in enumerate(versions)
            ],
        },
    }


def widget(name: str, namespace: str = "shop", kind: str = "Widget", **spec: Json) -> JsonObject:
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def policy(
    name: str,
    rules: list[JsonObject],
    *,
    resources: tuple[str, ...] = ("widgets",),
    versions: tuple[str, ...] = ("*",),
    groups: tuple[str, ...] = (GROUP,),
    **spec: Json,
) -> JsonObject:
    match = {
        "resourceRules": [
            {
                "apiGroups": list(groups),
                "apiVersions": list(versions),
                "resources": list(resources),
                "operations": ["*"],
            }
        ],
        **spec.pop("match", {}),
    }
    named = [{"name": f"r{i}", **rule} for i, rule in enumerate(rules)]
    return {
        "apiVersion": "auditor.dev/v1",
        "kind": "Policy",
        "metadata": {"name": name},
        "spec": {"match": match, "rules": named, **spec},
    }


@dataclass(frozen=True)
class Run:
    code: int
    out: str
    err: str

    @property
    def json(self) -> JsonObject:
        found: JsonObject = json.loads(self.out)
        return found


@dataclass(frozen=True)
class Place:
    sandbox: Sandbox
    folder: Path

    def apply(self, *things: JsonObject) -> None:
        self.sandbox.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=as_list(things))

    def define(self, *definitions: JsonObject) -> None:
        self.apply(*definitions)
        names = [f"crd/{each['metadata']['name']}" for each in definitions]
        self.sandbox.kubectl("wait", "--for=condition=Established", "--timeout=30s", *names)

    def write(self, name: str, *things: JsonObject) -> str:
        path = self.folder / name
        path.write_text(as_list(things), encoding="utf-8")
        return str(path)

    def run(self, *arguments: str, kubeconfig: Path | None = None) -> Run:
        """In this process: to start one and import all of it takes longer than most of these commands."""
        out, err = io.StringIO(), io.StringIO()
        with (
            mock.patch.dict(os.environ, KUBECONFIG=str(kubeconfig or self.sandbox.kubeconfig)),
            mock.patch.object(sys, "argv", ["auditor", *arguments]),
            mock.patch.object(frame, "set_up_logging"),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            code = frame.run()
        assert "internal error" not in err.getvalue()
        return Run(code, out.getvalue(), err.getvalue())


def as_list(things: tuple[JsonObject, ...]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(things)})


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox.start(f"scan-{uuid.uuid4().hex[:8]}", owner=os.getpid()) as sandbox:
        for name in crds.names():
            sandbox.kubectl("apply", "--server-side", "-f", "-", stdin=crds.read(name))
        for namespace, env in (("shop", "prod"), ("lab", "dev"), ("auditor-system", "ops")):
            labelled = {"name": namespace, "labels": {"env": env}}
            thing = {"apiVersion": "v1", "kind": "Namespace", "metadata": labelled}
            sandbox.kubectl("apply", "-f", "-", stdin=json.dumps(thing))
        yield sandbox


@pytest.fixture
def place(sandbox: Sandbox, tmp_path: Path) -> Place:
    return Place(sandbox, tmp_path)
