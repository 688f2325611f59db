"""The page of all lines that our programs log. They are found in the source, where they are written."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import auditor
from auditor.cli.docs.markdown import page, table
from auditor.cli.docs.metrics import ROOMS
from auditor.dataclass import dataclass

LOGGERS: Final = ("log", "logger")
LEVELS: Final = {
    "debug": "debug",
    "info": "info",
    "warning": "warning",
    "error": "error",
    "exception": "error",
    "critical": "critical",
}
BY_THE_CASE: Final = "by the case"
TITLES: Final = {
    **ROOMS,
    "cli": "`auditor run`",
    "cluster": "Talking to the API server, in all programs",
    "intake": "Policies and kinds, in all services",
    "report": "History, in the watcher",
}


@dataclass(frozen=True, slots=True, order=True)
class LoggedLine:
    room: str
    logger: str
    level: str
    event: str
    """The text before its values are filled in."""


def write_logs() -> str:
    found = find_logged()
    rooms = sorted({each.room for each in found}, key=_title)
    return page(
        "Log lines",
        "By program, logger and level. `event` is the text before its values are filled in, as JSON logs have it; "
        "`%s` alone is a sentence that is made where something happens. [Logs](../logs.md) tells of forms and fields.",
        *(f"## {_title(room)}\n\n{_show(each for each in found if each.room == room)}" for room in rooms),
    )


def find_logged() -> list[LoggedLine]:
    top = Path(auditor.__file__).parent
    found: set[LoggedLine] = set()
    for room in sorted(path for path in top.iterdir() if path.is_dir()):
        for file in room.rglob("*.py"):
            found.update(read_logged(file.read_text(encoding="utf-8"), room.name, _module(file, top)))
    return sorted(found)


def read_logged(source: str, room: str, module: str) -> Iterator[LoggedLine]:
    if "logging" not in source and "journal" not in source:
        return
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_logger(node.func.value):
            method, arguments = node.func.attr, node.args
            if method == "log":
                yield LoggedLine(room, _name(node.func.value, tree, module), BY_THE_CASE, _text(arguments[1]))
            elif method in LEVELS:
                yield LoggedLine(room, _name(node.func.value, tree, module), LEVELS[method], _text(arguments[0]))


def _is_logger(node: ast.expr) -> bool:
    """`log`, or `journal.logger`."""
    return (isinstance(node, ast.Name) and node.id in LOGGERS) or (
        isinstance(node, ast.Attribute) and node.attr in LOGGERS
    )


def _name(node: ast.expr, tree: ast.AST, module: str) -> str:
    """The journal of the door has a name of its own; all others are called as their modules."""
    named = [
        each.args[0].value
        for each in ast.walk(tree)
        if isinstance(each, ast.Call)
        and isinstance(each.func, ast.Attribute)
        and each.func.attr == "getLogger"
        and each.args
        and isinstance(each.args[0], ast.Constant)
        and isinstance(each.args[0].value, str)
    ]
    if isinstance(node, ast.Attribute):
        return "auditor.webhooks"
    return named[0] if named and named[0].startswith("auditor") else module


def _text(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else "%s"


def _module(file: Path, top: Path) -> str:
    parts = file.relative_to(top).with_suffix("").parts
    return ".".join(("auditor", *(parts[:-1] if parts[-1] == "__init__" else parts)))


def _title(room: str) -> str:
    return TITLES.get(room, room.capitalize())


def _show(lines: Iterable[LoggedLine]) -> str:
    return table(("Logger", "Level", "Event"), ((f"`{e.logger}`", e.level, f"`{e.event}`") for e in lines))
