"""A group of kinds whose CRDs are tightened, and the door that looks on."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import CompletedProcess

from auditor.cluster import Client, Resource, Settings, connect
from auditor.json import JsonObject
from auditor.sandbox import Sandbox
from tests.cluster.webhooks.serving.conftest import Stage, free_port, put
from tests.cluster.webhooks.serving.running import Program, wait

GROUP = "shelf.example.org"
USER, RIGHTS, LISTS = "door-that-looks", "door-rights", "door-lists"


def allow(group: str, resource: str, *verbs: str) -> JsonObject:
    return {"apiGroups": [group], "resources": [resource], "verbs": [*verbs]}


def own_rights() -> list[JsonObject]:
    """Of any door."""
    return [
        allow("auditor.dev", "*", "*"),
        allow("admissionregistration.k8s.io", "*", "*"),
        allow("apiextensions.k8s.io", "customresourcedefinitions", "get", "list", "watch", "patch"),
        allow("coordination.k8s.io", "leases", "*"),
        allow("events.k8s.io", "events", "*"),
        allow("", "namespaces", "get", "list", "watch"),
        allow("", "secrets", "*"),
    ]


def bind(cluster: Sandbox, name: str) -> None:
    cluster.kubectl("create", "clusterrolebinding", name, f"--clusterrole={name}", f"--user={USER}")


def definition(plural: str, *, maximum: int = 100, drop: str = "", more: str = "") -> JsonObject:
    properties = {"size": {"type": "integer", "maximum": maximum}, "color": {"type": "string"}}
    properties |= {more: {"type": "string"}} if more else {}
    properties.pop(drop, None)
    spec = {"type": "object", "properties": properties}
    kind = plural.rstrip("s").capitalize()
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"plural": plural, "singular": plural.rstrip("s"), "kind": kind},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}},
                }
            ],
        },
    }


def install(cluster: Sandbox, plural: str, sizes: list[int]) -> None:
    crd = definition(plural)
    put(cluster, crd)
    established = ("wait", "--for=condition=Established", "crd", crd["metadata"]["name"])
    wait(lambda: cluster.kubectl(*established, check=False).returncode == 0)  # it errs where there is no status yet
    kind = crd["spec"]["names"]["kind"]
    resource = Resource(GROUP, "v1", plural, kind, namespaced=True)
    with connect(Settings(kubeconfig=str(cluster.kubeconfig), qps=1000.0, burst=3000)).transport as transport:
        client = Client(transport)

        def create(number: int) -> None:
            metadata = {"name": f"o{number:04}", "namespace": "shop"}
            thing = {"apiVersion": f"{GROUP}/v1", "kind": kind, "metadata": metadata}
            client.create(resource, {**thing, "spec": {"size": sizes[number], "color": "red"}})

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(create, range(len(sizes))))


def remove(cluster: Sandbox, *plurals: str) -> None:
    cluster.kubectl("delete", "crd", "--ignore-not-found", *(f"{each}.{GROUP}" for each in plurals))


def start(cluster: Sandbox, mode: str, *, kubeconfig: Path | None = None) -> Stage:
    kubeconfig = kubeconfig or cluster.kubeconfig
    program = Program(kubeconfig, "--drain", "0.2", "--crd-impact", mode, port=free_port())
    stage = Stage(cluster, program)
    try:
        program.wait_ready()
        install(cluster, "probes", [1])
        crd = definition("probes", maximum=0)
        wait(lambda: "auditor impact" in apply(stage, crd, "--dry-run=server").stderr, why=lambda: program.text)
    except BaseException:
        program.stop()
        raise
    return stage


def apply(stage: Stage, crd: JsonObject, *options: str) -> CompletedProcess[str]:
    return stage.kubectl("apply", *options, "-f", "-", thing=crd)
