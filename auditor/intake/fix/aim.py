"""What an object in a file has to become, so that what is stored of it is what the mutations make of it."""

from typing import Final

from auditor.engine.patch import same
from auditor.json import Json

_ABSENT: Final = object()


def aim(written: Json, received: Json, mutated: Json) -> Json:
    """`received` is `written` with the defaults of its CRD and without its status: neither gets into the file."""
    if same(received, mutated):
        return written
    if isinstance(received, dict) and isinstance(mutated, dict) and isinstance(written, dict):
        return _aim_mapping(written, received, mutated)
    if isinstance(received, list) and isinstance(mutated, list) and isinstance(written, list):
        return _aim_list(written, received, mutated)
    return mutated


def _aim_mapping(written: dict[str, Json], received: dict[str, Json], mutated: dict[str, Json]) -> dict[str, Json]:
    result = {}
    for key, value in written.items():
        if key not in received:
            result[key] = mutated.get(key, value)
        elif key in mutated:
            result[key] = aim(value, received[key], mutated[key])
    for key, value in mutated.items():
        if key in written:
            continue
        before = received.get(key, _ABSENT)
        if before is _ABSENT:
            result[key] = value
        elif not same(before, value):  # only a default so far
            result[key] = aim({}, before, value) if isinstance(before, dict) else value
    return result


def _aim_list(written: list[Json], received: list[Json], mutated: list[Json]) -> list[Json]:
    if len(written) != len(received):
        return mutated
    if len(received) == len(mutated):
        return [aim(*three) for three in zip(written, received, mutated, strict=True)]
    result, at = [], 0
    for value in mutated:
        found = next((i for i in range(at, len(received)) if same(received[i], value)), None)
        result.append(value if found is None else written[found])
        at = at if found is None else found + 1
    return result
