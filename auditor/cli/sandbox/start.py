"""`auditor sandbox up` and `down`."""

import shlex

import click

from auditor.cli.progress import ShownProgress
from auditor.cli.sandbox.options import DEFAULT_NAME, controllers_option, name_option, tell_notices, version_option


@click.command("up")
@name_option
@click.option("--persist", is_flag=True, help="Keep the data when it stops; the next up of this name goes on with it.")
@version_option
@controllers_option
@click.option("--port", type=click.IntRange(1, 65535), help="Of the API server. Without it: a free one.")
@click.option(
    "--api-server-arg",
    "api_server_arguments",
    metavar="--FLAG=VALUE",
    multiple=True,
    help="Passed to kube-apiserver as it is; may be repeated.",
)
def up(
    name: str,
    persist: bool,
    version: str | None,
    controllers: bool,
    port: int | None,
    api_server_arguments: tuple[str, ...],
) -> None:
    """Start a sandbox, and leave it running until `down`."""
    from auditor.sandbox import Sandbox
    from auditor.sandbox.assets import is_of, parse_version

    wanted = parse_version(version) if version else None
    tell_notices()
    running = next((s for s in Sandbox.all() if s.record.name == name and s.running), None)
    if running and wanted and not is_of(running.record.version, wanted):
        raise click.UsageError(f"the sandbox {name} runs Kubernetes {running.record.version}: stop it first")
    sandbox = running or Sandbox.start(
        name,
        version=wanted,
        controllers=controllers,
        persist=persist,
        detached=True,
        port=port,
        api_server_arguments=api_server_arguments,
        progress=ShownProgress(),
    )
    named = "" if name == DEFAULT_NAME else f" --name {name}"
    state = "was up already" if running else "is up"
    click.echo(f"The sandbox {name} {state}: Kubernetes {sandbox.record.version} at {sandbox.record.url}")
    click.echo(f"  export KUBECONFIG={shlex.quote(str(sandbox.kubeconfig))}")
    click.echo(f"  auditor sandbox kubectl{named} get namespaces")
    click.echo(f"  auditor sandbox down{named}")


@click.command("down")
@name_option
@click.option("--all", "everything", is_flag=True, help="All sandboxes of this user.")
@click.option("--delete", is_flag=True, help="Also the data of one that persists.")
def down(name: str, everything: bool, delete: bool) -> None:
    """Stop a sandbox. Nothing of it is left, but for the data of one that persists."""
    from auditor.errors import SandboxError
    from auditor.sandbox import Sandbox

    tell_notices()
    found = [s for s in Sandbox.all() if everything or s.record.name == name]
    if not found and not everything:
        raise SandboxError(f"there is no sandbox {name}")
    for sandbox in found:
        sandbox.stop(delete=delete)
        kept = sandbox.record.persist and not delete
        click.echo(f"The sandbox {sandbox.record.name} is stopped{'; its data is kept' if kept else ' and removed'}.")
