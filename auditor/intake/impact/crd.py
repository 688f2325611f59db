"""What a changed CRD would do to the objects that are stored: make them invalid, drop fields of them, strand them.

Pure: the objects come from whoever lists them.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import field
from typing import Final

from auditor.dataclass import dataclass
from auditor.engine.patch import diff, same
from auditor.errors import AuditorError
from auditor.intake.impact.definition import changed_defaults, find_all, find_refusals
from auditor.json import JsonObject
from auditor.languages.schema import Crd, StructuralSchema, read_crd
from auditor.languages.schema.fielderror import unchecked_rules
from auditor.model.subject import Subject

EXAMPLES: Final = 5
SHOWN: Final = 3
"""Of these, where a sentence is all that there is room for."""
_UNCHECKED: Final = unchecked_rules()
_INDEX: Final = re.compile(r"/\d+(?=/|$)|\[\d+\]")


@dataclass(slots=True)
class Effect:
    """The same thing that happens to many objects: in one version, at one path, with lists' indexes left out."""

    version: str
    path: str
    what: str
    objects: int = 0
    examples: list[Subject] = field(default_factory=list)


class Effects:
    """Each once, in the order in which they were first met."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, str], Effect] = {}

    def note(self, subject: Subject, version: str, path: str, what: str) -> None:
        key = version, path, what
        effect = self._found.get(key)
        if effect is None:
            effect = self._found[key] = Effect(*key)
        effect.objects += 1
        if len(effect.examples) < EXAMPLES:
            effect.examples.append(subject)

    def __iter__(self) -> Iterator[Effect]:
        return iter(self._found.values())

    def __bool__(self) -> bool:
        return bool(self._found)


@dataclass(slots=True)
class CrdImpact:
    name: str
    objects: int = 0
    refusals: list[str] = field(default_factory=list)
    """Why the API server would not take the new CRD at all."""
    invalid: Effects = field(default_factory=Effects)
    """What the new schema does not allow and the present one does: their next update is refused where it touches that,
    and without ratcheting whatever it touches."""
    invalid_objects: int = 0
    already: int = 0
    """Objects that are invalid now."""
    unasked: int = 0
    """Objects about which the CEL rules of the new schema were not asked, as they are invalid otherwise."""
    pruned: Effects = field(default_factory=Effects)
    pruned_objects: int = 0
    defaulted: Effects = field(default_factory=Effects)
    stranded: Effects = field(default_factory=Effects)
    """Writers that use a version which is not served any more."""
    unjudged: Counter[str] = field(default_factory=Counter)
    """Objects that could not be judged, by the reason."""
    unread: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def harmful(self) -> bool:
        return bool(self.refusals or self.invalid or self.pruned or self.stranded)

    @property
    def incomplete(self) -> bool:
        return bool(self.unjudged or self.unread)


Convert = Callable[[JsonObject, str], JsonObject]
"""An object to a version of the new CRD. Raises AuditorError where that cannot be known."""


@dataclass(frozen=True, slots=True)
class _Version:
    name: str
    schema: StructuralSchema
    before: StructuralSchema | None
    """None: the version is new."""


class CrdChange:
    """One change; `judge` takes the objects one by one. Raises CompileError for what is no CRD."""

    def __init__(self, old: JsonObject, new: JsonObject, *, convert: Convert | None = None) -> None:
        """`old` as it is stored, with its status."""
        self._old, self._new = read_crd(old), read_crd(new)
        self._convert = convert or keep_fields
        self.impact = CrdImpact(str((new.get("metadata") or {}).get("name") or ""))
        self.impact.refusals += find_refusals(old, self._old, self._new)
        if convert is None and _strategy(new) != "None":
            self._convert = _only_its_own
        before = {each.name: each for each in self._old.versions}
        self._versions = [
            _Version(
                each.name,
                each.compile(accepted=True),
                before[each.name].compile(accepted=True) if each.name in before else None,
            )
            for each in self._new.versions
            if each.served
        ]
        self._served = {each.name for each in self._versions}
        self._dropped = {each.name for each in self._old.versions if each.served} - self._served
        self._changed_defaults = list(changed_defaults(self._old, self._new))

    def judge(self, thing: JsonObject) -> None:
        """An object as the API server gives it now, in any version."""
        impact = self.impact
        impact.objects += 1
        subject = _subject(thing, self._new)
        flags = {"invalid": False, "already": False, "pruned": False, "unasked": False}
        for version in self._versions:
            try:
                seen = self._convert(thing, version.name)
            except AuditorError as error:
                impact.unjudged[f"{version.name}: {error}"] += 1
                continue
            self._judge_version(seen, version, subject, flags)
        impact.invalid_objects += flags["invalid"]
        impact.already += flags["already"]
        impact.unasked += flags["unasked"]
        impact.pruned_objects += flags["pruned"]
        for manager, written in _writers(thing):
            if written in self._dropped:
                what = f"written in {written} by {manager}, which is not served then"
                impact.stranded.note(subject, written, "", what)
        for name, path, old, new in self._changed_defaults:
            if name == str(thing.get("apiVersion")).rpartition("/")[2] and any(
                same(e, old) for e in find_all(thing, path)
            ):
                what = (
                    f"has {old!r}, which was the default, and may be there by that alone; the default is {new!r} then"
                )
                impact.defaulted.note(subject, name, "/".join(("", *path)), what)

    def _judge_version(self, seen: JsonObject, version: _Version, subject: Subject, flags: dict[str, bool]) -> None:
        impact = self.impact
        kept, unknown = version.schema.prune(seen)
        lost = set(unknown) - set(version.before.prune(seen)[1] if version.before else ())
        for path in sorted({_INDEX.sub("[*]", each) for each in lost}):
            impact.pruned.note(subject, version.name, path, "would be lost")
        flags["pruned"] |= bool(lost)
        received = version.schema.default(kept)
        for operation in diff(kept, received):
            if operation["op"] == "add":
                path = _INDEX.sub("/*", str(operation["path"]))
                impact.defaulted.note(subject, version.name, path, f"would become {operation['value']!r}")
        known = {(each.path, each.message) for each in version.before.validate(seen)} if version.before else set()
        flags["already"] |= bool(known)
        for each in version.schema.validate(received):
            if each.is_error:
                impact.unjudged[f"{version.name}: {each.message}"] += 1
            elif each == _UNCHECKED:
                flags["unasked"] = True
            elif (each.path, each.message) not in known:
                flags["invalid"] = True
                impact.invalid.note(subject, version.name, _INDEX.sub("/*", each.path), _general(each.message))


def keep_fields(thing: JsonObject, version: str) -> JsonObject:
    """Strategy None: versions differ in nothing but their name."""
    group, slash, _ = str(thing.get("apiVersion")).rpartition("/")
    return {**thing, "apiVersion": f"{group}{slash}{version}"}


def _only_its_own(thing: JsonObject, version: str) -> JsonObject:
    own = str(thing.get("apiVersion")).rpartition("/")[2]
    if own != version:
        raise AuditorError(f"only the conversion webhook knows what an object of {own} is there")
    return thing


def _strategy(crd: JsonObject) -> str:
    conversion = crd["spec"].get("conversion")
    return str((conversion or {}).get("strategy") or "None") if isinstance(conversion, dict | None) else "None"


_QUOTED: Final = re.compile(
    r'Invalid value: ("(?:[^"\\]|\\.)*"|[^:]*): |Unsupported value: ("(?:[^"\\]|\\.)*"|[^:]*): '
)


def _general(message: str) -> str:
    """Without the value, so that what many objects have in common is told once."""
    return _QUOTED.sub(lambda match: f"{match[0].partition(':')[0]}: ", message)


def _subject(thing: JsonObject, crd: Crd) -> Subject:
    metadata = thing.get("metadata") or {}
    return Subject(
        str(thing.get("apiVersion")),
        crd.kind,
        crd.plural,
        str(metadata.get("namespace") or ""),
        str(metadata.get("name") or ""),
        str(metadata.get("uid") or ""),
    )


def _writers(thing: JsonObject) -> set[tuple[str, str]]:
    entries = (thing.get("metadata") or {}).get("managedFields") or ()
    return {
        (str(each.get("manager")), str(each.get("apiVersion")).rpartition("/")[2])
        for each in entries
        if isinstance(each, dict)
    }


def judge_crd_update(
    old: JsonObject,
    new: JsonObject,
    list_objects: Callable[[], Iterable[JsonObject]],
    is_late: Callable[[], bool],
    *,
    convert: Convert | None = None,
) -> CrdImpact:
    """For an admission webhook on CRDs: as far as it can be known before `is_late` says so.

    What ends it early, and an AuditorError of the list does, is in `unread`. An update that leaves the versions alone
    is not worth a list. Raises CompileError for what is no CRD.
    """
    if same(old["spec"].get("versions"), new["spec"].get("versions")):
        return CrdImpact(str((new.get("metadata") or {}).get("name") or ""))
    change = CrdChange(old, new, convert=convert)
    impact = change.impact
    things = iter(list_objects())
    while True:
        try:
            thing = next(things, None)
        except AuditorError as error:
            impact.unread.append(str(error))
            return impact
        if thing is None:
            return impact
        if is_late():
            impact.unread.append(f"the time was up after {impact.objects:,} objects, and there are more")
            return impact
        change.judge(thing)


def describe_harm(impact: CrdImpact) -> Iterator[str]:
    """One sentence for each thing that would happen."""
    yield from impact.refusals
    for effects, what in ((impact.invalid, "would be invalid"), (impact.pruned, ""), (impact.stranded, "")):
        for each in effects:
            where = f"{each.path.lstrip('/').replace('/', '.')}: " if each.path else ""
            said = ": ".join(filter(None, (what, each.what)))
            yield f"{_count(each.objects)}, {each.version}: {where}{said} ({_name_some(each)})"


def describe_gaps(impact: CrdImpact) -> Iterator[str]:
    """What is not known, and why."""
    for reason, count in impact.unjudged.items():
        yield f"{_count(count)} could not be judged in {reason}"
    yield from impact.unread


def _count(objects: int) -> str:
    return f"{objects:,} object{'' if objects == 1 else 's'}"


def _name_some(effect: Effect) -> str:
    """Few: a warning of the API server has room for 256 characters where there are many."""
    shown = effect.examples[:SHOWN]
    names = [str(shown[0]), *(f"{each.namespace}/{each.name}".lstrip("/") for each in shown[1:])]
    rest = effect.objects - len(names)
    return f"{', '.join(names)} and {rest:,} more" if rest else ", ".join(names)
