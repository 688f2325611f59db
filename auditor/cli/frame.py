"""The frame around all commands: which there are, the options they share, how errors reach a person."""

import errno
import importlib
import logging
import os
import sys
import traceback
from collections.abc import Mapping

import click

from auditor import __version__
from auditor.cli.logs import set_up_logging
from auditor.errors import AuditorError
from auditor.json import JsonObject

# The module of each command has it as `command`. It is imported when the command is called, or listed by --help.
COMMANDS = {
    "certs": "auditor.cli.certs",
    "completion": "auditor.cli.completion",
    "convert": "auditor.cli.convert",
    "dashboard": "auditor.cli.dashboard",
    "demo": "auditor.cli.demo",
    "docs": "auditor.cli.docs",
    "except": "auditor.cli.excepting",
    "explain": "auditor.cli.explain",
    "findings": "auditor.cli.findings",
    "fix": "auditor.cli.fix",
    "impact": "auditor.cli.impact",
    "new": "auditor.cli.new",
    "packs": "auditor.cli.packs",
    "rbac": "auditor.cli.rbac",
    "registration": "auditor.cli.registration",
    "report": "auditor.cli.report",
    "run": "auditor.cli.run",
    "sandbox": "auditor.cli.sandbox",
    "scan": "auditor.cli.scan",
    "status": "auditor.cli.status",
    "test": "auditor.cli.test",
    "watch": "auditor.cli.watch",
    "webhook": "auditor.cli.webhook",
}
INTERNAL_ERROR = 3  # nothing was judged: never to be taken for "clean" or for "findings"
INTERRUPTED = 130  # as shells count: 128 + SIGINT
READER_GONE = 141  # 128 + SIGPIPE


class LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(COMMANDS[cmd_name]).command
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-") and not ctx.resilient_parsing:
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            ctx.fail(f"there is no command {args[0]!r}" + (f": did you mean {near[0]!r}?" if near else ""))
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:  # click would make it exit code 1, which means findings
            raise _ReaderGoneError from error


class _ReaderGoneError(Exception):
    """Whoever read us has seen enough: `auditor ... | head`."""


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="auditor", message="%(prog)s %(version)s")
@click.option("-v", "--verbose", count=True, help="Tell more: -v what is done, -vv every detail, and tracebacks.")
@click.option(
    "--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How logs are written."
)
def auditor(verbose: int, log_format: str) -> None:
    """Policy and audit admission for Kubernetes custom resources."""
    set_up_logging(verbose, log_format)


def run(program: str = "auditor", defaults: Mapping[str, JsonObject] | None = None) -> int:
    """Runs the command line and returns its exit code. No error of ours reaches a person as a traceback.

    `program` is how the person has called it, `defaults` the options of each command that are others then.
    """
    try:
        result = auditor.main(prog_name=program, standalone_mode=False, default_map=defaults)
    except AuditorError as error:
        return _tell(str(error), error.exit_code)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except _ReaderGoneError:
        # Nothing more may be written, not even what the interpreter's end would flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_GONE
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            return _tell_defect(error)
        return _tell(f"there is no room left to write to: {error.strerror}. Not all was told", INTERNAL_ERROR)
    except Exception as error:
        return _tell_defect(error)
    return result if isinstance(result, int) else 0


def _tell_defect(error: Exception) -> int:
    return _tell(
        f"internal error: {type(error).__name__}: {error}. This is a defect of auditor: please report it, "
        "with what -vv prints.",
        INTERNAL_ERROR,
    )


def _tell(text: str, code: int) -> int:
    if logging.getLogger().isEnabledFor(logging.DEBUG):
        traceback.print_exc()
    from auditor.intake.printable import clean

    click.echo(clean(f"auditor: {text}"), err=True)
    return code
