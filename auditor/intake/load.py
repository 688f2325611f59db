"""Files to what the engine needs: policies, exceptions, conversions, CRDs, and the objects to judge.

Everything that is wrong is collected, with file and line; who asked decides what an error means for him.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import field, replace
from typing import Final

from auditor.dataclass import dataclass
from auditor.engine.convert import Conversion
from auditor.engine.mistakes import Mistake, PolicyError
from auditor.engine.native import NATIVE_GROUP, NativeObjects
from auditor.engine.read import API_VERSION, name_of, read_exception, read_policy
from auditor.errors import CompileError, InputError
from auditor.intake.files import find_sources
from auditor.intake.form import drop_nulls_of_metadata, find_faults, find_missing_name, is_foreign
from auditor.intake.own import check_own
from auditor.intake.yaml import Document, Position, read_documents
from auditor.json import Json, JsonObject
from auditor.languages.schema import Crd, read_crd
from auditor.model.exception import PolicyException
from auditor.model.policy import Kind, Policy

OWN_GROUP: Final = API_VERSION.partition("/")[0]
CRD_GROUP: Final = "apiextensions.k8s.io"
_NATIVE: Final = {f"{kind}{of}" for kind in (Kind.VALIDATING, Kind.MUTATING) for of in ("", "Binding")}
# kubectl takes Lists inside of Lists apart, too. Deeper than anybody nests them.
_MAX_NESTED: Final = 8


class ForeignError(InputError):
    """What lies in a folder beside objects, and is none: of some other program."""

    def __init__(self, place: str) -> None:
        super().__init__(place)
        self.place = place

    def __str__(self) -> str:
        return f"{self.place}: has no apiVersion and no kind: not a Kubernetes object"


@dataclass(frozen=True, slots=True)
class Item:
    """One object, and where it was written."""

    thing: JsonObject
    file: str
    document: Document
    pointer: str = ""
    """Where it stands in its document: an item of a List."""

    @property
    def line(self) -> int:
        return self.document.positions.of(self.pointer).line if self.pointer else self.document.line

    @property
    def column(self) -> int:
        return self.document.positions.of(self.pointer).column if self.pointer else 1

    def position_of(self, path: str) -> Position:
        """Of a JSON pointer into the object; of the nearest that is in the text for what is not."""
        return self.document.positions.of(self.pointer + path) if path else Position(self.line, self.column)

    def line_of(self, path: str) -> int:
        return self.position_of(path).line

    @property
    def group(self) -> str:
        return str(self.thing["apiVersion"]).rpartition("/")[0]

    @property
    def kind(self) -> str:
        return str(self.thing["kind"])

    def locate(self, mistake: Mistake) -> Mistake:
        """With file and line; inside of a text of several lines, such as an expression, its own."""
        if mistake.line and mistake.pointer:
            place = Position(mistake.line, mistake.column or 1)
            inside = self.document.positions.inside(self.pointer + mistake.pointer, place)
            if inside is not None:
                return mistake.at(self.file, inside.line, inside.column)
        return mistake.at(self.file, self.line_of(mistake.pointer))


@dataclass(frozen=True, slots=True, eq=False)
class Definition:
    """A CRD, and where it was written."""

    crd: Crd
    item: Item


@dataclass(slots=True)
class Loaded:
    """What the files hold, sorted by what it is for."""

    policies: list[Policy] = field(default_factory=list)
    exceptions: list[PolicyException] = field(default_factory=list)
    conversions: list[Conversion] = field(default_factory=list)
    crds: list[Definition] = field(default_factory=list)
    objects: list[Item] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)
    """Of policies, exceptions, conversions, CRDs: nothing is judged with what has any that is no warning."""
    unreadable: list[InputError] = field(default_factory=list)
    places: dict[tuple[str, str, str], Item] = field(default_factory=dict)
    """By kind, namespace and name, where it was written."""

    def locate(self, mistake: Mistake, kind: str = "Policy") -> Mistake:
        """With file and line, for a mistake that was found when the object was no longer at hand."""
        mistake = mistake if mistake.kind else replace(mistake, kind=kind)
        item = self.places.get((mistake.kind, "", mistake.policy))
        return mistake if item is None or mistake.file else item.locate(mistake)


def load(paths: Iterable[str], *, skip: Collection[str] = ()) -> Loaded:
    """Raises UsageError for paths that lead nowhere."""
    loaded = Loaded()
    return sort(read_items(paths, loaded.unreadable, skip=skip), loaded)


def sort(items: Iterable[Item], loaded: Loaded) -> Loaded:
    native = NativeObjects()
    for item in items:
        _sort(item, loaded, native)
    policies, mistakes = native.policies()
    loaded.policies += policies
    loaded.mistakes += [loaded.locate(mistake) for mistake in mistakes]
    return loaded


def read_items(paths: Iterable[str], unreadable: list[InputError], *, skip: Collection[str] = ()) -> Iterator[Item]:
    """Every object of every file; Lists are taken apart. Raises UsageError for paths that lead nowhere."""
    for source in find_sources(paths, skip=skip):
        if isinstance(source, InputError):
            unreadable.append(source)
            continue
        try:
            data = source.read()
        except InputError as error:
            unreadable.append(error)
            continue
        yield from read_objects(data, source.name, unreadable)


def read_objects(
    data: bytes, file: str, unreadable: list[InputError], *, line: int = 1, begins: bool = True, named: bool = True
) -> Iterator[Item]:
    """Every object of a file; of a part of one, without `begins`, from that line on."""
    for document in read_documents(data, file=file, line=line, begins=begins):
        if isinstance(document, InputError):
            unreadable.append(document)
        elif not named and is_foreign(document.value):
            unreadable.append(ForeignError(f"{file}:{document.line}"))
        else:
            yield from take_apart(document.value, document, file, unreadable)


def take_apart(
    value: Json, document: Document, file: str, unreadable: list[InputError], *, pointer: str = "", depth: int = 0
) -> Iterator[Item]:
    item = Item(value, file, document, pointer)
    faults = list(find_faults(value))
    listed = not faults and value["kind"].endswith("List") and "items" in value
    if listed:
        things = value["items"] if value["items"] is not None else []
        if isinstance(things, list) and depth < _MAX_NESTED:
            for i, thing in enumerate(things):
                inner = f"{pointer}/items/{i}"
                yield from take_apart(thing, document, file, unreadable, pointer=inner, depth=depth + 1)
            return
        what = "must be a list of objects" if depth < _MAX_NESTED else f"more than {_MAX_NESTED} Lists in one another"
        faults = [("/items", what)]
    elif not faults and value["kind"] != "AdmissionReview":  # an AdmissionReview has no metadata of its own
        faults = list(find_missing_name(value))
    for path, what in faults:
        where = f"{(pointer + path).lstrip('/').replace('/', '.')}: " if path or pointer else ""
        unreadable.append(InputError(f"{file}:{item.line_of(path)}: {where}{what}"))
    if not faults:
        yield Item(drop_nulls_of_metadata(value), file, document, pointer)


def _sort(item: Item, loaded: Loaded, native: NativeObjects) -> None:
    of_native = item.group == NATIVE_GROUP and item.kind in _NATIVE
    try:
        if of_native and not isinstance(item.thing.get("spec"), dict):
            mistake = Mistake(policy=name_of(item.thing), kind=item.kind, pointer="/spec", message="must be an object")
            loaded.mistakes.append(item.locate(mistake))
        elif item.group == OWN_GROUP:
            _sort_ours(item, loaded)
        elif of_native:
            native.take(item.thing)
            _place(item, loaded)
        elif item.group == CRD_GROUP and item.kind == "CustomResourceDefinition":
            loaded.crds.append(Definition(read_crd(item.thing), item))
            loaded.objects.append(item)
        else:
            loaded.objects.append(item)
    except PolicyError as error:
        loaded.mistakes += [item.locate(replace(mistake, kind=item.kind)) for mistake in error.mistakes]
    except CompileError as error:
        loaded.mistakes += find_crd_mistakes(error, item)


def find_crd_mistakes(error: CompileError, item: Item) -> list[Mistake]:
    """Mistakes of a CRD say in their own words where in it they are."""
    name = name_of(item.thing)
    found = [Mistake(policy=name, kind=item.kind, pointer="", message=each.message) for each in error.problems]
    return [item.locate(mistake) for mistake in found]


def _sort_ours(item: Item, loaded: Loaded) -> None:
    thing, mistakes = check_own(item.thing)
    name = name_of(item.thing)
    namespace = (item.thing["metadata"].get("namespace") or "default") if item.kind == "PolicyException" else ""
    first = loaded.places.get((item.kind, namespace, name))
    if first is not None:
        what = f"another {item.kind} is named {name!r} already, in {first.file}:{first.line}"
        mistakes.append(Mistake(policy=name, pointer="/metadata/name", message=what))
    _place(item, loaded, namespace)
    loaded.mistakes += [item.locate(replace(mistake, kind=item.kind)) for mistake in mistakes]
    if thing is None:
        return
    match item.kind:
        case "Policy":
            policy = read_policy(thing)
            if first is None:
                loaded.policies.append(policy)
        case "PolicyException":
            loaded.exceptions.append(read_exception(thing))
        case "Conversion":
            loaded.conversions.append(Conversion.compile(thing))


def _place(item: Item, loaded: Loaded, namespace: str = "") -> None:
    loaded.places.setdefault((item.kind, namespace, name_of(item.thing)), item)
