"""A custom resource as the API server treats it, without the server."""

from collections.abc import Callable, Sequence
from typing import Self

from auditor.dataclass import dataclass
from auditor.errors import CompileError, Problem
from auditor.json import Json, JsonObject
from auditor.languages.schema import defaulting, embedded, fielderror, fieldpaths, lists, pruning, rules
from auditor.languages.schema.check import check
from auditor.languages.schema.correlation import Correlation
from auditor.languages.schema.fast import fast_check
from auditor.languages.schema.node import Node
from auditor.languages.schema.parse import parse
from auditor.languages.schema.place import ROOT
from auditor.languages.schema.scale import Scale
from auditor.languages.schema.trim import Branch, trim
from auditor.languages.schema.violation import Violation


@dataclass(frozen=True, slots=True)
class Received:
    """An object as the server holds it after reading it, and the fields that it did not know."""

    object: JsonObject
    unknown: list[str]


@dataclass(frozen=True, slots=True, eq=False)
class StructuralSchema:
    """The openAPIV3Schema of one version of a CRD. Objects are never changed; results share what stayed the same.

    The server checks the object that it has pruned and defaulted (`receive`). Where a version has the status
    subresource it drops the status of a new object first; that is for the caller to do. The metadata of the object
    itself is checked by the server before any schema, and not here.
    """

    root: Node
    _is_valid: Callable[[Json], bool]
    _lists: Branch | None
    _may_repeat: lists.Suspect
    _embedded: Branch | None
    _rules: rules.RuleBranch | None
    _scale: Scale | None

    @classmethod
    def compile(cls, schema: Json, *, accepted: bool = False, scale: Json = None) -> Self:
        """Raises CompileError with all reasons why the schema is not structural, and all mistakes in its CEL rules.

        Of a CRD that a server has `accepted` a rule is compiled when an object first has what it is about. `scale` is
        the subresource of that name: the server looks at the numbers that it points to.
        """
        root = parse(schema)
        found = rules.find_rules(root)
        if not accepted and found is not None and (problems := list(found.problems())):
            raise CompileError(problems)
        branch = trim(root, lists.wants)
        may_repeat = lists.suspect(branch) if branch is not None else _never
        resources = trim(root, embedded.wants)
        return cls(root, fast_check(root), branch, may_repeat, resources, found, Scale.of(scale))

    def problems(self) -> Sequence[Problem]:
        """Rules that do not compile here though a server accepted them: each object gets an InternalError for them."""
        return () if self._rules is None else tuple(self._rules.problems())

    def validate(self, obj: JsonObject, old: JsonObject | None = None) -> list[Violation]:
        """With `old` as an update: transition rules apply, and unchanged parts are forgiven."""
        try:
            return self._validate(obj, old)
        except RecursionError:
            return [fielderror.internal(ROOT, "the object is nested too deeply", None)]

    def _validate(self, obj: JsonObject, old: JsonObject | None) -> list[Violation]:
        found: list[Violation] = []
        if not self.is_surely_valid(obj):
            against = Correlation(obj, old, self.root) if old is not None else None
            found += check(self.root, obj, against)
        if self._scale is not None:
            found += self._scale.check(obj)
        if self._embedded is not None:
            found += embedded.check_embedded(self._embedded, obj)
        if self._lists is not None and self._may_repeat(obj):
            repeated = lists.check_lists(self._lists, obj)
            forgiven = repeated and old is not None and lists.check_lists(self._lists, old)
            found += [] if forgiven else repeated
        if self._rules is not None:
            if fielderror.blocks_rules(found):
                return [*found, fielderror.unchecked_rules()]
            update = rules.Ratchet(Correlation(obj, old, self.root)) if old is not None else None
            found += rules.check_rules(self._rules, obj, old, update or rules.NOTHING_FORGIVEN)
        return found

    def is_surely_valid(self, obj: JsonObject) -> bool:
        """The fast check: True only for what the schema allows, but for its rules, lists and embedded objects."""
        try:
            return self._is_valid(obj)
        except ValueError:  # a lone surrogate, or what is no JSON: the exact check says which
            return False

    def default(self, obj: JsonObject) -> JsonObject:
        return defaulting.default(obj, self.root)

    def prune(self, obj: JsonObject) -> tuple[JsonObject, list[str]]:
        """The object without what the schema does not know, and the paths of that."""
        return pruning.prune(obj, self.root)

    def receive(self, obj: JsonObject) -> Received:
        """What the server makes of an object that it reads: pruned, then defaulted."""
        pruned, unknown = self.prune(obj)
        return Received(self.default(pruned), unknown)

    def fields(self, path: fieldpaths.Path) -> tuple[str, ...]:
        """The names of the fields at a path; () is the root."""
        return fieldpaths.names(self.root, path)

    def nearest(self, path: fieldpaths.Path) -> fieldpaths.Unknown | None:
        """The first step of a path that the schema does not know, with the nearest known name; None for known paths."""
        found = fieldpaths.find(self.root, path)
        return found if isinstance(found, fieldpaths.Unknown) else None

    def set_type(self, path: fieldpaths.Path) -> str:
        """`atomic`, `set` or `map` for a list; "" for what is no list."""
        found = fieldpaths.find(self.root, path)
        if not isinstance(found, Node) or found.type != "array":
            return ""
        return found.list_type or "atomic"

    def list_keys(self, path: fieldpaths.Path) -> tuple[str, ...]:
        """The keys of the items of a list map, else none."""
        found = fieldpaths.find(self.root, path)
        return found.list_keys if isinstance(found, Node) and found.list_type == "map" else ()

    def stable_path(self, obj: JsonObject, path: str) -> str:
        """A JSON pointer with the keys of list maps and the values of sets in place of indexes."""
        return fieldpaths.stable_path(self.root, obj, path)


def _never(_: Json) -> bool:
    return False
