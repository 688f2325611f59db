"""Durations as the API server reads the format `duration`: Go's own, or numbers with units in words ("2 weeks")."""

from auditor.languages.schema.patterns import find_all, search

_GO = search(r"^[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$")
_GO_PART = find_all(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_WORDS = find_all(r"(\d+)\s*([A-Za-zµ]+)")
_NANOS: dict[str, int] = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86400 * 10**9,
    "w": 7 * 86400 * 10**9,
}
_ALSO = {"hr": "h", "wk": "w"}
_BEGINNINGS = {
    "nano": "ns",
    "micro": "us",
    "milli": "ms",
    "sec": "s",
    "min": "m",
    "hour": "h",
    "day": "d",
    "week": "w",
}
_LIMIT = 2**63  # Go holds a duration in an int64 of nanoseconds


def nanoseconds(text: str) -> int | None:
    """The length, or None where the text is no duration."""
    if text in ("0", "+0", "-0"):
        return 0
    if _GO(text) is not None:
        total = sum(_part(number, unit) for number, unit in _GO_PART(text))
        if total < _LIMIT or (total == _LIMIT and text[0] == "-"):
            return -total if text[0] == "-" else total
    total, found = 0, False
    for number, word in _WORDS(text):
        if int(number) >= _LIMIT:
            return None
        unit = _unit(word.lower())
        if unit:
            total, found = total + int(number) * _NANOS[unit], True
    return _wrapped(total) if found else None


def _part(number: str, unit: str) -> int:
    whole, _, fraction = number.partition(".")
    scale = _NANOS[unit]
    parts: int = 10 ** len(fraction)
    return (int(whole or 0) * parts + int(fraction or 0)) * scale // parts


def _unit(word: str) -> str:
    if word in _NANOS:
        return word
    if word in _ALSO:
        return _ALSO[word]
    return next((unit for start, unit in _BEGINNINGS.items() if word.startswith(start)), "")


def _wrapped(total: int) -> int:
    """Go does not check the sum of words for overflow."""
    return (total + _LIMIT) % (2 * _LIMIT) - _LIMIT
