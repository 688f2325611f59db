"""`auditor docs`: the reference of commands, CRDs, metrics and settings, written from the program itself."""

from collections.abc import Mapping
from pathlib import Path

import click

CURRENT, DIFFERS = 0, 1
PLACE = Path("docs") / "reference"


@click.command("docs")
@click.argument("directory", metavar="[DIRECTORY]", required=False, type=click.Path(file_okay=False, path_type=Path))
@click.option("--check", "only_checks", is_flag=True, help="Write nothing, and name the pages that differ.")
def command(directory: Path | None, only_checks: bool) -> int:
    """Write the reference of all commands, CRDs, metrics and settings, as Markdown.

    It goes to DIRECTORY; without one to docs/reference, where the checkout of auditor has it. What is written depends
    on the program alone: not on the terminal, the environment or the time.

    Exit code 0: written, or with --check as it has to be; 1: with --check a page differs or is missing; 2: there is no
    such directory, or it cannot be written.
    """
    from auditor.errors import UsageError

    if directory is None and not PLACE.is_dir():
        raise UsageError(f"there is no directory {PLACE} here: name one, as in auditor docs reference/")
    place = directory or PLACE
    pages = write_pages()
    return _check(pages, place) if only_checks else _store(pages, place)


def write_pages() -> Mapping[str, str]:
    """All pages by the names of their files."""
    from auditor.cli.docs.commands import write_commands
    from auditor.cli.docs.crds import write_crds
    from auditor.cli.docs.logs import write_logs
    from auditor.cli.docs.metrics import write_metrics
    from auditor.cli.docs.settings import write_settings

    return {
        "cli.md": write_commands(),
        "crds.md": write_crds(),
        "logs.md": write_logs(),
        "metrics.md": write_metrics(),
        "settings.md": write_settings(),
    }


def _check(pages: Mapping[str, str], place: Path) -> int:
    wrong = 0
    for name, text in pages.items():
        file = place / name
        try:
            there = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            there = None
        if there != text:
            wrong += 1
            click.echo(f"{file}: {'missing' if there is None else 'differs in line ' + str(_differ(there, text))}")
    if wrong:
        click.echo(f"Write the reference anew: auditor docs {place}")
    return DIFFERS if wrong else CURRENT


def _differ(one: str, other: str) -> int:
    """The first line that is not the same, from 1."""
    pairs = zip([*one.split("\n"), None], [*other.split("\n"), None], strict=False)
    return next(number for number, (left, right) in enumerate(pairs, 1) if left != right)


def _store(pages: Mapping[str, str], place: Path) -> int:
    from auditor.errors import UsageError

    try:
        place.mkdir(parents=True, exist_ok=True)
        for name, text in pages.items():
            (place / name).write_text(text, encoding="utf-8")
            click.echo(f"wrote {place / name}")
    except OSError as error:
        raise UsageError(f"{error.filename or place}: cannot be written: {error.strerror}") from error
    return CURRENT
