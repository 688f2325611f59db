"""`auditor packs`: the packs of policies that ship with us, one module for each of its commands."""

import click

from auditor.cli.packs.install import install
from auditor.cli.packs.remove import remove
from auditor.cli.packs.show import list_all, show


@click.group("packs")
def command() -> None:
    """Packs of policies: which there are, what is in them, into a cluster and out of it.

    A pack is named by its name, or by the path of a folder for one of your own.
    """


for part in (list_all, show, install, remove):
    command.add_command(part)
