"""What an installation or removal does, told line by line as it happens."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from auditor.intake.packs.step import Step


def tell(steps: "Iterable[Step]", *, dry_run: bool, diff: bool = False) -> bool:
    """Whether all of it was done."""
    from auditor.intake.packs.step import Fate
    from auditor.intake.printable import clean

    done = True
    for step in steps:
        asked = dry_run and step.done and step.fate is not Fate.UNCHANGED
        behind = f": {step.note}" if step.note else " (dry run)" if asked else ""
        click.echo(clean(f"{step.resource.name}/{step.name} {step.fate}{behind}"), err=not step.done)
        if diff:
            click.echo(clean(step.difference), nl=False)
        done = done and step.done
    return done
