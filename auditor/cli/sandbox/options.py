"""What the commands of the sandbox have in common."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from auditor.sandbox import Sandbox

DEFAULT_NAME = "default"

name_option = click.option("--name", default=DEFAULT_NAME, show_default=True, help="Which sandbox.")
version_option = click.option(
    "--kubernetes-version", "version", metavar="VERSION", help="1.36.3, or 1.36 for its newest patch."
)
controllers_option = click.option(
    "--controllers/--no-controllers",
    default=True,
    help="Without the controller manager: namespaces are never deleted for good, owned objects are not collected, "
    "and new namespaces get no service account.",
)
output_option = click.option(
    "-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Form of the answer."
)


def tell_notices() -> None:
    """What has ended since the last command, and why."""
    from auditor.sandbox.record import sweep, take_notices

    sweep()
    for name, text in take_notices():
        click.echo(f"The sandbox {name} {text}", err=True)


def find(name: str) -> "Sandbox":
    from auditor.sandbox import Sandbox

    tell_notices()
    return Sandbox.find(name)
