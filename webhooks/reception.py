"""Before and after the door: what a request meets with Flask's routing, and without it.

Flask takes more time for a review than we do: routing, contexts, its objects for request and response. The usual call
of an API server needs none of these. `answer_usual` gives it the answer that the routes would give; it knows by the
environ alone that it may, and leaves all else to them.
"""

import io
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from auditor.webhooks import decode, journal
from auditor.webhooks.asked import Hook
from auditor.webhooks.decode import UnreadableError
from auditor.webhooks.door import Door, NotReadyError
from auditor.webhooks.gate import SMALL, Gate
from auditor.webhooks.respond import Answer, refuse

Environ = dict[str, Any]
"""Of WSGI."""

_USUAL: Final = re.compile(r"/(validate|mutate)(?:/([A-Za-z0-9][A-Za-z0-9-]*))?")
_HOOKS: Final = {str(each): each for each in Hook}


class Reception:
    def __init__(self, door: Door, gate: Gate, *, max_body: int) -> None:
        self._door = door
        self._gate = gate
        self._max_body = max_body

    def review(self, hook: Hook, name: str, environ: Environ, read: Callable[[], bytes]) -> Answer:
        timeout = decode.read_timeout(environ.get("QUERY_STRING", ""))
        return self._receive(
            hook, environ, lambda: self._door.review(hook, read(), name=name, timeout=timeout, environ=environ)
        )

    def convert(self, environ: Environ, read: Callable[[], bytes]) -> Answer:
        return self._receive(Hook.CONVERT, environ, lambda: self._door.convert(read(), environ=environ))

    def _receive(self, hook: Hook, environ: Environ, work: Callable[[], Answer]) -> Answer:
        size = self._declared(environ)
        if not self._gate.enter(size):
            return self._door.busy(hook)
        try:
            decode.check_content_type(environ.get("CONTENT_TYPE", ""), environ.get("HTTP_CONTENT_ENCODING", ""))
            return work()
        except UnreadableError as error:
            return self._door.unreadable(hook, error)
        except NotReadyError:
            return self._door.not_ready(hook)
        finally:
            self._gate.leave(size)

    def _declared(self, environ: Environ) -> int:
        """The length of a body before it is read; without one (chunked) it may have any."""
        length = environ.get("CONTENT_LENGTH", "")
        return min(int(length), self._max_body) if length.isdecimal() and len(length) < 19 else self._max_body

    def answer_usual(self, environ: Environ) -> Answer | None:
        """None: it is not usual, or did not come in full. Then all of it can be read again."""
        path = _USUAL.fullmatch(environ.get("PATH_INFO", ""))
        length = environ.get("CONTENT_LENGTH", "")
        if (
            path is None
            or environ["REQUEST_METHOD"] != "POST"
            or not (length.isascii() and length.isdecimal() and len(length) < 6)
            or int(length) > min(SMALL, self._max_body)
            or environ.get("SCRIPT_NAME")
            or environ.get("HTTP_TRANSFER_ENCODING")
        ):
            return None
        try:
            body = environ["wsgi.input"].read(int(length))
            if len(body) != int(length):
                environ["wsgi.input"] = io.BytesIO(body)
                return None
            return self.review(_HOOKS[path[1]], path[2] or "", environ, lambda: body)
        except Exception:
            return give_up(environ.get("PATH_INFO", ""))


def give_up(path: str) -> Answer:
    """While an exception is handled. Not even the body came: there is no review, so failurePolicy decides."""
    journal.logger.exception("%s failed", path)
    return refuse(HTTPStatus.INTERNAL_SERVER_ERROR, "auditor failed, its log tells more")
