"""`auditor new`: a working start, with test cases that pass."""

import re
from pathlib import Path

import click

from auditor.cli.suggestions import complete_kinds

NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
KIND = re.compile(r"[A-Z][A-Za-z0-9]*")
GROUP = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+")


@click.group("new")
def command() -> None:
    """A working start for a policy or a pack, with its test cases."""


@command.command("pack")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--kind", required=True, help="Of the objects: Gadget.")
@click.option("--group", default="example.com", show_default=True, help="The API group.")
def pack(folder: Path, kind: str, group: str) -> None:
    """Write FOLDER: a CRD, policies for it in all three languages, examples, test cases, and a page about it.

    Then `auditor test FOLDER` passes, and `auditor scan FOLDER/examples/bad --policies FOLDER` finds what is wrong.
    """
    from auditor.cli.new.starts import write_pack

    _check(kind, KIND, "--kind", "letters and digits, the first one large: Gadget")
    _check(group, GROUP, "--group", "a DNS name of two parts at least: example.com")
    _tell(write_pack(folder, kind=kind, group=group), folder)


@command.command("policy")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--crd", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Of the kind it is for.")
@click.option(
    "--resource",
    default="",
    metavar="PLURAL.GROUP",
    shell_complete=complete_kinds,
    help="The kind it is for, without its CRD.",
)
@click.option("--kind", default="", help="The name that its objects have; of a file with several CRDs, which.")
def policy(folder: Path, crd: Path | None, resource: str, kind: str) -> None:
    """Write FOLDER: one policy for a kind that there is, and its test cases."""
    from auditor.cli.new.starts import Target, read_target, write_policy
    from auditor.errors import UsageError

    if (crd is None) == (not resource):
        raise UsageError("name the kind by --crd FILE, or by --resource PLURAL.GROUP with --kind KIND")
    if crd is not None:
        target = read_target(crd, kind)
    else:
        plural, _, group = resource.partition(".")
        _check(kind, KIND, "--kind", "needed with --resource: the kind of the objects, as Gadget")
        _check(group, GROUP, "--resource", "PLURAL.GROUP: gadgets.example.com")
        target = Target(group, "v1", plural, kind)
    _tell(write_policy(folder, target, crd=crd), folder)


def _check(text: str, form: re.Pattern[str], option: str, wanted: str) -> None:
    from auditor.errors import UsageError

    if not form.fullmatch(text):
        raise UsageError(f"{option} {text!r}: {wanted}")


def _tell(files: list[Path], folder: Path) -> None:
    for file in files:
        click.echo(f"wrote {file}")
    click.echo(f"\nNext: auditor test {folder}")
