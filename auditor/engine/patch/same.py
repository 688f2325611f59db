"""Equality of JSON values, which Python's is not: there True == 1."""

from auditor.json import Json


def same(left: Json, right: Json) -> bool:
    """1 and 1.0 are one number; true and 1 are two things."""
    if left is right:
        return True
    if left != right:
        return False
    if isinstance(left, dict):
        return all(same(value, right[key]) for key, value in left.items())
    if isinstance(left, list):
        return all(map(same, left, right))
    return isinstance(left, bool) is isinstance(right, bool)
