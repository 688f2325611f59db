"""The fast reader: the plain, block-style YAML that people and tools write for Kubernetes, one line at a time.

It knows a subset in which a line says by itself what it is, and gives up (None is a value, so: `MISS`) at the first
line outside of it; then the exact reader decides. It never answers differently, which a property test holds it to.
It takes 45 to 75 us a KB where the exact reader takes 130.
"""

import re

from auditor.intake.yaml.document import MAX_DEPTH, Fault
from auditor.intake.yaml.scalars import FIRST, WORDS, read_plain
from auditor.json import Json, JsonObject

MISS = object()

# One match is one line with all blank and comment lines before it; a block scalar is one match with all its lines.
# Possessive throughout: no text can make it go back and try again. ASCII without tabs only; keys are words; what
# follows on the next line (folded text, open brackets) is not here.
_LINE = re.compile(
    r"""
    (?:[ ]*+(?:\#[ -~]*+)?\n)*+
    (?:
        ([ ]*+) ((?:-[ ]++)*+)                                   # indentation, dashes of list items
        (?:([A-Za-z_][A-Za-z0-9_./-]{0,200}+):(?=[ \n])[ ]*+)?+  # key; libyaml knows none beyond 1,024 characters
        (?:
            ( "[ !\#-\[\]-~]*+" | '[ -&(-~]*+'                   # quoted, nothing escaped
            | \[[ -~]*\] | \{[ -~]*\}                            # flow style on one line
            | (?:[A-Za-z0-9_/.+$(=^;~] | -(?=[A-Za-z0-9.]))      # plain: no indicator first, no ": ", no " #"
              (?:[!-9;-~]++ | :(?=[!-~]) | [ ]++(?=[!"$-~]))*+
            )
            | (\|-?)[ ]*+\n ((?:\1[ ]++[ -~]*+\n | [ ]*+\n)++)   # block scalar, with its lines: deeper than this one
        )?
        (?:(?(6) | (?:[ ]++\#[ -~]*+|[ ]*+)\n))
        | \Z
        | ([^\n]*+\n)                                            # anything else
    )
    """,
    re.VERBOSE,
)


def read_lines(text: str) -> Json:
    """The value of one document, or MISS. Its text ends with a line break, which ends the last match."""
    if not text.isascii() or not text.endswith("\n"):
        return MISS
    columns: list[int] = []
    nodes: list[Json] = []
    pending = False  # the last line was a key without a value, which may follow, deeper
    last_key = ""
    for indent, dashes, key, value, style, body, other in _LINE.findall(text):
        if other:
            return MISS
        column = len(indent)
        if not (key or dashes or value):
            if style or column:
                return MISS
            continue
        if pending:
            pending = False
            if column > columns[-1] or (dashes and column == columns[-1]):
                child: Json = [] if dashes else {}
                nodes[-1][last_key] = child
                columns.append(column)
                nodes.append(child)
        elif not columns:
            columns.append(column)
            nodes.append([] if dashes else {})
        while columns[-1] > column:
            columns.pop()
            nodes.pop()
            if not columns:
                return MISS
        if not dashes and type(nodes[-1]) is list and len(columns) > 1 and columns[-2] == column:
            columns.pop()
            nodes.pop()
        if columns[-1] != column or (type(nodes[-1]) is list) is not bool(dashes):
            return MISS
        node = nodes[-1]
        if dashes:
            column = _open_items(columns, nodes, dashes, deeper=bool(key))
            node = nodes[-1]
        if len(columns) >= MAX_DEPTH:
            return MISS
        if style:
            block = _read_block(style, body, column)
            if block is None:
                return MISS
            result: Json = block
        elif value:
            first = value[0]
            if first in FIRST:
                try:
                    result = read_plain(value)
                except Fault:
                    return MISS
            elif first == '"' or first == "'":
                result = value[1:-1]
            elif first == "[" or first == "{":
                result = _read_flow(value, len(columns))
                if result is MISS:
                    return MISS
            else:
                result = value
        elif dashes and not key:
            return MISS
        else:
            result = None
            pending = True
        if key:
            if key in node or key in WORDS:
                return MISS
            node[key] = result
            last_key = key
        elif dashes:
            node.append(result)
        else:
            return MISS
    return nodes[0] if nodes else None


def _open_items(columns: list[int], nodes: list[Json], dashes: str, *, deeper: bool) -> int:
    """Each further dash opens a list inside the last, a key behind the dashes a mapping; gives the content's column."""
    base = columns[-1]
    starts = [base + at for at, sign in enumerate(dashes) if sign == "-"]
    for start in starts[1:]:
        inner: list[Json] = []
        nodes[-1].append(inner)
        nodes.append(inner)
        columns.append(start)
    if not deeper:
        return starts[-1]
    mapping: JsonObject = {}
    nodes[-1].append(mapping)
    nodes.append(mapping)
    columns.append(base + len(dashes))
    return columns[-1]


def _read_block(style: str, body: str, column: int) -> str | None:
    lines = body.split("\n")
    width = len(lines[0]) - len(lines[0].lstrip(" "))
    if width <= column or not lines[0].strip(" "):
        return None
    if any(line[:width].strip(" ") for line in lines):
        return None
    text = "\n".join(line[width:] for line in lines).rstrip("\n")
    return text if style == "|-" else text + "\n"


def _read_flow(text: str, depth: int) -> Json:
    if text == "{}":
        return {}
    if text == "[]":
        return []
    if "&" in text or "*" in text or depth + text.count("[") + text.count("{") >= MAX_DEPTH:
        return MISS
    from auditor.intake.yaml.exact import read_exact  # and with it PyYAML: 12 ms, which most files can do without

    try:
        return read_exact(text)
    except Fault:
        return MISS
