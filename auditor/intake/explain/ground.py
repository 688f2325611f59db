"""Objects in files with all that is around them: the CRDs among them, the namespaces, what lookups and params see."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Self

from auditor.dataclass import dataclass
from auditor.engine.engine import Engine
from auditor.errors import InputError
from auditor.intake.catalog import Catalog, make_catalog
from auditor.intake.load import Item, Loaded, sort
from auditor.intake.prepare import Prepared
from auditor.intake.requests import Surroundings, surround
from auditor.json import JsonObject
from auditor.model.request import Request


@dataclass(frozen=True, slots=True)
class Ground:
    engine: Engine
    catalog: Catalog
    around: Surroundings

    @classmethod
    def of(
        cls,
        items: Sequence[Item],
        prepared: Prepared,
        *,
        time: datetime,
        namespaces: Mapping[str, JsonObject] | None = None,
        unreadable: list[InputError],
    ) -> Self:
        """As a scan has it. CRDs that are wrong become `unreadable`."""
        catalog, loaded = prepared.catalog, prepared.loaded
        given = sort((i for i in items if i.kind == "CustomResourceDefinition"), Loaded())
        if given.crds or given.mistakes:
            catalog, mistakes = make_catalog([*catalog.crds.values(), *given.crds], loaded.conversions)
            unreadable += [InputError(str(mistake)) for mistake in (*given.mistakes, *mistakes)]
        engine = replace(prepared.engine, schemas=catalog.schemas)
        things = [*loaded.objects, *prepared.beside, *items]
        around = surround(things, catalog, time, exceptions=loaded.exceptions)
        around = replace(around, namespaces={**(namespaces or {}), **around.namespaces})
        return cls(engine, catalog, around)


def mutate(engine: Engine, request: Request) -> Request:
    """The request as the rules see it: after the mutations, and the defaults for what they put in."""
    mutated = engine.mutate(request)
    if not mutated.patch:
        return request
    schema = engine.schemas.get(request.resource)
    return replace(request, object=schema.default(mutated.object) if schema else mutated.object)
