"""Field paths looked up in a schema: does a field exist, what is near a misspelt one, what are the keys of a list."""

from collections.abc import Sequence

from auditor.dataclass import dataclass
from auditor.json import Json
from auditor.languages.schema.keywords import closest
from auditor.languages.schema.node import Node
from auditor.languages.schema.values import is_composite, show_json

Path = Sequence[str | int]
"""Names of fields and map keys, and for items of lists any int."""

META = ("apiVersion", "kind", "metadata")


@dataclass(frozen=True, slots=True)
class Unknown:
    """The first step of a path that leads nowhere; `nearest` is empty where no name is near."""

    at: int
    name: str
    nearest: str
    known: tuple[str, ...]


def find(root: Node, path: Path) -> Node | Unknown | None:
    """The schema there; None where it says nothing (metadata, preserved fields, values of any kind)."""
    node: Node | None = root
    for at, step in enumerate(path):
        if node is None:
            return None
        if isinstance(step, int):
            if node.items is None and not _is_open(node):
                return Unknown(at, str(step), "", ())
            node = node.items
            continue
        if (at == 0 or node.embedded) and step in META:
            node = node.properties.get(step) if step != "metadata" else None
            continue
        child = node.child(step)
        if child is None and not _is_open(node):
            return _unknown(node, at, step)
        node = child
    return node


def _is_open(node: Node) -> bool:
    """Whether there may be more than the schema names."""
    return node.preserve or node.int_or_string or node.additional is True


def _unknown(node: Node, at: int, name: str) -> Unknown:
    known = (*node.properties, *(META if at == 0 or node.embedded else ()))
    known = tuple(dict.fromkeys(known))
    return Unknown(at, name, closest(name, known), known)


def names(root: Node, path: Path) -> tuple[str, ...]:
    """The fields that the schema names there; none where it names none."""
    found = find(root, path)
    if not isinstance(found, Node):
        return ()
    return tuple(dict.fromkeys((*found.properties, *(META if not path or found.embedded else ()))))


def stable_path(root: Node, obj: Json, path: str) -> str:
    """A JSON pointer with the keys of list maps and the values of sets in place of indexes, as far as the object has
    them: a path that stays the same when items are moved."""
    node: Node | None = root
    value = obj
    steps = []
    for step in path.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list):
            item = value[int(name)] if name.isdecimal() and int(name) < len(value) else None
            steps.append(_stable_step(node, item) or step)
            node, value = node.items if node is not None else None, item
        else:
            steps.append(step)
            node = node.child(name) if node is not None else None
            value = value.get(name) if isinstance(value, dict) else None
    return "".join(f"/{step}" for step in steps)


def _stable_step(node: Node | None, item: Json) -> str:
    if node is None or item is None or node.list_type not in ("set", "map"):
        return ""
    if node.list_type == "map":
        if not isinstance(item, dict) or any(is_composite(item.get(k)) for k in node.list_keys):
            return ""
        text = ",".join(f"{k}={item[k]}" for k in node.list_keys if k in item)
    else:
        text = show_json(item) if is_composite(item) else str(item)
    return "{" + text.replace("~", "~0").replace("/", "~1") + "}"
