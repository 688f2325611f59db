"""What the API server answers where native policies refuse or warn, in its own words."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from auditor.dataclass import dataclass
from auditor.model.finding import Finding, Result
from auditor.model.policy import Kind

# The codes that the API server gives to reasons; all others are 422.
_CODES: Final = {
    "Unauthorized": HTTPStatus.UNAUTHORIZED,
    "Forbidden": HTTPStatus.FORBIDDEN,
    "Invalid": HTTPStatus.UNPROCESSABLE_ENTITY,
    "RequestEntityTooLarge": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
}
_DEFAULT_REASON: Final = "Invalid"
# The API server cuts off what is longer.
_MAX_ANNOTATION: Final = 10 * 1024
MISCONFIGURED: Final = "failed to configure binding: "


@dataclass(frozen=True, slots=True)
class Denial:
    """One reason to refuse a request. The server tells the first that it meets, in an order that is not defined."""

    message: str
    reason: str
    code: int


def say_denials(findings: Sequence[Finding]) -> list[Denial]:
    """Of all findings of native policies that refuse the request."""
    return [_deny(each) for each in findings if each.blocks and each.kind is not Kind.POLICY]


def _deny(finding: Finding) -> Denial:
    if finding.kind is Kind.MUTATING:
        # The code is that of every refusal by admission, whatever the reason says.
        reason = "Forbidden" if finding.message.startswith(MISCONFIGURED) else _DEFAULT_REASON
        return Denial(f"{say_source(finding)} denied request: {finding.message}", reason, HTTPStatus.FORBIDDEN)
    reason = _DEFAULT_REASON if finding.result is Result.ERROR or not finding.reason else finding.reason
    code = _CODES.get(reason, HTTPStatus.UNPROCESSABLE_ENTITY)
    return Denial(f"{say_source(finding)} denied request: {finding.message}", reason, code)


def say_warning(finding: Finding) -> str:
    return f"Validation failed for {say_source(finding)}: {finding.message}"


def join_annotations(annotations: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """One for each key: the values that differ, for several bindings or params, as a list."""
    values: dict[str, dict[str, None]] = {}
    for key, value in annotations:
        values.setdefault(key, {})[_cut(value)] = None
    return tuple((key, ", ".join(each)) for key, each in values.items())


def _cut(value: str) -> str:
    return value.encode(errors="replace")[:_MAX_ANNOTATION].decode(errors="ignore")


def say_source(finding: Finding) -> str:
    what = "policy" if finding.kind is Kind.MUTATING else str(finding.kind)
    binding = f" with binding '{finding.binding}'" if finding.binding else ""
    return f"{what} '{finding.policy}'{binding}"
