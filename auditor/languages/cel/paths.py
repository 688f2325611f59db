"""Which fields an expression selects by their names, for the check against a schema."""

from collections.abc import Iterator

from auditor.languages.cel.ast import Call, Constant, Fold, Name, Node, Select, children
from auditor.languages.cel.edits import line_and_column
from auditor.languages.cel.program import Selected
from auditor.languages.cel.wire import Tree


def selected_paths(source: str, tree: Tree) -> Iterator[Selected]:
    """The longest path of each place, such as `object.spec.?replicas`; line and column are those of its start."""
    yield from _walk(source, tree, tree.root, frozenset())


def _walk(source: str, tree: Tree, node: Node, bound: frozenset[str]) -> Iterator[Selected]:
    if isinstance(node, Fold):
        yield from _walk(source, tree, node.range, bound)
        yield from _walk(source, tree, node.initial, bound)
        inner = bound | {node.variable, node.second_variable, node.accumulator}
        for part in (node.condition, node.step, node.result):
            yield from _walk(source, tree, part, inner)
        return
    fields: list[str] = []
    root: Node = node
    while True:
        match root:
            case Select():
                fields.insert(0, root.field)
                root = root.operand
            case Call(function="_?._", arguments=(operand, Constant(value=str() as field))):
                fields.insert(0, field)
                root = operand
            case _:
                break
    if isinstance(root, Name):
        if fields and root.name not in bound:
            line, column = line_and_column(source, tree.positions.get(root.id, 0))
            yield Selected(root.name, tuple(fields), line, column)
        return
    if fields:
        yield from _walk(source, tree, root, bound)
        return
    for child in children(node):
        yield from _walk(source, tree, child, bound)
