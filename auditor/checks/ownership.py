"""A field of a declared manager, such as a GitOps tool, was changed by somebody else.

Who changes a value takes the field away from its owner, so of a field that was taken managedFields only show the new
owner; two owners of one field have written the same value, which is no drift. What the manager wanted is known where
it left its last-applied configuration in an annotation: then each field that is otherwise now is told. Where it did
not (server-side apply), a field of another manager may be one that it never had, as those that controllers fill in;
told is only what a person's tool wrote after it, beside fields of its own. A manager that only updates, as an operator
that fills in fields of what people apply, lays no claim to the others.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from auditor.checks.notes import Notes
from auditor.checks.stored import Stored
from auditor.checks.writers import STATUS, Tokens, Writer, find_owners, name_all, newest, read_writers
from auditor.engine.patch import join_pointer, same
from auditor.json import Json, JsonObject
from auditor.languages.privacy import SECRET
from auditor.languages.schema import StructuralSchema

LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
_ANNOTATION: Final = ("metadata", "annotations", LAST_APPLIED)
NO_MANAGERS: Final = "no managers are declared in AuditConfig"

# The names that interactive clients give themselves: kubectl-edit and its sisters, k9s, Lens, and what runs in a
# browser. `kubectl rollout restart` writes an annotation that no GitOps tool takes for its own.
_BY_HAND: Final = frozenset({"kubectl", "k9s", "node-fetch", "Mozilla"})
_NO_HAND: Final = frozenset({"kubectl-rollout"})


def find_taken(stored: Stored, notes: Notes) -> None:
    managers = stored.settings.managers
    if not managers:
        notes.skip(NO_MANAGERS)
        return
    thing = stored.request.object or {}
    writers = [writer for writer in read_writers(thing) if writer.subresource != STATUS]
    declared = [writer for writer in writers if writer.manager in managers]
    if not declared:
        return  # it is not in their hands
    others = [writer for writer in writers if writer.manager not in managers]
    wanted = _read_last_applied(thing, declared)
    if wanted is None:
        applied = [writer for writer in declared if writer.operation == "Apply"]
        _find_by_hand(notes, thing, applied, others)
    else:
        _find_against(stored, notes, wanted, declared, others)


def _read_last_applied(thing: JsonObject, declared: Sequence[Writer]) -> JsonObject | None:
    """Only if they wrote it: that of somebody else's `kubectl apply` says nothing of what they want."""
    text = ((thing.get("metadata") or {}).get("annotations") or {}).get(LAST_APPLIED)
    if not isinstance(text, str) or not find_owners(declared, _ANNOTATION, thing):
        return None
    try:
        wanted = orjson.loads(text)
    except ValueError:
        return None
    return wanted if isinstance(wanted, dict) else None


def _find_by_hand(notes: Notes, thing: JsonObject, declared: Sequence[Writer], others: Sequence[Writer]) -> None:
    since = newest(declared)
    for writer in others:
        if _is_by_hand(writer) and since is not None and writer.time is not None and writer.time > since:
            for leaf in writer.leaves(thing):
                if _is_beside(leaf, declared, thing):
                    _tell_changed(notes, leaf, [writer], declared)


def _is_by_hand(writer: Writer) -> bool:
    if writer.subresource or writer.manager in _NO_HAND:
        return False
    return writer.manager in _BY_HAND or writer.manager.startswith("kubectl-")


def _is_beside(leaf: Tokens, declared: Sequence[Writer], thing: JsonObject) -> bool:
    """Not theirs now, and next to what is theirs. What stands in an item or a map of its own was added, not changed."""
    if len(leaf) < 2 or leaf[0] in ("metadata", "status") or leaf[-1].startswith("v:"):
        return False
    return not find_owners(declared, leaf, thing) and any(_owns_below(each, leaf[:-1], thing) for each in declared)


def _owns_below(writer: Writer, path: Tokens, thing: JsonObject) -> bool:
    return any(leaf[: len(path)] == path for leaf in writer.leaves(thing))


def _find_against(
    stored: Stored, notes: Notes, wanted: JsonObject, declared: Sequence[Writer], others: Sequence[Writer]
) -> None:
    thing = stored.request.object or {}
    for change in _Comparison(stored.schema).run(wanted, thing):
        if not change.gone:
            owners = find_owners(others, change.path, thing)
            if owners and not find_owners(declared, change.path, thing):
                latest = newest(owners)
                last = [writer for writer in owners if writer.time == latest]
                _tell_changed(notes, change.path, last, declared)
        elif stored.schema is not None and stored.schema.nearest(_steps(change.path)) is None:
            # Without a schema it may be a field that the server has never known.
            _tell_removed(notes, change, declared)


def _tell_changed(notes: Notes, path: Tokens, writers: Sequence[Writer], declared: Sequence[Writer]) -> None:
    pointer = join_pointer(path)
    owner = _name_declared(declared)
    notes.fail(
        "changed",
        f"{pointer} was changed {writers[0].when} by {name_all(writers)}, and is no longer what {owner} wrote",
        path=pointer,
        writers=writers,
        remediation=f"Make the change in the source from which {owner} applies, and have it applied again; or leave the"
        " field out there, if somebody else shall set it.",
    )


def _tell_removed(notes: Notes, change: "_Change", declared: Sequence[Writer]) -> None:
    pointer = join_pointer(change.path)
    owner = _name_declared(declared)
    item = "that item" if SECRET.search(pointer) else change.item
    what = f"{pointer} has no item {item} any more" if change.item else f"{pointer} is not there any more"
    notes.fail(
        "removed",
        f"{what}: {owner} wrote it, and who took it out is not recorded",
        path=pointer,
        distinct=f"{pointer}/{change.item}" if change.item else "",
        remediation=f"Have {owner} apply its source again, or take the field out there.",
    )


def _name_declared(declared: Sequence[Writer]) -> str:
    return " or ".join(dict.fromkeys(writer.manager for writer in declared))


@dataclass(frozen=True, slots=True)
class _Change:
    path: Tokens
    gone: bool = False
    item: str = ""
    """Of a list at the path: the one that is not there any more, by its key."""


@dataclass(frozen=True, slots=True)
class _Comparison:
    """What of a configuration is otherwise in the object; what the object has beside it is nobody's change."""

    schema: StructuralSchema | None

    def run(self, wanted: JsonObject, thing: JsonObject) -> Iterator[_Change]:
        for name, value in wanted.items():
            if name not in ("apiVersion", "kind", "metadata", "status"):
                yield from self._compare({name: value}, thing, ())
        for name in ("labels", "annotations"):
            value = (wanted.get("metadata") or {}).get(name)
            if isinstance(value, dict):
                there = (thing.get("metadata") or {}).get(name) or {}
                yield from self._compare(value, there, ("metadata", name))

    def _compare(self, wanted: Json, there: Json, path: Tokens) -> Iterator[_Change]:
        if isinstance(wanted, dict) and isinstance(there, dict):
            for name, value in wanted.items():
                if value is None:
                    continue  # who applies null wants nothing there
                if name not in there:
                    yield _Change((*path, name), gone=True)
                else:
                    yield from self._compare(value, there[name], (*path, name))
        elif isinstance(wanted, list) and isinstance(there, list):
            yield from self._compare_lists(wanted, there, path)
        elif not same(wanted, there):
            yield _Change(path)

    def _compare_lists(self, wanted: list[Json], there: list[Json], path: Tokens) -> Iterator[_Change]:
        keys = self._keys(wanted, there, path)
        if keys:
            places = {_key(item, keys): index for index, item in enumerate(there)}
            for item in wanted:
                key = _key(item, keys)
                if key in places:
                    yield from self._compare(item, there[places[key]], (*path, str(places[key])))
                else:
                    yield _Change(path, gone=True, item=",".join(f"{k}={v}" for k, v in zip(keys, key, strict=True)))
        elif len(wanted) == len(there) and any(isinstance(item, dict) for item in wanted):
            for index, (left, right) in enumerate(zip(wanted, there, strict=True)):
                yield from self._compare(left, right, (*path, str(index)))
        elif self.schema is not None and self.schema.set_type(_steps(path)) == "set":
            for value in wanted:
                if not any(same(value, other) for other in there):
                    yield _Change(path, gone=True, item=str(value))
        elif not same(wanted, there):
            yield _Change(path)

    def _keys(self, wanted: list[Json], there: list[Json], path: Tokens) -> tuple[str, ...]:
        """By which the items are told apart; where no schema says, as in built-in kinds, by their names."""
        items = [*wanted, *there]
        if not items or not all(isinstance(item, dict) for item in items):
            return ()
        if self.schema is not None:
            keys = self.schema.list_keys(_steps(path))
            return keys if all(name in item for item in items for name in keys) else ()
        named = all(isinstance(item.get("name"), str) for item in items)
        unique = all(len({item["name"] for item in part}) == len(part) for part in (wanted, there)) if named else False
        return ("name",) if unique else ()


def _key(item: JsonObject, keys: Sequence[str]) -> tuple[str, ...]:
    return tuple(str(item[name]) for name in keys)


def _steps(path: Tokens) -> tuple[str | int, ...]:
    """As schemas take them. A field with a number for its name is rare, and then only its list is compared whole."""
    return tuple(int(step) if step.isdecimal() else step for step in path)
