"""Safe reading of nested JSON: what is not there, or has another shape, is the default. Never an exception."""

from datetime import datetime

from auditor.json import Json, JsonObject


def dig(value: Json, *path: str | int, default: Json = None) -> Json:
    """`dig(obj, "status", "conditions", 0, "type")`. A null at the end counts as not there."""
    for step in path:
        if isinstance(step, str):
            value = value.get(step) if isinstance(value, dict) else None
        else:
            value = value[step] if isinstance(value, list) and -len(value) <= step < len(value) else None
        if value is None:
            return default
    return value


def dig_object(value: Json, *path: str | int) -> JsonObject:
    found = dig(value, *path)
    return found if isinstance(found, dict) else {}


def dig_list(value: Json, *path: str | int) -> list[Json]:
    found = dig(value, *path)
    return found if isinstance(found, list) else []


def dig_text(value: Json, *path: str | int) -> str:
    found = dig(value, *path)
    return found if isinstance(found, str) else ""


def dig_time(value: Json, *path: str | int) -> datetime | None:
    """None also of a time without a zone: nothing can be concluded from it."""
    try:
        found = datetime.fromisoformat(dig_text(value, *path))
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def key_of(obj: JsonObject) -> str:
    """`namespace/name`, or the name alone: what identifies an object among those of its kind."""
    namespace, name = dig_text(obj, "metadata", "namespace"), dig_text(obj, "metadata", "name")
    return f"{namespace}/{name}" if namespace else name


def split_key(key: str) -> tuple[str, str]:
    """(namespace, name)."""
    namespace, _, name = key.rpartition("/")
    return namespace, name
