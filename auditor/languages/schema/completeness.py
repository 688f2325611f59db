"""What a structural schema must say of the fields that its value validations speak of."""

from collections.abc import Iterator

from auditor.languages.schema.node import Node


def missing(root: Node) -> Iterator[str]:
    """A field or item named under allOf, anyOf, oneOf or not of the root must also be described outside of them. (That
    is as far as the server looks.)"""
    for where, nested in _nested(root):
        yield from _missing(nested, root, "", where)


def _nested(node: Node) -> Iterator[tuple[str, Node]]:
    for keyword, nodes in (("allOf", node.all_of), ("anyOf", node.any_of), ("oneOf", node.one_of)):
        for i, nested in enumerate(nodes):
            yield f"{keyword}[{i}]", nested
    if node.not_ is not None:
        yield "not", node.not_


def _missing(nested: Node, node: Node | None, path: str, where: str) -> Iterator[str]:
    if node is None:
        yield f"{path.lstrip('.')}: must be described, because it is defined in {where.lstrip('.')}"
        return
    for keyword, inner in _nested(nested):
        yield from _missing(inner, node, path, f"{where}.{keyword}")
    if nested.items is not None:
        yield from _missing(nested.items, node.items, f"{path}.items", f"{where}.items")
    for name, inner in nested.properties.items():
        step = f".properties[{name}]"
        yield from _missing(inner, node.properties.get(name), path + step, where + step)
