"""The place of a finding as it stays the same while others come and go: keys of list maps in place of indexes."""

from auditor.languages.schema import StructuralSchema
from auditor.model.json import Json


def name_place(pointer: str, thing: Json, schema: StructuralSchema | None) -> str:
    """`/spec/members/3/cpu` becomes `/spec/members/[name='c']/cpu` where by the schema names tell members apart."""
    if schema is None or not any(step.isdigit() for step in pointer.split("/")):
        return pointer
    steps: list[str] = []
    path: list[str | int] = []
    for raw in pointer.split("/")[1:]:
        step = raw.replace("~1", "/").replace("~0", "~")
        if isinstance(thing, list) and step.isdigit() and int(step) < len(thing):
            keys = schema.list_keys(path)
            path.append(int(step))
            thing = thing[int(step)]
            if keys and isinstance(thing, dict):
                raw = "[" + ",".join(f"{key}={thing.get(key)!r}" for key in keys) + "]"
        else:
            path.append(step)
            thing = thing.get(step) if isinstance(thing, dict) else None
        steps.append(raw)
    return "".join(f"/{step}" for step in steps)
