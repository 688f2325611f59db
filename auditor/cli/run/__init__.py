"""`auditor run`: the door and the watcher together."""

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
    default="0.0.0.0:8082",
    envvar="AUDITOR_WATCH_OPERATIONS",
    show_default=True,
    metavar="HOST:PORT",
    help="Of the watcher, for probes and metrics.",
)
@click.option("--namespace", default="", help="Ours: of the Service, the Secret and the Leases.")
@click.option("--database-url", default="", metavar="URL", help="Of the history. Default: a file of SQLite.")
@cluster_options
@click.pass_context
def command(
    context: click.Context,
    *,
    listen: str,
    url: str,
    door_operations: str,
    watch_operations: str,
    namespace: str,
    database_url: str,
    cluster: Cluster,
) -> int:
    """Serve admission and watch the cluster: `auditor webhook` and `auditor watch` as two processes.

    For a laptop, a small cluster, a demonstration; in a cluster of any size the two are better scaled and restarted
    apart. All other options of the two come from the environment: AUDITOR_WEBHOOK_BREAK_GLASS_GROUP, AUDITOR_WATCH_...

    If one of them ends, so does the other, and the exit code is that of the first. SIGTERM and Ctrl-C end both in good
    order; Ctrl-C again at once.
    """
    shared = _give(("--namespace", namespace)) + _tell(cluster)
    door = _give(("--listen", listen), ("--url", url), ("--operations", door_operations))
    watcher = _give(("--operations", watch_operations), ("--door", find_door(door_operations)))
    frame = _repeat(context.find_root())
    leashed = [sys.executable, "-m", "auditor.cli.run.leash", *frame]
    # By the environment, as everybody on this computer may read the arguments, and it may have a password in it.
    secret = {"AUDITOR_WATCH_DATABASE_URL": database_url} if database_url else {}
    commands = {
        "auditor webhook": [*leashed, "webhook", *door, *shared],
        "auditor watch": [*leashed, "watch", *watcher, *shared],
    }
    return Group(commands, environment=secret).run()


def find_door(operations: str) -> str:
    """Where the watcher asks a door that listens there."""
    from auditor.operations.listen import Listen

    listen = Listen.read(operations)
    if not listen.port:
        raise UsageError(f"--door-operations {operations}: a port of its own, or the watcher would not find the door")
    return f"http://{Listen(listen.loopback, listen.port).text}"


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
