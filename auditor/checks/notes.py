"""What one check writes down about one object. Findings are made here, and nowhere else in this room."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from auditor.checks.stored import Stored
from auditor.checks.writers import Writer
from auditor.engine.findings import value_at
from auditor.model.finding import Finding, Result, make_fingerprint
from auditor.model.policy import Kind, Severity
from auditor.model.settings import Check, CheckSettings

MAX_PATHS: Final = 100
"""Findings of one check on one object that are told one by one: nobody reads more, and a report lists 200 in all."""


class Notes:
    __slots__ = ("_found", "_more", "check", "gaps", "recheck_at", "settings", "skipped", "stored")

    def __init__(self, stored: Stored, check: Check, settings: CheckSettings) -> None:
        self.stored = stored
        self.check = check
        self.settings = settings
        self.gaps: list[tuple[str, str]] = []
        self.recheck_at: datetime | None = None
        self.skipped = False
        self._found: dict[str, Finding] = {}
        self._more = 0

    def skip(self, reason: str) -> None:
        """The check has nothing to say of this object."""
        self.gap(reason)
        self.skipped = True

    def gap(self, reason: str) -> None:
        """It cannot tell about a part of it."""
        self.gaps.append((str(self.check), reason))

    def recheck(self, at: datetime) -> None:
        self.recheck_at = at if self.recheck_at is None else min(at, self.recheck_at)

    def fail(
        self,
        rule: str,
        message: str,
        *,
        remediation: str,
        path: str = "",
        distinct: str = "",
        severity: Severity = Severity.MEDIUM,
        controls: tuple[str, ...] = (),
        shows_value: bool = False,
        writers: Sequence[Writer] = (),
    ) -> None:
        """`severity` where the settings have none. `distinct` tells findings apart that have no path of their own."""
        made = self._make(Result.FAIL, rule, message, path, distinct)
        value = value_at(self.stored.request.object, path) if shows_value and path else None
        made = replace(
            made,
            severity=self.settings.severity or severity,
            remediation=remediation,
            controls=controls,
            writer=", ".join(dict.fromkeys(each.manager for each in writers if each.manager)),
            value=None if isinstance(value, (dict, list)) else value,  # in there may be what must not be shown
        )
        self._add(made)

    def error(self, rule: str, message: str, *, path: str = "") -> None:
        """Nothing is known: neither that something is wrong nor that all is right."""
        self._add(self._make(Result.ERROR, rule, message, path))

    @property
    def any(self) -> bool:
        """Whether there is more to tell than that all is well."""
        return bool(self._found or self.gaps)

    def findings(self) -> Iterable[Finding]:
        yield from self._found.values()
        if self._more:
            message = f"{self._more} more findings of this check: the first {MAX_PATHS} are told"
            made = self._make(Result.FAIL, "more", message, "")
            yield replace(made, remediation="Repair those that are told, then the others will be.")

    def _add(self, made: Finding) -> None:
        """Two about the same thing are one, with both messages: nobody could tell them apart."""
        known = self._found.get(made.fingerprint)
        if known is not None:
            if made.message not in known.message:
                self._found[made.fingerprint] = replace(known, message=f"{known.message}; {made.message}")
        elif len(self._found) < MAX_PATHS:
            self._found[made.fingerprint] = made
        else:
            self._more += 1

    def _make(self, result: Result, rule: str, message: str, path: str, distinct: str = "") -> Finding:
        request, schema = self.stored.request, self.stored.schema
        place = distinct or (schema.stable_path(request.object, path) if schema and path and request.object else path)
        return Finding(
            policy=str(self.check),
            rule=rule,
            result=result,
            severity=self.settings.severity or Severity.MEDIUM,
            message=message,
            fingerprint=make_fingerprint(
                Kind.CHECK,
                self.check,
                rule,
                request.kind.group,
                request.kind.kind,
                request.namespace,
                request.name,
                place,
            ),
            path=path,
            kind=Kind.CHECK,
        )
