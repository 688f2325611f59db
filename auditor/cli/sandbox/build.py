"""`auditor sandbox build`: the programs of the control plane, before somebody waits for them."""

import click

from auditor.cli.progress import ShownProgress
from auditor.cli.sandbox.options import version_option


@click.command("build")
@version_option
@click.option("--force", is_flag=True, help="Build it again, for example when the cache is damaged.")
def build(version: str | None, force: bool) -> None:
    """Get the programs of the control plane ready: nothing to do where they are there."""
    from auditor.sandbox import assets
    from auditor.sandbox import build as builder

    progress = ShownProgress()
    if force:
        found = builder.build(assets.parse_version(version or assets.DEFAULT_VERSION), progress, force=True)
    else:
        found = assets.obtain(progress, version=version)
    progress.close()
    click.echo(f"Kubernetes {found.version}: {found.programs['kube-apiserver'].parent}")
