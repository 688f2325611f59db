"""The page of all commands: what they do, their arguments, options and exit codes."""

import inspect
from collections.abc import Iterator

import click

from auditor.cli import frame
from auditor.cli.cluster import OPTIONS
from auditor.cli.docs.markdown import code, link, page, prose, table

PROGRAM = "auditor"
CLUSTER = "Options of the cluster"
HEAD = ("Option", "Default", "Meaning")
UNBROKEN = "\b"  # how click marks a paragraph whose lines stay as they are


def write_commands() -> str:
    commands = list(walk(frame.auditor, PROGRAM))
    shared = cluster_options()
    return page(
        "Commands",
        "\n".join(f"- {link(name)}: {prose(each.get_short_help_str(limit=200))}" for name, each in commands[1:]),
        "## Exit codes",
        table(("Code", "Meaning"), _exit_codes()),
        *(_describe(name, each, shared) for name, each in commands),
        f"## {CLUSTER}\n\nOf all commands that ask a cluster. It is found as kubectl finds it.",
        table(HEAD, map(_row, shared)),
    )


def walk(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    """The command and all below it, by the words that a person types. Hidden ones are left out."""
    if command.hidden:
        return
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            if found is not None:
                yield from walk(found, f"{name} {below}")


def cluster_options() -> list[click.Option]:
    @click.command()
    def probe() -> None: ...

    for option in OPTIONS:
        option(probe)
    return options_of(probe)


def options_of(command: click.Command) -> list[click.Option]:
    return [each for each in command.params if isinstance(each, click.Option) and not each.hidden]


def own_options(command: click.Command, shared: list[click.Option]) -> list[click.Option]:
    """Without those of the cluster, if it has them all."""
    names = {option.name for option in shared}
    found = options_of(command)
    return [each for each in found if each.name not in names] if names <= {each.name for each in found} else found


def name_option(option: click.Option) -> str:
    """As it is typed, with what it takes: `-o, --output FORMAT`."""
    taken = "" if option.is_flag or option.count else f" {_metavar(option)}"
    return ", ".join([*option.opts, *option.secondary_opts]) + taken


def show_default(option: click.Option) -> str:
    """Nothing where there is none, or none that a person would type."""
    default = option.default
    if isinstance(default, bool):
        return (option.opts if default else option.secondary_opts)[0] if option.secondary_opts else ""
    return str(default) if isinstance(default, int | float | str) and default != "" and not option.count else ""


def show_meaning(option: click.Option) -> str:
    told = option.help or ""
    if option.required:
        told += " Required."
    if option.multiple and "repeat" not in told.lower():
        told += " Repeatable."
    return prose(told + ("" if option.count else _bounds(option.type)))


def _bounds(kind: click.ParamType) -> str:  # type: ignore[type-arg,unused-ignore] # not generic in every click
    if not isinstance(kind, click.IntRange | click.FloatRange) or (kind.min is None and kind.max is None):
        return ""
    if kind.min is None:
        return f" At most {kind.max}."
    return f" At least {kind.min}." if kind.max is None else f" From {kind.min} to {kind.max}."


def _metavar(parameter: click.Parameter) -> str:
    if parameter.metavar:
        return parameter.metavar
    if isinstance(parameter.type, click.Choice):
        return "|".join(str(choice) for choice in parameter.type.choices)
    return "TEXT" if parameter.type.name == "text" else parameter.type.name.upper().replace(" RANGE", "")


def _row(option: click.Option) -> tuple[str, str, str]:
    default = show_default(option)
    return code(name_option(option)), code(default) if default else "", show_meaning(option)


def _exit_codes() -> Iterator[tuple[str, str]]:
    yield "0", "Clean."
    yield "1", "Findings at or above the threshold, or whatever else the command looks for."
    yield "2", "A mistake in the command, in a setting or in a policy. It beats 1 and 3."
    yield str(frame.INTERNAL_ERROR), "Incomplete: something could not be read or evaluated. It beats 1."
    yield str(frame.INTERRUPTED), "Ctrl-C. What was found so far is printed."
    yield str(frame.READER_GONE), "Whoever read the output went away, as in `auditor scan . | head`."


def _describe(name: str, command: click.Command, shared: list[click.Option]) -> str:
    own = own_options(command, shared)
    parts = [f"## {name}", f"```\n{_usage(name, command)}\n```", *_paragraphs(command.help or "")]
    if isinstance(command, click.Group):
        below = (found for found, _ in walk(command, name) if found.count(" ") == name.count(" ") + 1)
        parts.append("Its commands: " + ", ".join(map(link, below)) + ".")
    parts.append(table(HEAD, map(_row, own)))
    if len(own) < len(options_of(command)):
        parts.append(f"Besides: {link(CLUSTER)}.")
    if command.context_settings.get("auto_envvar_prefix"):
        parts.append("Its options may also come from the environment: [settings](settings.md).")
    return "\n\n".join(part for part in parts if part)


def _usage(name: str, command: click.Command) -> str:
    words = [name]
    if options_of(command):
        words.append("[OPTIONS]")
    words += [_show_argument(each) for each in command.params if isinstance(each, click.Argument)]
    if isinstance(command, click.Group):
        words.append("COMMAND ...")
    return " ".join(words)


def _show_argument(argument: click.Argument) -> str:
    if argument.metavar:
        return argument.metavar
    if isinstance(argument.type, click.Choice):
        shown = _metavar(argument)
    else:
        shown = (argument.name or "").upper() + ("..." if argument.nargs != 1 else "")
    return shown if argument.required else f"[{shown}]"


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        if paragraph.startswith(UNBROKEN):
            yield f"```\n{paragraph.removeprefix(UNBROKEN).strip(chr(10))}\n```"
        else:
            yield prose(paragraph)
