"""What libjq says of a value that does not fit shows a part of it: what is in an object is not for a report to tell."""

import re
from typing import Final

_TYPE: Final = "null|boolean|number|string|array|object"
_SHOWN: Final = re.compile(rf"^([^(]*?\b(?:{_TYPE})) \((.*)\)([^()]*)$", re.DOTALL)
"""`string ("abc") and object ({"a":1}) cannot be added`."""
_BETWEEN: Final = re.compile(rf"\)( and (?:{_TYPE})) \(")


def hide_values(said: str, program: str) -> str:
    """The same without values, but for those that stand in the program itself, as the name of a field."""
    found = _SHOWN.match(said)
    if found is None:
        return said
    before, shown, after = found.groups()
    first, between, second = _halve(shown)
    return "".join([before, _keep(first, program), between, _keep(second, program) if between else "", after])


def _halve(shown: str) -> tuple[str, str, str]:
    found = _BETWEEN.search(shown)
    return (shown[: found.start()], found[1], shown[found.end() :]) if found else (shown, "", "")


def _keep(value: str, program: str) -> str:
    text = value[1:-1] if value.startswith('"') and value.endswith('"') else value
    return f" ({value})" if text and re.search(rf"(?<!\w){re.escape(text)}(?!\w)", program) else ""
