"""`auditor webhook`: the admission service."""

from pathlib import Path

import click

from auditor.cli.cluster import Cluster, cluster_options


@click.command("webhook", context_settings={"auto_envvar_prefix": "AUDITOR_WEBHOOK"})
@click.option("--listen", default="0.0.0.0:8443", show_default=True, metavar="HOST:PORT", help="For the API server.")
@click.option(
    "--operations",
    default="0.0.0.0:8081",
    show_default=True,
    metavar="HOST:PORT",
    help="For probes and metrics, plain HTTP: /healthz, /readyz, /metrics, /decisions.",
)
@click.option(
    "--namespace", default="auditor-system", show_default=True, help="Ours: of the Service, the Secret and the Lease."
)
@click.option(
    "--service",
    default="auditor-webhook:443",
    show_default=True,
    metavar="NAME[:PORT]",
    help="By which the API server calls.",
)
@click.option("--url", default="", metavar="URL", help="By which the API server calls instead, outside of a cluster.")
@cluster_options
@click.option(
    "--certificates",
    metavar="DIRECTORY",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="With tls.crt, tls.key and ca.crt by somebody else, as cert-manager. Default: our own authority in a Secret.",
)
@click.option(
    "--authority",
    type=click.Choice(["file", "injected", "system"]),
    default="file",
    show_default=True,
    help="With --certificates: where the caBundle comes from: ca.crt, cert-manager's cainjector, or none is needed.",
)
@click.option("--inject-from", default="", metavar="NAMESPACE/NAME", help="The Certificate, for the cainjector.")
@click.option(
    "--client-authorities",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Only clients with a certificate by these are let in: that of the API server.",
)
@click.option("--client-name", "client_names", multiple=True, help="Of the certificate of such a client.")
@click.option("--break-glass-group", default="", metavar="GROUP", help="Whose members are admitted in any case.")
@click.option(
    "--crd-impact",
    type=click.Choice(["off", "warn", "deny"]),
    default="off",
    show_default=True,
    help="Also judge updates of CRDs: warn of what they would do to stored objects, or deny those that do harm.",
)
@click.option(
    "--decision-log",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Whole decisions, with their objects, one JSON object a line; what looks secret is left out.",
)
@click.option(
    "--decision-log-share",
    default=0.0,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Of plain admissions that are logged; what tells something always is.",
)
@click.option(
    "--redact", multiple=True, metavar="POINTER", help="Left out as well: /spec/users/*/pin. May be repeated."
)
@click.option("--name", default="auditor", show_default=True, help="Of the webhook configurations and of the Lease.")
@click.option("--owner", default="", metavar="KIND/NAME", help="A cluster-wide object that owns what is registered.")
@click.option("--duties/--no-duties", default=True, show_default=True, help="Register webhooks and write status.")
@click.option(
    "--traces/--no-traces",
    default=False,
    show_default=True,
    help="Send OpenTelemetry spans, where OTEL_EXPORTER_OTLP_ENDPOINT says.",
)
@click.option("--events/--no-events", default=True, show_default=True, help="Write an Event for what is refused.")
@click.option(
    "--drain", default=4.0, show_default=True, type=click.FloatRange(0, 60), help="Seconds from SIGTERM to the end."
)
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 16), help="Processes.")
@click.option("--threads", default=16, show_default=True, type=click.IntRange(2, 256), help="Of each process.")
def command(
    listen: str,
    operations: str,
    namespace: str,
    service: str,
    url: str,
    cluster: Cluster,
    certificates: Path | None,
    authority: str,
    inject_from: str,
    client_authorities: Path | None,
    client_names: tuple[str, ...],
    break_glass_group: str,
    crd_impact: str,
    decision_log: Path | None,
    decision_log_share: float,
    redact: tuple[str, ...],
    name: str,
    owner: str,
    duties: bool,
    traces: bool,
    events: bool,
    drain: float,
    workers: int,
    threads: int,
) -> None:
    """Serve admission: validate, mutate and convert as the policies in the cluster say.

    Each option may also come from the environment: --break-glass-group as AUDITOR_WEBHOOK_BREAK_GLASS_GROUP. Ends
    after SIGTERM or Ctrl-C when all requests in hand are answered; Ctrl-C again ends it at once.
    """
    from auditor.errors import UsageError
    from auditor.operations import Listen
    from auditor.webhooks.certificates.files import AuthoritySource, FilesSettings
    from auditor.webhooks.certificates.tls import ClientSettings
    from auditor.webhooks.serving.application import run
    from auditor.webhooks.serving.service import make_service, prepare
    from auditor.webhooks.serving.settings import CrdReview, DecisionSettings, ServingSettings, Target

    if certificates is None and (inject_from or authority != "file"):
        raise UsageError("--authority and --inject-from belong to --certificates")
    if client_names and client_authorities is None:
        raise UsageError("--client-name belongs to --client-authorities")
    files = None
    if certificates is not None:
        source = AuthoritySource(authority)
        files = FilesSettings(directory=certificates, source=source, inject_from=inject_from)
    clients = None
    if client_authorities is not None:
        clients = ClientSettings(authorities=client_authorities, names=frozenset(client_names))
    if decision_log is None and (redact or decision_log_share):
        raise UsageError("--decision-log-share and --redact belong to --decision-log")
    decisions = None
    if decision_log is not None:
        decisions = DecisionSettings(path=decision_log, share=decision_log_share, redact=redact)
    settings = ServingSettings(
        listen=Listen.read(listen, option="--listen"),
        operations=Listen.read(operations, option="--operations; --door-operations of auditor run"),
        target=Target.read(service, namespace=namespace, url=url),
        certificates=files,
        clients=clients,
        cluster=cluster.settings(),
        name=name,
        break_glass_group=break_glass_group,
        crd_impact=CrdReview(crd_impact),
        decisions=decisions,
        workers=workers,
        threads=threads,
        drain=drain,
        traces=traces,
        events=events,
        duties=duties,
        owner=owner,
    )
    prepare(settings)
    run(settings, make_service(settings))
