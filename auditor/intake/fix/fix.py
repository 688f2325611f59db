"""One file after another: what the mutations make of its objects, as a change to its text, read again before it counts.

Nothing of a file is changed if anything of it cannot be: a half that is fixed is worse than none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime
from pathlib import Path

from auditor.dataclass import dataclass
from auditor.engine.engine import Engine
from auditor.engine.patch import same, split_pointer
from auditor.errors import AuditorError, InputError
from auditor.intake.explain.ground import Ground
from auditor.intake.files import Source, find_sources

# Documents are read from bytes here, once for the objects and for their text; `read_items` reads files by itself.
from auditor.intake.load import Item, take_apart
from auditor.intake.prepare import Prepared
from auditor.intake.requests import ask
from auditor.intake.versions import split
from auditor.intake.yaml import Document, read_documents
from auditor.intake.yaml.edit import SourceText, UnfitError, find_edits
from auditor.intake.yaml.edit.edited import Edit
from auditor.intake.yaml.edit.tree import read_json_tree, read_tree
from auditor.json import Json, JsonObject
from auditor.model.request import Operation, Request


@dataclass(slots=True)
class Fixed:
    """One file. `after` is `before` where nothing changes, or something is wrong."""

    name: str
    path: Path | None
    before: bytes = b""
    after: bytes = b""
    applied: list[str] = field(default_factory=list)
    """Each object that changes, with the mutations that did it."""
    faults: list[str] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        return self.after != self.before


@dataclass(slots=True)
class _Opened:
    fixed: Fixed
    documents: list[Document] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)


class _Refused(Exception):  # noqa: N818 - it never leaves this module
    """The text says where and why."""


def fix(
    paths: Sequence[str],
    prepared: Prepared,
    *,
    time: datetime,
    namespaces: Mapping[str, JsonObject] | None = None,
) -> list[Fixed]:
    """Writes nothing. Raises UsageError for paths that lead nowhere."""
    opened = [_open(source) for source in find_sources(paths)]
    items = [item for each in opened for item in each.items]
    wrong: list[InputError] = []
    ground = Ground.of(items, prepared, time=time, namespaces=namespaces, unreadable=wrong)
    results = [_fix_file(each, ground) for each in opened]
    if wrong:
        results.append(Fixed("", None, faults=list(map(str, wrong))))
    return results


def _open(source: Source | InputError) -> _Opened:
    if isinstance(source, InputError):
        return _Opened(Fixed("", None, faults=[str(source)]))
    opened = _Opened(Fixed(source.name, Path(source.path) if source.path else None))
    try:
        data = opened.fixed.before = opened.fixed.after = source.read()
    except InputError as error:
        opened.fixed.faults.append(str(error))
        return opened
    unreadable: list[InputError] = []
    for document in read_documents(data, file=source.name):
        if isinstance(document, InputError):
            unreadable.append(document)
        else:
            opened.documents.append(document)
            opened.items += take_apart(document.value, document, source.name, unreadable)
    opened.fixed.faults += map(str, unreadable)
    return opened


def _fix_file(opened: _Opened, ground: Ground) -> Fixed:
    fixed = opened.fixed
    try:
        aims = []
        for item in opened.items:
            if item.kind != "AdmissionReview":
                aims += _aim(item, ground, fixed)
        if aims and not fixed.faults:
            after = _write(opened, aims)
            _check(after, opened, aims, ground)
            fixed.after = after
    except _Refused as refused:
        fixed.faults.append(str(refused))
    if fixed.faults:
        fixed.applied.clear()
    return fixed


def _aim(item: Item, ground: Ground, fixed: Fixed) -> list[tuple[Item, Json, JsonObject]]:
    """The item, what has to be in the file, and what the engine makes of it; nothing where nothing changes."""
    from auditor.intake.fix.aim import aim

    try:
        request, engine = _ask(item, ground)
    except AuditorError as error:
        fixed.faults.append(f"{item.file}:{item.line}: {error}")
        return []
    mutated = engine.mutate(request)
    if mutated.findings:
        fixed.faults += [f"{item.file}:{item.line}: {f.policy}: {f.message}" for f in mutated.findings]
        return []
    if not mutated.patch:
        return []
    by = ", ".join("/".join(each) for each in mutated.applied)
    name = "/".join(part for part in (request.namespace, request.name) if part)
    fixed.applied.append(f"{item.file}:{item.line}: {request.kind.kind} {name}: {by}")
    return [(item, aim(_written(item), request.object, mutated.object), mutated.object)]


def _ask(item: Item, ground: Ground) -> tuple[Request, Engine]:
    """Raises AuditorError where a mutation wants another version than that of the file: it cannot be written back."""
    request = ask(item, ground.around)
    if request.operation is not Operation.CREATE:
        raise InputError("only objects that are created can be fixed")
    mutating = Engine.of([p for p in ground.engine.policies if p.policy.mutations], schemas=ground.engine.schemas)
    parts, errors = split(mutating, request, ground.catalog)
    if errors:
        raise InputError("; ".join(f"{each.policy}: {each.message}" for each in errors))
    chosen = Engine.of((), schemas=mutating.schemas)
    for engine, converted in parts:
        if converted.kind == request.kind:
            chosen = engine
        elif engine.mutate(converted).patch:
            names = ", ".join(sorted({policy.policy.name for policy in engine.policies}))
            version = converted.kind.api_version
            raise InputError(f"{names}: changes the object in {version}, which the file does not hold")
    return request, chosen


def _written(item: Item) -> Json:
    """As it stands in the file: reading the object may have left out nulls."""
    value = item.document.value
    for step in split_pointer(item.pointer):
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value


def _write(opened: _Opened, aims: Sequence[tuple[Item, Json, JsonObject]]) -> bytes:
    source = SourceText.read(opened.fixed.before)
    pieces = list(source.pieces())
    if len(pieces) != len(opened.documents):
        raise _Refused(f"{opened.fixed.name}: its documents cannot be told apart")
    edits: list[Edit] = []
    for document, piece in zip(opened.documents, pieces, strict=True):
        own = [(item, target) for item, target, _ in aims if item.document is document]
        text = source.text[piece.start : piece.end]
        root = (read_json_tree(text) if piece.json else read_tree(text)) if own else None
        if root is None:
            continue
        for item, target in own:
            path = split_pointer(item.pointer)
            try:
                found = find_edits(text, root, path, _written(item), target, json=piece.json)
            except UnfitError as error:
                line = source.text.count("\n", 0, piece.start + error.at) + 1
                raise _Refused(f"{item.file}:{line}: cannot be written: {error}") from None
            edits += [replace(e, start=e.start + piece.start, end=e.end + piece.start) for e in found]
    try:
        return source.edited(edits)
    except ValueError as error:
        raise _Refused(f"{opened.fixed.name}: cannot be written: {error}") from None


def _check(after: bytes, opened: _Opened, aims: Sequence[tuple[Item, Json, JsonObject]], ground: Ground) -> None:
    """Reads what was written: every document must be what was meant, and every object must be settled."""
    name = opened.fixed.name
    again = read_documents(after, file=name)
    if len(again) != len(opened.documents):
        raise _Refused(f"{name}: cannot be written: it would have other documents")
    for old, new in zip(opened.documents, again, strict=True):
        own = {item.pointer: target for item, target, _ in aims if item.document is old}
        wanted = _put(old.value, "", own) if own else old.value
        if not isinstance(new, Document) or not same(new.value, wanted):
            raise _Refused(f"{name}:{old.line}: cannot be written: it would not be read as what is meant")
    for item, target, mutated in aims:
        request, engine = _ask(replace(item, thing=target), ground)
        settled = engine.mutate(request)
        if settled.patch or not same(request.object, mutated):
            raise _Refused(
                f"{name}:{item.line}: cannot be written: with the defaults of its CRD it would not be what is meant"
            )


def _put(value: Json, pointer: str, targets: Mapping[str, Json]) -> Json:
    if pointer in targets:
        return targets[pointer]
    if isinstance(value, dict) and any(each.startswith(f"{pointer}/items/") for each in targets):
        return {**value, "items": [_put(v, f"{pointer}/items/{i}", targets) for i, v in enumerate(value["items"])]}
    return value
