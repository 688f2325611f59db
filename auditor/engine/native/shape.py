"""A structural schema as server-side apply sees it: which lists and maps merge, and which are one value."""

from collections.abc import Mapping, Sequence
from typing import Self

from auditor.dataclass import dataclass
from auditor.engine.native.typed import complete, is_free
from auditor.engine.patch import Shape, ShapeKind
from auditor.json import Json
from auditor.languages.schema import StructuralSchema
from auditor.languages.schema.node import ABSENT, Node


@dataclass(frozen=True, slots=True)
class SchemaShape:
    """`node` is None where nothing is declared: maps merge there, everything else is replaced."""

    node: Node | None

    @classmethod
    def of(cls, schema: StructuralSchema | None) -> Self:
        return cls(complete(schema.root if schema is not None else None))

    @property
    def kind(self) -> ShapeKind:
        node = self.node
        if node is None:
            return ShapeKind.UNKNOWN
        if node.type == "object":
            if node.map_type == "atomic":
                return ShapeKind.ATOMIC
            return ShapeKind.UNKNOWN if is_free(node) else ShapeKind.MAP
        if node.type == "array":
            return {"set": ShapeKind.SET, "map": ShapeKind.LIST_MAP}.get(node.list_type, ShapeKind.ATOMIC)
        return ShapeKind.UNKNOWN

    @property
    def keys(self) -> Sequence[str]:
        return self.node.list_keys if self.node is not None else ()

    @property
    def defaults(self) -> Mapping[str, Json]:
        items = self.node.items if self.node is not None else None
        if items is None:
            return {}
        return {
            key: items.properties[key].default
            for key in self.keys
            if key in items.properties and items.properties[key].default is not ABSENT
        }

    def field(self, name: str) -> Shape | None:
        found = self.node.properties.get(name) if self.node is not None else None
        return None if found is None else SchemaShape(found)

    @property
    def element(self) -> Shape:
        if self.node is None:
            return SchemaShape(None)
        return SchemaShape(self.node.items if self.node.type == "array" else self.node.values)
