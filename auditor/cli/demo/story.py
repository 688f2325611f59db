"""The story itself, chapter by chapter. Each chapter shows the commands that it runs, and checks what came of them."""

import shlex
import signal
import threading
from importlib import resources

import click

from auditor.cli.demo.stage import Stage
from auditor.cli.progress import ShownProgress
from auditor.sandbox import Sandbox

INTERRUPTED = 130  # as shells count: 128 + SIGINT; a story that was not told to its end is no success
PACK = resources.files("auditor") / "policies" / "databasecluster"


def tell(*, once: bool) -> int:
    signal.signal(signal.SIGTERM, _as_interrupt)
    click.echo("auditor demo: policy and audit admission for Kubernetes custom resources")
    stage, told = Stage(), False
    try:
        stage.begin(
            "A Kubernetes control plane",
            "Real etcd, API server and controllers on this computer. No container; your own cluster is not touched.",
        )
        with Sandbox.start(progress=ShownProgress()) as sandbox:
            stage.sandbox = sandbox
            stage.expect("server is up", "ok", "get", "--raw=/readyz")
            install_kind(stage)
            create_object(stage)
            refuse_shrinking(stage)
            scan_files(stage)
            test_policies(stage)
            told = True
            if not once:
                _rest(sandbox)
    except KeyboardInterrupt:
        click.echo("\nStopped; nothing is left behind.")
    return 0 if told else INTERRUPTED


def install_kind(stage: Stage) -> None:
    stage.begin(
        "A custom resource kind",
        "Our pack `databasecluster` brings a CRD: a replicated database, as an operator would define it.",
    )
    stage.expect("CRD is accepted", "databaseclusters.db.auditor.dev created", "create", "-f", f"{PACK}/crd.yaml")
    crd = "crd/databaseclusters.db.auditor.dev"
    stage.expect("kind is served", "condition met", "wait", "--for=condition=Established", crd)


def create_object(stage: Stage) -> None:
    stage.begin("An object of this kind", "A database cluster of five members over three zones.")
    example = f"{PACK}/examples/good/orders.yaml"
    stage.expect("object is stored", "orders created", "create", "-f", example)
    stage.expect("object is listed with its columns", "postgresql", "get", "databaseclusters")
    stage.expect("default of the CRD is filled in", "Required", "get", "dbc", "orders", "-o=jsonpath={.spec.tls.mode}")


def refuse_shrinking(stage: Stage) -> None:
    stage.begin(
        "What a CRD alone can refuse",
        "Its schema knows one object at a time. What depends on more than that is the work of policies.",
    )
    patch = '{"spec":{"storage":{"size":"10Gi"}}}'
    stage.expect(
        "shrinking is refused",
        "can grow, but not shrink",
        "patch",
        "dbc",
        "orders",
        "--type=merge",
        "-p",
        patch,
        fails=True,
    )


def scan_files(stage: Stage) -> None:
    stage.begin(
        "What policies say of files, before they meet a cluster",
        "Rules in JSON Schema, jq and CEL, on a good and a bad object. Exit code 0 is clean, 1 is findings.",
    )
    scan = ("scan", "--policies", str(PACK))
    stage.expect_own("good object is clean", "1 object", *scan, f"{PACK}/examples/good", code=0)
    stage.expect_own("bad object is told all at once", "4 fail", *scan, f"{PACK}/examples/bad", code=1)


def test_policies(stage: Stage) -> None:
    stage.begin("Policies have tests", "Their names say what is expected; every rule has a case that violates it.")
    stage.expect_own("policies do what their cases say", "0 failed", "test", "-q", str(PACK), code=0)


def _rest(sandbox: Sandbox) -> None:
    click.echo("\nAll is still running. In another terminal:")
    click.echo(f"  export KUBECONFIG={shlex.quote(str(sandbox.kubeconfig))}")
    click.echo(f"  {shlex.quote(sandbox.record.programs['kubectl'])} get databaseclusters")
    click.echo("Ctrl-C ends it and leaves nothing behind.")
    threading.Event().wait()


def _as_interrupt(*_: object) -> None:
    raise KeyboardInterrupt
