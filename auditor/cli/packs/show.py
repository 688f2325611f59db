"""`auditor packs list` and `auditor packs show`."""

from collections.abc import Callable

import click

from auditor.cli.packs.names import PackType
from auditor.json import Json

output_option = click.option(
    "-o", "--output", type=click.Choice(["table", "json", "yaml"]), default="table", show_default=True, help="Form."
)


@click.command("list")
@output_option
def list_all(output: str) -> None:
    """List the packs that ship with us."""
    from auditor.cli.packs.text import write_list
    from auditor.intake.packs.facts import summarize
    from auditor.intake.packs.pack import list_packs

    _tell([summarize(each) for each in list_packs()], output, write_list)


@click.command("show")
@click.argument("pack", type=PackType())
@click.option("--controls", is_flag=True, help="By control: which rules give evidence for it.")
@output_option
def show(pack: str, controls: bool, output: str) -> None:
    """Show what PACK holds: its policies with their rules, params and mutations, its kinds and conversions."""
    from auditor.cli.packs.text import write_controls, write_pack
    from auditor.intake.packs.facts import describe, map_controls
    from auditor.intake.packs.frameworks import find_framework
    from auditor.intake.packs.pack import find_pack

    found = find_pack(pack)
    if not controls:
        _tell(describe(found), output, write_pack)
        return
    mapped = []
    for control, rules in map_controls([found]).items():
        framework = find_framework(control)
        name = f"{framework.name}, {framework.edition}" if framework else ""
        mapped.append({"control": control, "framework": name, "rules": [rule.name for _, rule in rules]})
    _tell(mapped, output, write_controls)


def _tell(data: Json, output: str, write: Callable[[Json], str]) -> None:
    import yaml

    from auditor.intake.printable import clean, write_json

    if output == "json":
        text = write_json(data) + "\n"
    elif output == "yaml":
        text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120)
    else:
        text = clean(write(data))
    click.echo(text, nl=False)
