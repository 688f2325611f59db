"""Every error that a person or a client may see, in one tree.

    AuditorError                 exit 2, HTTP 500
    ├── UsageError               exit 2, HTTP 400   the command or its settings are wrong
    ├── InputError               exit 3, HTTP 400   an object could not be read
    │   ├── DocumentError        a document of a file: where in it, and what to do (intake)
    │   └── UnreadKindError      a kind of which not all could be read (intake)
    ├── CompileError             exit 2, HTTP 422   a policy, rule or expression is wrong: all its problems at once
    ├── PolicyError              exit 2, HTTP 422   policies that do not compile: all their mistakes (engine)
    ├── PreparationError         exit 2, HTTP 422   the same, with what was read beside them (intake)
    ├── ConversionError          exit 3, HTTP 422   an object could not be converted to another version (engine)
    ├── StoppedError             exit 2, HTTP 500   the process that ran an expression was stopped (languages)
    ├── HistoryError             exit 3, HTTP 503   the history could not be read or written (report)
    ├── DeliveryError            exit 3, HTTP 502   a report did not reach its receiver (report)
    ├── LostError                exit 2, HTTP 500   a process of a scan ended in the middle of its work (intake)
    ├── SandboxError             exit 2             the control plane on this computer
    │   ├── AssetsError          the binaries: not there, damaged, not to be built
    │   └── StartError           a control plane that did not come up, or has ended
    │       └── PortTakenError   somebody else was faster (sandbox)
    └── ClusterError             exit 3, HTTP 503   a cluster could not be asked, or refused
        ├── ConnectionConfigError  exit 2           kubeconfig, context, credentials: wrong before anything was asked
        ├── UnreachableError     exit 3             no answer: refused, unknown host, TLS, cut, too slow
        ├── UnknownKindError     exit 2             no such kind in this cluster, or more than one
        ├── MalformedError       exit 3             an answer that is none: no JSON, or of another shape
        ├── LeaseLostError       exit 3             somebody else leads now: nothing more may be written
        └── ApiError             exit 3             the API server said no: a Status with code, reason, causes
            ├── UnauthorizedError 401 ├── ForbiddenError 403 ├── NotFoundError 404 ├── AlreadyExistsError 409
            ├── ConflictError 409 ├── ExpiredError 410 ├── InvalidError 422 ├── TooManyRequestsError 429
            └── ServerTroubleError 500, 502, 503, 504

Rooms that know nothing of policies raise these too, so the tree stands above the rooms and imports none of them; those
with a room in brackets are defined there, beside what they carry.
"""

from auditor.dataclass import dataclass


class AuditorError(Exception):
    """What went wrong, where, and what to do about it, as one text for people."""

    exit_code = 2
    http_code = 500


class UsageError(AuditorError):
    http_code = 400


class InputError(AuditorError):
    exit_code = 3
    http_code = 400


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a text that somebody wrote; line and column count from 1, 0 where they are not known."""

    message: str
    line: int = 0
    column: int = 0


class CompileError(AuditorError):
    http_code = 422

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("; ".join(p.message for p in problems))


class SandboxError(AuditorError):
    pass


class AssetsError(SandboxError):
    pass


class StartError(SandboxError):
    pass


class ClusterError(AuditorError):
    exit_code = 3
    http_code = 503


class ConnectionConfigError(ClusterError):
    exit_code = 2


class UnreachableError(ClusterError):
    pass


class UnknownKindError(ClusterError):
    exit_code = 2
    http_code = 404


class MalformedError(ClusterError):
    """The server sent what is no answer to the question: what else may be missing is not known."""


class LeaseLostError(ClusterError):
    pass


@dataclass(frozen=True, slots=True)
class Cause:
    """One of the faults that an API server found: where, of what sort, in its words."""

    field: str
    reason: str
    message: str


class ApiError(ClusterError):
    """A Status of the API server. `what` says what was asked of it: "create databases.db.example.com shop/orders"."""

    def __init__(
        self,
        what: str,
        *,
        code: int,
        reason: str = "",
        message: str = "",
        causes: tuple[Cause, ...] = (),
        retry_after: float | None = None,
    ) -> None:
        self.what, self.code, self.reason, self.message = what, code, reason, message
        self.causes, self.retry_after = causes, retry_after
        self.http_code = code
        super().__init__(self._text())

    advice = ""
    """What a person can do about it, as a sentence."""

    def _text(self) -> str:
        # The server's message often holds the causes; those that it leaves out are said behind it.
        said = self.message or self.reason or "no reason was given"
        more = [f"{c.field}: {c.message}" if c.field else c.message for c in self.causes if c.message not in said]
        text = f"{self.what}: the API server answered {self.code}: {'; '.join([said, *more])}"
        return f"{text.rstrip('.')}. {self.advice}" if self.advice else text


class UnauthorizedError(ApiError):
    advice = "It does not know who asks: the credentials are wrong or have expired. Log in again, or check the token."


class ForbiddenError(ApiError):
    advice = "The user lacks the right, or admission refused. `kubectl auth can-i` tells which right is missing."


class NotFoundError(ApiError):
    pass


class AlreadyExistsError(ApiError):
    pass


class ConflictError(ApiError):
    def _text(self) -> str:
        owned = any(cause.reason == "FieldManagerConflict" for cause in self.causes)
        self.advice = (
            "Others own these fields: leave them out, or take them over by force."
            if owned
            else "It is not what it was when it was read: read it again and repeat."
        )
        return super()._text()


class ExpiredError(ApiError):
    advice = "The version asked for is no longer kept: list anew."
    resume = ""
    """Of a list in pages: with this token the rest comes, as it is by now."""


class InvalidError(ApiError):
    pass


class TooManyRequestsError(ApiError):
    advice = "The server is busy: ask again later, or less often."


class ServerTroubleError(ApiError):
    pass


def make_api_error(
    what: str,
    *,
    code: int,
    reason: str = "",
    message: str = "",
    causes: tuple[Cause, ...] = (),
    retry_after: float | None = None,
) -> ApiError:
    """The class that fits the code; of the two that share 409, the reason decides."""
    kinds: dict[int, type[ApiError]] = {
        401: UnauthorizedError,
        403: ForbiddenError,
        404: NotFoundError,
        409: AlreadyExistsError if reason == "AlreadyExists" else ConflictError,
        410: ExpiredError,
        422: InvalidError,
        429: TooManyRequestsError,
        500: ServerTroubleError,
        502: ServerTroubleError,
        503: ServerTroubleError,
        504: ServerTroubleError,
    }
    kind = kinds.get(code, ApiError)
    return kind(what, code=code, reason=reason, message=message, causes=causes, retry_after=retry_after)
