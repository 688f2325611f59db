"""What a kubelet would run: the Deployments of the cluster, each container as a process of this computer.

Arguments and environment are those of the container, the account is that of the pod, mounted Secrets are folders. What
differs is where it listens, as all share one network, and where its volumes are. API servers reach the webhook by its
Service, as in any cluster: the control plane has to be started with `ROUTING`, and finds our address in an
EndpointSlice.
"""

import base64
import http.client
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import orjson
import psutil

from auditor.json import JsonObject
from auditor.sandbox import Sandbox

ROOT: Final = Path(__file__).parents[3]
ROUTING: Final = ("--enable-aggregator-routing=true",)
"""For `Sandbox.start(api_server_arguments=ROUTING)`: Services lead to their endpoints without a kube-proxy."""
SECONDS: Final = 40.0
"""Until a test gives up waiting: a busy machine needs a while for what takes a second."""
PATHS: Final = ("/var", "/etc", "/tmp")
"""What a mount may begin with: these are replaced in arguments and environment."""


@dataclass(slots=True)
class Process:
    """A container that runs. Ends with `stop`. What it logs is in `text`."""

    name: str
    begin: Callable[[], subprocess.Popen[str]]
    ports: Mapping[str, int]
    """Where it listens, by the names that the container gives its ports."""
    process: subprocess.Popen[str] = field(init=False)
    _lines: list[str] = field(default_factory=list)
    _reader: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        self.process = self.begin()
        self._reader = threading.Thread(target=self._read, args=(self.process,), daemon=True)
        self._reader.start()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            self._lines.append(line.rstrip())

    @property
    def text(self) -> str:
        return "\n".join(self._lines)

    def get(self, path: str, port: str = "operations") -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[port], timeout=5)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def answers(self, path: str, port: str = "operations") -> bool:
        try:
            return self.get(path, port)[0] == 200
        except OSError:
            return False

    def wait(self, path: str = "/readyz", port: str = "operations", *, restarts: bool = False) -> None:
        """With `restarts` it is started again when it ends, as the kubelet does."""

        def ready() -> bool:
            if self.process.poll() is not None:
                assert restarts, f"{self.name} has ended:\n{self.text}"
                self.stop()
                self.start()
            return self.answers(path, port)

        wait(ready, why=lambda: f"{self.name}: {path}:\n{self.text}")

    def stop(self) -> int:
        """As the kubelet ends a pod."""
        self.process.terminate()
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            self._reader.join(5)
            if self.process.stderr is not None:
                self.process.stderr.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Workloads:
    """Of one namespace; `folder` holds the volumes."""

    sandbox: Sandbox
    namespace: str
    folder: Path

    def read(self, kind: str, name: str = "") -> JsonObject:
        answer = self.sandbox.kubectl("-n", self.namespace, "get", kind, *([name] if name else []), "-o", "json")
        found: JsonObject = orjson.loads(answer.stdout)
        return found

    def deployments(self) -> list[str]:
        return [each["metadata"]["name"] for each in self.read("deployments")["items"]]

    def start(self, deployment: str, *, environment: Mapping[str, str] | None = None) -> dict[str, Process]:
        """One pod of it: its containers by their names. `environment` is added to that of each."""
        pod = self.read("deployment", deployment)["spec"]["template"]["spec"]
        kubeconfig = self.sandbox.service_account_kubeconfig(self.namespace, pod["serviceAccountName"])
        volumes = {each["name"]: self._mount(deployment, each) for each in pod.get("volumes", [])}
        return {
            container["name"]: self._run(container, volumes, kubeconfig, environment or {})
            for container in pod["containers"]
        }

    def expose(self, service: str, process: Process) -> None:
        """What the controllers of EndpointSlices do: the Service leads to this process alone."""
        found = self.read("service", service)
        owner = {"apiVersion": "v1", "kind": "Service", "name": service, "uid": found["metadata"]["uid"]}
        endpoints: JsonObject = {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": f"{service}-test",
                "namespace": self.namespace,
                "labels": {"kubernetes.io/service-name": service},
                "ownerReferences": [owner],
            },
            "addressType": "IPv4",
            "endpoints": [{"addresses": [own_address()], "conditions": {"ready": True}}],
            "ports": [
                {"name": each["name"], "protocol": "TCP", "port": process.ports[each["targetPort"]]}
                for each in found["spec"]["ports"]
            ],
        }
        self.sandbox.kubectl("apply", "-f", "-", stdin=orjson.dumps(endpoints).decode())

    def _mount(self, deployment: str, volume: JsonObject) -> Path:
        """Secrets as they are now. What is not in the cluster is an empty folder, for a claim the same in each pod."""
        claim = volume.get("persistentVolumeClaim")
        place = self.folder / (f"claim-{claim['claimName']}" if claim else f"{deployment}-{volume['name']}")
        place.mkdir(parents=True, exist_ok=True)
        if "secret" in volume:
            for key, value in self.read("secret", volume["secret"]["secretName"]).get("data", {}).items():
                (place / key).write_bytes(base64.b64decode(value))
        return place

    def _run(
        self, container: JsonObject, volumes: Mapping[str, Path], kubeconfig: Path, more: Mapping[str, str]
    ) -> Process:
        assert "command" not in container, "the image says what is run"
        ports = {each["name"]: free_port() for each in container.get("ports", [])}
        numbers = {str(each["containerPort"]): str(ports[each["name"]]) for each in container.get("ports", [])}
        mounts = {each["mountPath"]: str(volumes[each["name"]]) for each in container.get("volumeMounts", [])}

        def place(text: str) -> str:
            assert all(path.startswith(PATHS) for path in mounts), mounts
            paths = "|".join(map(re.escape, sorted(mounts, key=len, reverse=True)))
            text = re.sub(rf"(^|=|//)({paths})(?=/|$)", lambda m: m[1] + mounts[m[2]], text)
            return re.sub(r"(?<=0\.0\.0\.0:)(\d+)$", lambda m: numbers[m[1]], text)

        environment = {each["name"]: place(self._value(each)) for each in container.get("env", [])}
        # Nothing of ours: what a pod does not say is not there. Credentials are found as a kubeconfig, as there is one
        # place only for those of a pod.
        own = {"PATH": os.environ["PATH"], "HOME": str(volumes["tmp"]), "KUBECONFIG": str(kubeconfig)}
        command = [sys.executable, "-m", "auditor", *map(place, container["args"])]

        def begin() -> subprocess.Popen[str]:
            env = {**own, **environment, **more}
            return subprocess.Popen(command, env=env, cwd=ROOT, stderr=subprocess.PIPE, text=True)

        return Process(container["name"], begin, ports)

    def _value(self, variable: JsonObject) -> str:
        if "value" in variable:
            return str(variable["value"])
        wanted = variable["valueFrom"]["secretKeyRef"]
        return base64.b64decode(self.read("secret", wanted["name"])["data"][wanted["key"]]).decode()


def own_address() -> str:
    """Of this computer, as others see it: endpoints may not be on the loopback."""
    for addresses in psutil.net_if_addrs().values():
        for each in addresses:
            if each.family is socket.AF_INET and not each.address.startswith(("127.", "169.254.")):
                return each.address
    raise AssertionError("this computer has no IPv4 address but the loopback: endpoints of a Service need one")


def free_port() -> int:
    with socket.create_server(("0.0.0.0", 0)) as found:  # noqa: S104 - as a container
        port: int = found.getsockname()[1]
        return port


def stop_all(processes: Sequence[Process]) -> list[int]:
    for each in processes:
        each.process.terminate()  # all of them drain at the same time
    return [each.stop() for each in processes]


def wait(holds: Callable[[], bool], timeout: float = SECONDS, why: Callable[[], str] = lambda: "") -> None:
    deadline = time.monotonic() + timeout
    while not holds():
        assert time.monotonic() < deadline, f"not within {timeout} s. {why()}"
        threading.Event().wait(0.05)
