"""The text of a file or a stream to its documents.

What reads exactly and what tells of mistakes and places is imported where it is needed: it brings PyYAML, 12 ms that
most scans can do without.
"""

import re
from collections.abc import Iterator, Mapping
from functools import partial

import orjson

from auditor.intake.yaml.document import MAX_DEPTH, Document, DocumentError, Fault, Position, Positions
from auditor.intake.yaml.jsontext import read_json, skip_space
from auditor.intake.yaml.lines import MISS, read_lines
from auditor.json import Json

# kubectl cuts a file at these lines before it parses: whatever is broken in one document stays in that document.
_SEPARATOR = re.compile(r"^---([^\n]*)(?:\n|\Z)", re.MULTILINE)
# An end of a document that holds nothing: kubectl takes it, libyaml does not where no `---` stands before it.
_ENDED = re.compile(r"(?:[ \t\r]*+(?:#[^\n]*+)?\n)*+\.\.\.[ \t]*+\n(?:[ \t\r]*+(?:#[^\n]*+)?\n)*+")
_BLANK = re.compile(r"(?:[ \t\r]*(?:#[^\n]*)?\n)*[ \t]*")


def read_documents(
    data: bytes | str, *, file: str = "", line: int = 1, begins: bool = True
) -> list[Document | DocumentError]:
    """All documents in their order, an error in the place of each that cannot be read; empty ones are left out.

    `line` is that of the file on which the data begin; they may be a later part of it, from a separator on.
    """
    try:
        text = _decode(data)
    except Fault as problem:
        return [_locate(problem, file, line)]
    results: list[Document | DocumentError] = []
    rest = 0
    if begins and text.lstrip().startswith("{"):
        rest = _read_stream(text, file, results)
    # Behind a byte order mark kubectl takes even JSON for YAML; the parser would not skip it in a string.
    text = text.removeprefix("\ufeff")
    for chunk, first, fault in _split(text[rest:], text.count("\n", 0, rest) + line):
        if fault:
            results.append(_locate(fault, file, first))
        elif chunk:
            results.extend(_read_chunk(chunk, first, file))
    return results


def _decode(data: bytes | str) -> str:
    if isinstance(data, bytes):
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise Fault("UTF-16", advice="save the file as UTF-8")
        # Bytes that are no UTF-8 become lone surrogates: only the document that holds them is refused.
        data = data.decode("utf-8", "surrogateescape")
    return data.replace("\r\n", "\n") if "\r" in data else data


def _read_stream(text: str, file: str, results: list[Document | DocumentError]) -> int:
    """JSON values from the start on; gives the place from which the rest is YAML, as kubectl changes over."""
    end = counted = begins = 0
    line = 1
    try:
        for part in read_json(text):
            line += text.count("\n", counted, part.start)
            begins = text.rfind("\n", counted, part.start) + 1 or begins
            counted = part.start
            end = skip_space(text, part.end)
            if part.fault:
                results.append(_locate(part.fault, file, line))
                continue
            own = text[part.start : part.end]
            problem = _check(own, part.value)
            if problem:
                results.append(_locate(problem, file, line))
                continue
            source = partial(_find_json, own, line, part.start - begins)
            results.append(Document(part.value, line, Positions(source)))
    except Fault as problem:
        if len(results) > 1 and not text.startswith("---", end):
            # More than one value: a stream for certain, so what does not parse is broken JSON, not YAML.
            results.append(_locate(problem, file, 1))
            following = text.find("\n---", end)
            return len(text) if following < 0 else following + 1
    return end


def _split(text: str, line: int) -> Iterator[tuple[str, int, Fault | None]]:
    """(text, line of the file on which it begins, what is wrong with the separator before it)"""
    start, fault = 0, None
    for match in _SEPARATOR.finditer(text):
        yield text[start : match.start()], line, fault
        line += text.count("\n", start, match.end())
        start, fault = match.end(), None
        behind = match[1].strip()
        if behind and not behind.startswith("#"):
            fault = Fault("text behind ---", -1, 3, "begin the document on the next line")
    yield text[start:], line, fault


def _read_chunk(chunk: str, line: int, file: str) -> list[Document | DocumentError]:
    # kubectl ends every line, the last too: it shows in block scalars.
    text = chunk if chunk.endswith("\n") else chunk + "\n"
    if _ENDED.fullmatch(text):
        return []
    try:
        value = read_lines(text)
        if value is MISS:
            value = _read_exact(text)
    except Fault as fault:
        from auditor.intake.yaml.explain import tell_template

        return [_locate(tell_template(fault, text), file, line)]
    if value is None:
        return []
    blank = _BLANK.match(text)
    begins = line + text.count("\n", 0, blank.end() if blank else 0)
    positions = Positions(partial(_find_yaml, text, line), partial(_find_inside, text, line))
    return [Document(value, begins, positions)]


def _read_exact(text: str) -> Json:
    from auditor.intake.yaml.exact import read_exact
    from auditor.intake.yaml.explain import find_unreadable

    if fault := find_unreadable(text):
        raise fault
    return read_exact(text)


def _find_yaml(text: str, line: int) -> Mapping[str, Position]:
    from auditor.intake.yaml.positions import find_yaml

    return find_yaml(text, line)


def _find_json(text: str, line: int, column: int) -> Mapping[str, Position]:
    from auditor.intake.yaml.positions import find_json

    return find_json(text, line, column)


def _find_inside(text: str, line: int, pointer: str, place: Position) -> Position | None:
    from auditor.intake.yaml.inside import find_inside

    found = find_inside(text, pointer, place)
    return found and Position(found.line + line - 1, found.column)


def _check(text: str, value: Json) -> Fault | None:
    """What the standard library reads and nobody could write again: bytes that are no text, thousands of levels."""
    try:
        text.encode()
        orjson.dumps(value)
    except UnicodeEncodeError:
        from auditor.intake.yaml.explain import find_unreadable

        return find_unreadable(text)
    except TypeError:
        return Fault(f"nested deeper than {MAX_DEPTH} levels", advice="no Kubernetes object is that deep")
    return None


def _locate(fault: Fault, file: str, line: int) -> DocumentError:
    what = fault.what
    if fault.first is not None:
        what += f", first in line {fault.first + line}"
    return DocumentError(what, file=file, line=fault.line + line, column=fault.column + 1, advice=fault.advice)
