"""The policies, exceptions, conversions and settings that a cluster has, read once; what is wrong with them is told."""

from collections.abc import Mapping
from datetime import datetime

from auditor.cluster.discovery import CrdKind
from auditor.engine.compiled import CompiledPolicy
from auditor.engine.convert import Conversion
from auditor.intake.kinds import CONFIGS, CONVERSIONS, EXCEPTIONS, POLICIES
from auditor.intake.live.config import too_long_by
from auditor.intake.live.native import BINDINGS, NATIVE, NativePairs
from auditor.intake.live.reading import (
    read_live_conversion,
    read_live_exception,
    read_live_native,
    read_live_policy,
    read_live_settings,
)
from auditor.intake.live.schemas import LiveSchemas
from auditor.intake.live.shelf import Shelf
from auditor.intake.live.view import View
from auditor.intake.once.reading import Reader
from auditor.json import JsonObject
from auditor.model.exception import PolicyException
from auditor.model.settings import AuditSettings


def read_view(reader: Reader, kinds: Mapping[str, CrdKind], schemas: LiveSchemas, time: datetime) -> View:
    policies: Shelf[CompiledPolicy] = Shelf(lambda thing: read_live_policy(thing, schemas))
    exceptions: Shelf[PolicyException] = Shelf(read_live_exception)
    conversions: Shelf[Conversion] = Shelf(read_live_conversion)
    settings: Shelf[AuditSettings] = Shelf(read_live_settings)
    pairs = NativePairs(lambda pair: read_live_native(pair, schemas))
    for thing in reader.all(POLICIES, absent=True) or ():
        policies.put(_key(thing), thing)
    for thing in reader.of_interest(EXCEPTIONS):
        exceptions.put(_key(thing), thing)
    for thing in reader.all(CONVERSIONS, absent=True) or ():
        conversions.put(_key(thing), thing)
    for thing in reader.all(CONFIGS, absent=True) or ():
        settings.put(_key(thing), thing)
    for resource, kind in NATIVE.items():
        for thing in reader.all(resource, absent=True) or ():
            pairs.take_policy(kind, _key(thing), thing)
    for resource, kind in BINDINGS.items():
        for thing in reader.all(resource, absent=True) or ():
            pairs.take_binding(kind, _key(thing), thing)
    config = next(iter(settings.states.values()), None)
    limits = AuditSettings() if config is None or config.good is None else config.good
    return View(
        policies=policies.states,
        exceptions=exceptions.states,
        too_long=frozenset(
            key
            for key, state in exceptions.states.items()
            if state.good is not None and too_long_by(state.good, limits, time) > 0
        ),
        conversions=conversions.states,
        native=pairs.shelf.states,
        config=config,
        kinds=kinds,
        schemas=schemas,
    )


def _key(thing: JsonObject) -> str:
    metadata = thing["metadata"]
    namespace = metadata.get("namespace")
    return f"{namespace}/{metadata['name']}" if namespace else str(metadata["name"])
