"""Kubeconfigs, clocks and plugins for the tests of the connection."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from auditor.cluster.connection import Access, Settings, open_access
from auditor.json import Json, JsonObject

V1 = "client.authentication.k8s.io/v1"
V1BETA1 = "client.authentication.k8s.io/v1beta1"


@dataclass
class Clock:
    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Kube:
    """A kubeconfig with one context. Tests change its parts and write it."""

    directory: Path
    cluster: JsonObject = field(default_factory=lambda: {"server": "https://kube.example.com:6443"})
    user: JsonObject = field(default_factory=lambda: {"token": "first"})
    context: JsonObject = field(default_factory=lambda: {"cluster": "here", "user": "alice"})
    current: str = "dev"
    clock: Clock = field(default_factory=Clock)
    wall_clock: Clock = field(default_factory=Clock)

    @property
    def path(self) -> Path:
        return self.directory / "config"

    def content(self) -> JsonObject:
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "here", "cluster": self.cluster}],
            "users": [{"name": "alice", "user": self.user}],
            "contexts": [{"name": "dev", "context": self.context}],
            "current-context": self.current,
        }

    def write(self) -> str:
        self.path.write_text(json.dumps(self.content()))
        return str(self.path)

    @contextmanager
    def open(self, **settings: Json) -> Iterator[Access]:
        wanted = Settings(kubeconfig=self.write(), **settings)
        access = open_access(wanted, clock=self.clock, wall_clock=self.wall_clock)
        try:
            yield access
        finally:
            access.close()

    def put(self, name: str, content: str | bytes) -> str:
        path = self.directory / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)


def encode(content: bytes) -> str:
    return base64.b64encode(content).decode()


@dataclass
class Plugin:
    """A program that says what it is told to, and keeps count."""

    directory: Path
    version: str = V1

    def install(self, script: str = "") -> JsonObject:
        """The `exec` of a user. The script runs before it answers."""
        program = self.directory / "plugin"
        answer = f'cat "{self.directory}/answer.json"'
        program.write_text(f'#!/bin/sh\necho run >> "{self.directory}/runs"\n{script}\n{answer}\n')
        program.chmod(0o700)
        return {"apiVersion": self.version, "command": str(program), "interactiveMode": "Never"}

    def answer(self, token: str = "", **status: Json) -> None:
        status |= {"token": token} if token else {}
        document = {"apiVersion": self.version, "kind": "ExecCredential", "status": status}
        self.say(json.dumps(document))

    def say(self, text: str) -> None:
        (self.directory / "answer.json").write_text(text)

    @property
    def runs(self) -> int:
        path = self.directory / "runs"
        return len(path.read_text().splitlines()) if path.exists() else 0
