"""The versions of a CustomResourceDefinition."""

from typing import TYPE_CHECKING

from auditor.dataclass import dataclass
from auditor.errors import CompileError, Problem
from auditor.json import Json, JsonObject

if TYPE_CHECKING:
    from auditor.languages.schema.structural import StructuralSchema


@dataclass(frozen=True, slots=True, eq=False)
class CrdVersion:
    """One version; compile `schema` with StructuralSchema.compile."""

    name: str
    served: bool
    storage: bool
    deprecated: bool
    schema: JsonObject
    subresources: JsonObject

    @property
    def has_status(self) -> bool:
        """Whether the status is written on its own: the server then ignores it elsewhere."""
        return "status" in self.subresources

    def compile(self, *, accepted: bool = False) -> "StructuralSchema":
        from auditor.languages.schema.structural import StructuralSchema  # who only reads CRDs needs no more of them

        return StructuralSchema.compile(self.schema, accepted=accepted, scale=self.subresources.get("scale"))


@dataclass(frozen=True, slots=True, eq=False)
class Crd:
    group: str
    kind: str
    plural: str
    namespaced: bool
    versions: tuple[CrdVersion, ...]


def read_crd(crd: Json) -> Crd:
    """Raises CompileError for what is no CRD that a server of today could hold."""
    spec = _object(crd, "spec")
    names = _object(spec, "names")
    if spec.get("preserveUnknownFields") is True:
        raise CompileError([Problem("spec.preserveUnknownFields: must be false")])
    return Crd(
        _text(spec, "group", "spec"),
        _text(names, "kind", "spec.names"),
        _text(names, "plural", "spec.names"),
        spec.get("scope") == "Namespaced",
        crd_versions(crd),
    )


def crd_versions(crd: Json) -> tuple[CrdVersion, ...]:
    versions = _object(crd, "spec").get("versions")
    if not isinstance(versions, list) or not versions:
        raise CompileError([Problem("spec.versions: must be a list of at least one version")])
    return tuple(_version(version, f"spec.versions[{i}]") for i, version in enumerate(versions))


def _version(raw: Json, path: str) -> CrdVersion:
    if not isinstance(raw, dict):
        raise CompileError([Problem(f"{path}: must be an object")])
    schema = _object(_object(raw, "schema", path), "openAPIV3Schema", f"{path}.schema")
    return CrdVersion(
        name=_text(raw, "name", path),
        served=raw.get("served") is True,
        storage=raw.get("storage") is True,
        deprecated=raw.get("deprecated") is True,
        schema=schema,
        subresources=raw.get("subresources") or {},
    )


def _object(raw: Json, name: str, path: str = "") -> JsonObject:
    found = raw.get(name) if isinstance(raw, dict) else None
    if not isinstance(found, dict):
        raise CompileError([Problem(f"{path}.{name}: must be an object".lstrip("."))])
    return found


def _text(raw: JsonObject, name: str, path: str) -> str:
    if not isinstance(raw.get(name), str) or not raw[name]:
        raise CompileError([Problem(f"{path}.{name}: must be a text that is not empty")])
    return str(raw[name])
