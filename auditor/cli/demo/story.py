"""The story itself, chapter by chapter. Each chapter shows the commands that it runs, and checks what came of them."""

import shlex
import signal
import threading
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from auditor.cli.demo.inside import add_kind, begin_watching, find_bypass, find_existing, tighten_kind
from auditor.cli.demo.overtime import look_at_dashboard, write_report
from auditor.cli.demo.services import open_board, open_door, open_watcher
from auditor.cli.demo.stage import Stage
from auditor.cli.progress import ShownProgress
from auditor.sandbox import Sandbox

INTERRUPTED = 130  # as shells count: 128 + SIGINT; a story that was not told to its end is no success
CRDS = resources.files("auditor") / "crds"
FILES = resources.files("auditor") / "cli" / "demo" / "files"
PACKS = resources.files("auditor") / "policies"
PACK = PACKS / "databasecluster"


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
            explain_and_fix(stage)
            test_policies(stage)
            install_own_kinds(stage)
            with open_door(sandbox) as door:
                stage.show("auditor", *door.arguments)
                stage.done("webhook is ready")
                watch_the_door(stage)
                convert_versions(stage)
                look_around(stage)
                begin_watching(stage)
                with TemporaryDirectory(prefix="auditor-demo-") as folder:
                    database = f"sqlite:///{folder}/history.db"
                    with open_watcher(sandbox, database) as watcher:
                        stage.show("auditor", *watcher.arguments)
                        stage.done("watcher is ready")
                        find_existing(stage)
                        find_bypass(stage, door)
                        tighten_kind(stage)
                        add_kind(stage)
                        report = write_report(stage, database, Path(folder))
                        with open_board(sandbox, database) as board:
                            stage.show("auditor", *board.arguments)
                            link = look_at_dashboard(stage, board)
                            told = True
                            if not once:
                                board.quiet = False
                                _rest(sandbox, link, report)
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
    stage.expect_own("good object is clean", "1 object", *scan, f"{PACK}/examples/good/orders.yaml", code=0)
    stage.expect_own("bad object is told all at once", "4 fail", *scan, f"{PACK}/examples/bad/carts.yaml", code=1)


def explain_and_fix(stage: Stage) -> None:
    stage.begin("Why, and what to do", "Each part of a rule with its value; and files that mutating policies repair.")
    bad = f"{PACK}/examples/bad/carts.yaml"
    explain = ("explain", "databasecluster-quorum", bad, "--policies", str(PACK))
    stage.expect_own("rule is taken apart", "size(variables.zones)  ->  2", *explain, code=1)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "baskets.yaml"
        file.write_text((FILES / "baskets.yaml").read_text())
        fix = ("fix", str(file), "--policies", str(PACK))
        stage.expect_own("what is missing is shown", "+", *fix, "--diff", code=1)
        stage.expect_own("and written", "fixed", *fix, code=0)
        stage.expect_own("nothing is left to change", "", *fix, "--check", code=0)
        stage.expect_own("file is clean", "1 object", "scan", str(file), "--policies", str(PACK), code=0)


def test_policies(stage: Stage) -> None:
    stage.begin("Policies have tests", "Their names say what is expected; every rule has a case that violates it.")
    stage.expect_own("policies do what their cases say", "0 failed", "test", "-q", str(PACK), code=0)


def install_own_kinds(stage: Stage) -> None:
    stage.begin(
        "At the door",
        "Policies as objects in the cluster, and a webhook that registers itself for exactly what they are about.",
    )
    stage.expect("kinds of auditor are there", "policies.auditor.dev created", "create", "-f", str(CRDS))
    wait = ("wait", "--for=condition=Established", "crd/policies.auditor.dev", "crd/conversions.auditor.dev")
    stage.expect("kinds are served", "condition met", *wait)
    stage.expect("installation is there", "auditor-webhook created", "create", "-f", f"{FILES}/installation.yaml")


def watch_the_door(stage: Stage) -> None:
    stage.install_packs("databasecluster")
    stage.expect(
        "policy of one's own is accepted", "databasecluster-room created", "create", "-f", f"{FILES}/advice.yaml"
    )
    stage.expect("policies are in force", "condition met", "wait", "--for=condition=Ready", "policies", "--all")
    bad = ("create", "-f", f"{PACK}/examples/bad/carts.yaml")
    stage.wait("API server has noticed", "databasecluster-quorum", *bad, "--dry-run=server", fails=True)
    stage.expect("denial tells all at once, and what to do", "no backup is scheduled", *bad, fails=True)
    warned = "Warning: databasecluster-room/room-to-grow"
    stage.expect("advice is a warning", warned, "create", "-f", f"{FILES}/baskets.yaml")
    found = ("get", "dbc", "baskets", "-o=jsonpath={.spec.storage.class}")
    stage.expect("mutation has filled in the class", "standard", *found)
    stage.expect("protected object stays", "protected from deletion", "delete", "dbc", "orders", fails=True)
    wrong = ("patch", "policy", "databasecluster-room", "--type=json", "-p")
    change = '[{"op":"replace","path":"/spec/rules/0/cel","value":"object.spec.storag.size == 1"}]'
    stage.expect("wrong policy is refused", "did you mean", *wrong, change, fails=True)


def convert_versions(stage: Stage) -> None:
    stage.begin(
        "Versions of a kind", "Two versions, converted by a line of jq each; the CRD is told to ask the webhook."
    )
    stage.expect(
        "kind and conversion are there", "caches.demo.auditor.dev created", "create", "-f", f"{FILES}/caches.yaml"
    )
    strategy = ("get", "crd", "caches.demo.auditor.dev", "-o=jsonpath={.spec.conversion.strategy}")
    stage.wait("CRD asks the webhook", "Webhook", *strategy)
    old = ("create", "-f", f"{FILES}/sessions.yaml")
    stage.wait("API server has noticed", "created", *old, "--dry-run=server")
    stage.expect("old version is taken", "sessions created", *old)
    stage.expect("and read as the new one", "512Mi", "get", "caches.v1.demo.auditor.dev")
    stage.expect("and as the old one", "512", "get", "caches.v1alpha1.demo.auditor.dev")


def look_around(stage: Stage) -> None:
    stage.begin(
        "Rules that look around",
        "Packs for models and their gateway: backends have to exist, no two routes claim one path, versions convert.",
    )
    stage.install_packs("aimodel", "modeldeployment", "llmmodelconfig", "aigatewayroute")
    stage.expect("policies are in force", "condition met", "wait", "--for=condition=Ready", "policies", "--all")
    stage.expect("namespaces are there", "search created", "create", "-f", f"{FILES}/teams.yaml")
    routes = PACKS / "aigatewayroute" / "examples"
    backends = ("create", "-f", f"{routes}/good/backends.yaml")
    stage.wait("API server has noticed", "assistant-8b created", *backends, "--dry-run=server")
    stage.expect("models are deployed", "assistant-8b created", *backends)
    old = "modeldeployments.v1alpha1.ai.auditor.dev"
    stage.expect(
        "and read in their old version", "vllm", "get", old, "-n=shop", "-o=jsonpath={.items[0].spec.framework}"
    )
    both = ("create", "-f", f"{routes}/bad/two-teams-one-path.yaml")
    stage.expect("second of two routes is refused", "host-and-path-unique", *both, fails=True)
    stage.expect("first one stands", "assistant", "get", "aigatewayroutes", "-A")


def _rest(sandbox: Sandbox, link: str, report: Path) -> None:
    click.echo("\nAll is still running. The dashboard, by a link that works once:")
    click.echo(f"  {link}")
    click.echo(f"The compliance report: {report}")
    click.echo("In another terminal:")
    click.echo(f"  export KUBECONFIG={shlex.quote(str(sandbox.kubeconfig))}")
    click.echo(f"  {shlex.quote(sandbox.record.programs['kubectl'])} get databaseclusters")
    click.echo("Ctrl-C ends it and leaves nothing behind.")
    threading.Event().wait()


def _as_interrupt(*_: object) -> None:
    raise KeyboardInterrupt
