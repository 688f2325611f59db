"""Equality of JSON values, which Python's is not: there True == 1."""

from auditor.json import Json


def same(left: Json, right: Json) -> bool:
    """1 and 1.0 are one number; true and 1 are two things."""
    return left is right or (left == right and _alike(left, right))


def _alike(left: Json, right: Json) -> bool:
    """Of what is equal by Python's measure, which is asked once for the whole and not again at each depth."""
    if isinstance(left, str):
        return True
    if isinstance(left, dict):
        return all(map(_alike, left.values(), map(right.__getitem__, left)))
    if isinstance(left, list):
        return all(map(_alike, left, right))
    return isinstance(left, bool) is isinstance(right, bool)
