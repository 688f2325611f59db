"""`auditor run`: the door and the watcher together."""

import os
import sys

import click

from auditor.cli.cluster import Cluster, cluster_options
from auditor.cli.run.pair import Group
from auditor.errors import UsageError


@click.command("run", context_settings={"auto_envvar_prefix": "AUDITOR_RUN"})
@click.option("--listen", default="", metavar="HOST:PORT", help="Of the door, for the API server.")
@click.option("--url", default="", metavar="URL", help="By which the API server calls the door, outside of a cluster.")
@click.option(
    "--door-operations",
    default="0.0.0.0:8081",
    envvar="AUDITOR_WEBHOOK_OPERATIONS",
    show_default=True,
    metavar="HOST:PORT",
    help="Of the door, for probes and metrics; the watcher collects its decisions there.",
)
@click.option(
    "--watch-operations",
    default="",
    envvar="AUDITOR_WATCH_OPERATIONS",
    metavar="HOST:PORT",
    help="Of the watcher, for probes and metrics. Default: 8082, the port after those of the door.",
)
@click.option(
    "--workers",
    default=1,
    envvar="AUDITOR_WEBHOOK_WORKERS",
    show_default=True,
    type=click.IntRange(1, 16),
    help="Of the door: processes, each with an operations port, one after the other.",
)
@click.option(
    "--namespace",
    default="auditor-system",
    envvar=["AUDITOR_RUN_NAMESPACE", "AUDITOR_WEBHOOK_NAMESPACE", "AUDITOR_WATCH_NAMESPACE"],
    show_default=True,
    help="Ours: of the Service, the Secret and the Leases.",
)
@click.option("--database-url", default="", metavar="URL", help="Of the history. Default: a file of SQLite.")
@click.option(
    "--install/--no-install",
    default=False,
    show_default=True,
    help="Create our CRDs and the namespace where they are absent. Without it their absence is an error.",
)
@click.option(
    "--report-crds/--no-report-crds",
    default=True,
    show_default=True,
    help="Create the CRDs of the reports where they are absent.",
)
@cluster_options
@click.pass_context
def command(
    context: click.Context,
    *,
    listen: str,
    url: str,
    door_operations: str,
    watch_operations: str,
    workers: int,
    namespace: str,
    database_url: str,
    install: bool,
    report_crds: bool,
    cluster: Cluster,
) -> int:
    """Serve admission and watch the cluster: `auditor webhook` and `auditor watch` as two processes.

    For a laptop, a small cluster, a demonstration; in a cluster of any size the two are better scaled and restarted
    apart. All other options of the two come from the environment: AUDITOR_WEBHOOK_BREAK_GLASS_GROUP, AUDITOR_WATCH_...

    On a laptop --url says how the API server calls this computer: https://127.0.0.1:8443 for a sandbox.

    If one of them ends, so does the other, and the exit code is that of the first. SIGTERM and Ctrl-C end both in good
    order; Ctrl-C again at once.
    """
    _check_way(url)
    doors = find_doors(door_operations, workers)
    watch_operations = place_watcher(door_operations, workers, watch_operations)
    shared = ["--namespace", namespace, *_tell(cluster)]
    door = _give(("--listen", listen), ("--url", url), ("--operations", door_operations))
    door += ["--workers", str(workers)]
    watcher = _give(("--operations", watch_operations), *(("--door", each) for each in doors))
    watcher.append("--report-crds" if report_crds else "--no-report-crds")
    _prepare(cluster, namespace, create=install)
    frame = _repeat(context.find_root())
    leashed = [sys.executable, "-m", "auditor.cli.run.leash", *frame]
    # By the environment, as everybody on this computer may read the arguments, and it may have a password in it.
    secret = {"AUDITOR_WATCH_DATABASE_URL": database_url} if database_url else {}
    commands = {
        "auditor webhook": [*leashed, "webhook", *door, *shared],
        "auditor watch": [*leashed, "watch", *watcher, *shared],
    }
    return Group(commands, environment=secret).run()


def find_doors(operations: str, workers: int = 1) -> list[str]:
    """Where the watcher asks a door that listens there: each worker at a port of its own."""
    from auditor.operations.listen import Listen

    listen = Listen.read(operations)
    if not listen.port:
        raise UsageError(f"--door-operations {operations}: a port of its own, or the watcher would not find the door")
    return [f"http://{Listen(listen.loopback, listen.port + number).text}" for number in range(workers)]


def place_watcher(door: str, workers: int, watcher: str) -> str:
    """The operations port of the watcher: by itself the first after those of the door."""
    from auditor.operations.listen import Listen

    taken = Listen.read(door)
    if not watcher:
        return Listen(taken.host, taken.port + workers).text
    listen = Listen.read(watcher)
    if listen.port and taken.port <= listen.port < taken.port + workers:
        ports = f"{taken.port} to {taken.port + workers - 1}" if workers > 1 else str(taken.port)
        raise UsageError(f"--watch-operations {watcher}: that is a port of the door, which takes {ports}")
    return watcher


def _check_way(url: str) -> None:
    """A webhook that nobody reaches refuses whatever it is about: better none is registered."""
    known = ("AUDITOR_WEBHOOK_URL", "AUDITOR_WEBHOOK_SERVICE", "KUBERNETES_SERVICE_HOST")
    if not url and not any(map(os.environ.get, known)):
        raise UsageError(
            "outside of a cluster --url has to say how the API server calls this computer: https://HOST:8443, and"
            " https://127.0.0.1:8443 for a sandbox"
        )


def _prepare(cluster: Cluster, namespace: str, *, create: bool) -> None:
    from auditor.cli.run import ground

    client = cluster.connect("run")
    with client.transport:
        if create:
            ground.install(client, namespace)
        else:
            ground.check(client, namespace)


def _give(*options: tuple[str, str]) -> list[str]:
    """Those that were given: the others have their own defaults, or come from the environment."""
    return [word for name, value in options if value for word in (name, value)]


def _tell(cluster: Cluster) -> list[str]:
    found = _give(
        ("--kubeconfig", cluster.kubeconfig),
        ("--context", cluster.context),
        ("--as", cluster.as_user),
        ("--as-uid", cluster.as_uid),
        *(("--as-group", group) for group in cluster.as_groups),
    )
    if cluster.request_timeout != Cluster().request_timeout:
        found += ["--request-timeout", str(cluster.request_timeout)]
    return found


def _repeat(root: click.Context) -> list[str]:
    """What stands before the command: how much is logged, and how."""
    verbose, form = root.params.get("verbose", 0), root.params.get("log_format", "text")
    return [*["-v"] * verbose, "--log-format", form]
