"""What an API server answers when it refuses: a Status object, or whatever a proxy on the way makes of it."""

import re

import orjson

from auditor.cluster.access import dig, dig_list, dig_text
from auditor.errors import ApiError, Cause, ExpiredError, make_api_error
from auditor.json import JsonObject

TEXT_LIMIT = 300
"""Characters of an answer that is no Status: a proxy's page in HTML says what it is in its first lines."""

REOPENING = "storage is (re)initializing"
"""For some seconds after a CRD was created or changed, as 429: to who does not know that, it says nothing."""

QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
"""The text of a Warning header."""


def read_error(what: str, code: int, body: bytes, retry_after: str = "") -> ApiError:
    try:
        status = orjson.loads(body)
    except orjson.JSONDecodeError:
        status = None
    if not isinstance(status, dict) or status.get("kind") != "Status":
        text = " ".join(body.decode(errors="replace").split())[:TEXT_LIMIT]
        if code == 404 and text == "404 page not found":  # what it says of all that it has no handler for
            text = "it has no such kind, version or subresource. Is the CRD installed, and serves it this version?"
        return make_api_error(what, code=code, message=text, retry_after=_seconds(retry_after))
    return error_of_status(what, status, code=code, retry_after=_seconds(retry_after))


def error_of_status(what: str, status: JsonObject, *, code: int = 0, retry_after: float | None = None) -> ApiError:
    """Also of the Status in an ERROR event of a watch, which has the code in itself alone."""
    own_code = dig(status, "code")
    causes = tuple(
        Cause(dig_text(c, "field"), dig_text(c, "reason"), dig_text(c, "message"))
        for c in dig_list(status, "details", "causes")
    )
    if retry_after is None:
        wish = dig(status, "details", "retryAfterSeconds")
        retry_after = float(wish) if type(wish) is int and wish > 0 else None
    message = dig_text(status, "message")
    if message == REOPENING:
        message = f"its CRD has just come or changed, and {message}"
    error = make_api_error(
        what,
        code=code or (own_code if type(own_code) is int else 500),
        reason=dig_text(status, "reason"),
        message=message,
        causes=causes,
        retry_after=retry_after,
    )
    if isinstance(error, ExpiredError):
        error.resume = dig_text(status, "metadata", "continue")
    return error


def read_warning(header: str) -> str:
    """The text in `299 - "unknown field \\"spec.x\\""`; quotation marks in it stand behind a backslash."""
    found = QUOTED.search(header)
    return re.sub(r"\\(.)", r"\1", found[1]) if found else header


def _seconds(header: str) -> float | None:
    """Kubernetes sends whole seconds. A date, which HTTP would allow too, is read as "soon"."""
    if not header:
        return None
    return float(header) if header.isdecimal() else 1.0
