"""`auditor watch`: the watcher."""

from datetime import timedelta
from pathlib import Path

import click

from auditor.cli.cluster import Cluster, cluster_options


@click.command("watch", context_settings={"auto_envvar_prefix": "AUDITOR_WATCH"})
@click.option(
    "--operations",
    default="0.0.0.0:8082",
    show_default=True,
    metavar="HOST:PORT",
    help="For probes and metrics, plain HTTP: /healthz, /readyz, /metrics.",
)
@click.option(
    "--namespace", default="auditor-system", show_default=True, help="Ours: of the Lease and of the door's Service."
)
@cluster_options
@click.option(
    "--database-url",
    default=None,
    metavar="URL",
    help="Of the history: sqlite:///FILE or postgresql://USER@HOST/NAME. Default: a file under ~/.local/state.",
)
@click.option("--history/--no-history", default=True, show_default=True, help="Remember what was.")
@click.option(
    "--cluster-name", default="", metavar="NAME", help="By which the history and its reports call the cluster."
)
@click.option(
    "--reports-directory",
    default=None,
    metavar="FOLDER",
    help="Below it ReportSchedules may have files written. Default: a folder under ~/.local/state.",
)
@click.option(
    "--private-receivers/--public-receivers",
    default=True,
    show_default=True,
    help="Whether webhooks and mail servers may have private addresses, as those of the cluster do.",
)
@click.option("--door", "doors", multiple=True, metavar="URL", help="The operations port of a door; may be repeated.")
@click.option(
    "--door-service",
    default="auditor-webhook",
    show_default=True,
    metavar="NAME[:PORT]",
    help='By whose EndpointSlices doors are found, and the port of their operations. "": only those named by --door.',
)
@click.option(
    "--share/--lead",
    default=False,
    show_default=True,
    help="Several watchers share the kinds, or one leads and the others wait. To share, they need PostgreSQL.",
)
@click.option(
    "--report-crds/--no-report-crds",
    default=False,
    show_default=True,
    help="Create the CRDs of the reports where they are absent. Needs the right to create CRDs.",
)
@click.option("--events/--no-events", default=True, show_default=True, help="Write Events on objects with findings.")
@click.option(
    "--resync",
    default=6.0,
    show_default=True,
    type=click.FloatRange(0.01, 168),
    metavar="HOURS",
    help="In which every object is judged again though nothing has changed.",
)
@click.option(
    "--traces/--no-traces",
    default=False,
    show_default=True,
    help="Send OpenTelemetry spans, where OTEL_EXPORTER_OTLP_ENDPOINT says.",
)
def command(
    operations: str,
    namespace: str,
    cluster: Cluster,
    database_url: str | None,
    history: bool,
    cluster_name: str,
    reports_directory: str | None,
    private_receivers: bool,
    doors: tuple[str, ...],
    door_service: str,
    share: bool,
    report_crds: bool,
    events: bool,
    resync: float,
    traces: bool,
) -> None:
    """Follow every custom resource kind, and keep the reports of what violates policies true.

    What is followed and checked the AuditConfig `default` in the cluster says. Each option may also come from the
    environment: --database-url as AUDITOR_WATCH_DATABASE_URL. Ends after SIGTERM or Ctrl-C when what it knows is
    written.
    """
    from auditor.audit.doors import DoorService
    from auditor.audit.service import run
    from auditor.audit.settings import WatchSettings, default_database, default_reports
    from auditor.errors import UsageError
    from auditor.operations.listen import Listen
    from auditor.report.history import check_url

    if not history and database_url:
        raise UsageError("--no-history and --database-url exclude each other")
    database = (default_database() if database_url is None else database_url) if history else ""
    if database:
        check_url(database)
    if share and database.startswith("sqlite"):
        raise UsageError("watchers that --share need one history: --database-url postgresql://..., or --no-history")
    run(
        WatchSettings(
            cluster=cluster.settings(),
            operations=Listen.read(operations, option="--operations; --watch-operations of auditor run"),
            namespace=namespace,
            database=database,
            cluster_name=cluster_name,
            reports=default_reports() if reports_directory is None else Path(reports_directory),
            private_receivers=private_receivers,
            doors=doors,
            door_service=DoorService.read(door_service) if door_service else None,
            share=share,
            report_crds=report_crds,
            events=events,
            traces=traces,
            resync=timedelta(hours=resync),
        )
    )
