"""The smallest sensible JSON Patch between two values: what a person would have changed, not the object anew."""

from auditor.engine.patch.pointer import escape
from auditor.engine.patch.same import same
from auditor.json import Json, JsonObject

# Aligning two lists compares each item with each: 10,000 pairs take about 10 ms. Longer lists are compared by position.
MAX_PAIRS = 10_000


def diff(before: Json, after: Json, path: str = "") -> list[JsonObject]:
    """Numbers that are equal (1 and 1.0) are no difference."""
    if same(before, after):
        return []
    operations: list[JsonObject] | None = None
    if isinstance(before, dict) and isinstance(after, dict):
        operations = _diff_objects(before, after, path)
    elif isinstance(before, list) and isinstance(after, list):
        operations = _diff_lists(before, after, path)
    return [{"op": "replace", "path": path, "value": after}] if operations is None else operations


def _diff_objects(before: JsonObject, after: JsonObject, path: str) -> list[JsonObject] | None:
    """None where they share nothing: then one replacement says it better (but never of the whole document)."""
    if path and len(before) + len(after) > 2 and before.keys().isdisjoint(after):
        return None
    operations: list[JsonObject] = [
        {"op": "remove", "path": f"{path}/{escape(key)}"} for key in before if key not in after
    ]
    for key, value in after.items():
        where = f"{path}/{escape(key)}"
        if key not in before:
            operations.append({"op": "add", "path": where, "value": value})
        else:
            operations += diff(before[key], value, where)
    return operations


def _diff_lists(before: list[Json], after: list[Json], path: str) -> list[JsonObject] | None:
    shorter = min(len(before), len(after))
    start = next((i for i in range(shorter) if not same(before[i], after[i])), shorter)
    tail = next((i for i in range(shorter - start) if not same(before[-1 - i], after[-1 - i])), shorter - start)
    old, new = before[start : len(before) - tail], after[start : len(after) - tail]
    pairs = _align(old, new)
    kept = start or tail or any(i is not None and j is not None and _price(old[i], new[j]) < 1 for i, j in pairs)
    if path and len(pairs) > 1 and old and new and not kept:
        return None
    operations: list[JsonObject] = []
    at = start
    for left, right in pairs:
        where = f"{path}/{at}"
        if right is None:
            operations.append({"op": "remove", "path": where})
            continue
        if left is None:
            operations.append({"op": "add", "path": where, "value": new[right]})
        else:
            operations += diff(old[left], new[right], where)
        at += 1
    return operations


def _align(old: list[Json], new: list[Json]) -> list[tuple[int | None, int | None]]:
    """Pairs of indexes in order; an old item without a new one is removed, a new one without an old one inserted."""
    if len(old) * len(new) > MAX_PAIRS or not old or not new:
        both = min(len(old), len(new))
        paired: list[tuple[int | None, int | None]] = [(i, i) for i in range(both)]
        return paired + [(i, None) for i in range(both, len(old))] + [(None, i) for i in range(both, len(new))]
    # The usual table of edit distances, from the end, so that the walk goes forward.
    table = [[0.0] * (len(new) + 1) for _ in range(len(old) + 1)]
    change = [[_price(left, right) for right in new] for left in old]
    for i in range(len(old), -1, -1):
        for j in range(len(new), -1, -1):
            if i < len(old) and j < len(new):
                row = table[i + 1]
                table[i][j] = min(change[i][j] + row[j + 1], 1 + row[j], 1 + table[i][j + 1])
            else:
                table[i][j] = float(len(old) - i + len(new) - j)
    pairs: list[tuple[int | None, int | None]] = []
    i = j = 0
    while i < len(old) and j < len(new):
        if table[i][j] == change[i][j] + table[i + 1][j + 1]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif table[i][j] == 1 + table[i + 1][j]:
            pairs.append((i, None))
            i += 1
        else:
            pairs.append((None, j))
            j += 1
    return pairs + [(k, None) for k in range(i, len(old))] + [(None, k) for k in range(j, len(new))]


def _price(left: Json, right: Json) -> float:
    """0 for equal items, below 1 for objects the more they share, else 1: as much as an insertion or a removal."""
    if same(left, right):
        return 0.0
    if isinstance(left, dict) and isinstance(right, dict):
        shared = sum(1 for key, value in left.items() if key in right and same(value, right[key]))
        named = "name" in left and "name" in right and left["name"] != right["name"]
        return 1.5 if named else 1 - 0.9 * shared / max(len(left), len(right), 1)
    return 1.0
