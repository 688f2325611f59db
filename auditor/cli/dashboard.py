"""`auditor dashboard`: the web page over history and coverage."""

from pathlib import Path

import click

from auditor.cli.cluster import Cluster, cluster_options

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("dashboard", context_settings={"auto_envvar_prefix": "AUDITOR_DASHBOARD"})
@click.option(
    "--listen",
    default="127.0.0.1:8084",
    show_default=True,
    metavar="HOST:PORT",
    help="Where browsers, or the proxy before them, come in.",
)
@click.option(
    "--operations",
    default="",
    metavar="HOST:PORT",
    help="For probes and metrics, plain HTTP: /healthz, /readyz, /metrics. Default: nowhere.",
)
@click.option(
    "--access",
    type=click.Choice(["link", "token", "proxy"]),
    default="link",
    show_default=True,
    help="Who may come in: by a link that works once and is shown here; by a Kubernetes token; through a proxy.",
)
@click.option(
    "--public-url", default="", metavar="URL", help="As browsers see it: https://HOST. Needed for token and proxy."
)
@click.option(
    "--database-url",
    default=None,
    metavar="URL",
    help="Of the history: sqlite:///FILE or postgresql://USER@HOST/NAME. Default: where `auditor watch` keeps it.",
)
@click.option("--cluster-name", default="", metavar="NAME", help="By name or id, where the history has several.")
@click.option("--tls-cert", type=FILE, default=None, help="The certificate, in PEM, for TLS.")
@click.option("--tls-key", type=FILE, default=None, help="Its key.")
@click.option(
    "--audience", "audiences", multiple=True, help="Tokens have to be meant for one of these. Default: the API server."
)
@click.option(
    "--report-group",
    type=click.Choice(["openreports.io", "wgpolicyk8s.io"]),
    default="openreports.io",
    show_default=True,
    help="Who may list reports of this group in a namespace may see that namespace.",
)
@click.option("--proxy-secret-file", type=FILE, default=None, help="What the proxy sends as X-Auditor-Proxy-Secret.")
@click.option("--proxy-ca", type=FILE, default=None, help="Instead: the CA, in PEM, of the proxy's client certificate.")
@click.option("--proxy-name", "proxy_names", multiple=True, help="A name in that certificate. Default: any.")
@cluster_options
def command(
    listen: str,
    operations: str,
    access: str,
    public_url: str,
    database_url: str | None,
    cluster_name: str,
    tls_cert: Path | None,
    tls_key: Path | None,
    audiences: tuple[str, ...],
    report_group: str,
    proxy_secret_file: Path | None,
    proxy_ca: Path | None,
    proxy_names: tuple[str, ...],
    cluster: Cluster,
) -> None:
    """Show findings, compliance, coverage and decisions as the watcher keeps them, in a browser.

    On this computer it shows a link that works once. In a cluster everybody sees those namespaces in which they may
    list reports.
    """
    from auditor.audit.settings import default_database
    from auditor.dashboard.access import ReportGroup
    from auditor.dashboard.serving import DashboardSettings, run
    from auditor.operations.listen import Listen

    settings = DashboardSettings(
        listen=Listen.read(listen, option="--listen"),
        operations=Listen.read(operations, option="--operations") if operations else None,
        database=default_database() if database_url is None else database_url,
        cluster_name=cluster_name,
        access=access,
        public_url=public_url,
        cluster=cluster.settings(),
        report_group=ReportGroup(report_group),
        audiences=audiences,
        certificate=tls_cert,
        key=tls_key,
        proxy_secret=proxy_secret_file,
        proxy_ca=proxy_ca,
        proxy_names=frozenset(proxy_names),
    )
    run(settings, lambda link: click.echo(f"Open this link; it works once, for five minutes: {link}", err=True))
