"""An object violates a Deny rule that was in force when the violating fields were written: it got past the door.

Nobody is to be accused who has done nothing, so it is told only where the object itself proves it. A violation that
was there before may stay in every update that the policy forgives (`existing: Audit`), and managedFields have one time
for all fields of a writer. That leaves three proofs: the object was made while the rule was in force; the policy
forgives no update, and there was one; or the writer owns the violating fields and no others: its time is theirs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from auditor.checks.door import is_left_alone, may_be_excluded
from auditor.checks.notes import Notes
from auditor.checks.stored import Stored
from auditor.checks.times import read_time, show_time
from auditor.checks.writers import STATUS, Tokens, Writer, find_owners, name_all, newest, read_writers
from auditor.engine.compile import all_selected
from auditor.engine.compiled import CompiledPolicy, CompiledRule
from auditor.engine.excuse import find_excuse
from auditor.engine.patch import split_pointer
from auditor.errors import CompileError
from auditor.json import Json
from auditor.languages import jq
from auditor.model.finding import Finding, Result
from auditor.model.policy import Enforcement, Kind
from auditor.model.request import Operation

SETTLING: Final = timedelta(seconds=1)
"""API servers hear of a new webhook by a watch; and the times have one second."""
PARDON: Final = timedelta(seconds=5)
"""Between the door's clock and that of the API server that writes managedFields."""

ELSE: Final = "rules that read other objects, the old object, params or the request may have judged otherwise then"
UNRECORDED: Final = "managedFields do not tell who wrote the violating fields, or when"
SUBRESOURCE: Final = "the violating fields were written through a subresource, which the policy is not about"
EXCLUDED: Final = "the violating fields may have been written by a user who is excluded"
PARDONED: Final = "the glass was broken for the object"
EXCUSED: Final = "an exception excused the object when it was written"
NAMESPACE: Final = "the namespace was written since, and with it what the policy says there may have changed"
FORGIVEN: Final = "the violation may be older than the rule: updates that made nothing worse were admitted"


def find_bypasses(stored: Stored, notes: Notes) -> None:
    if not stored.enforced_since:
        return
    violated = [each for each in stored.verdict.findings if each.result is Result.FAIL and _denies(each)]
    if not violated or is_left_alone(stored.request):
        return
    writers = read_writers(stored.request.object)
    for finding in violated:
        since = stored.enforced_since.get((finding.policy, finding.rule))
        compiled = _find_rule(stored, finding)
        if since is None or compiled is None:
            continue
        found = _Trial(stored, finding, *compiled, since, writers).run()
        if isinstance(found, str):
            notes.gap(found)
        elif found is not None:
            _tell(notes, finding, since, found)


def _denies(finding: Finding) -> bool:
    """Of our own policies: native ones are enforced by the API server, which no object gets past."""
    return finding.kind is Kind.POLICY and (finding.blocks or Enforcement.DENY in finding.enforcements)


def _find_rule(stored: Stored, finding: Finding) -> tuple[CompiledPolicy, CompiledRule] | None:
    for policy in stored.engine.policies:
        if policy.policy.name == finding.policy and policy.policy.kind is Kind.POLICY:
            return next(((policy, rule) for rule in policy.rules if rule.rule.name == finding.rule), None)
    return None


def _tell(notes: Notes, finding: Finding, since: datetime, written: "_Written") -> None:
    writers = name_all(written.writers)
    notes.fail(
        f"{finding.policy}/{finding.rule}",
        f"{finding.message}; this got past the door: {finding.policy}/{finding.rule} denies it since"
        f" {show_time(since)}, and {finding.path or 'what it reads'} was written {written.when} at"
        f" {show_time(written.time)}, likely by {writers}",
        path=finding.path,
        severity=finding.severity,
        controls=finding.controls,
        writers=written.writers,
        remediation=f"Find out how {writers} got past the webhook: was it away at that time, or not called?"
        f" Then repair the object. {finding.remediation}".rstrip(),
    )


@dataclass(frozen=True, slots=True)
class _Written:
    writers: Sequence[Writer]
    time: datetime
    when: str = "last"


@dataclass(slots=True)
class _Trial:
    """Of one finding. What comes out is the proof, why there can be none, or None: it is older than the rule."""

    stored: Stored
    finding: Finding
    policy: CompiledPolicy
    rule: CompiledRule
    since: datetime
    writers: Sequence[Writer]

    def run(self) -> _Written | str | None:
        if _may_judge_otherwise(self.policy, self.rule):
            return ELSE
        created = read_time(((self.stored.request.object or {}).get("metadata") or {}).get("creationTimestamp"))
        if created is None:
            return UNRECORDED
        paths = _read_paths(self.finding, self.rule)
        owners = self._owners(paths)
        if any(writer.subresource for writer in owners):
            return SUBRESOURCE
        written = self._prove(owners, paths, created)
        if not isinstance(written, _Written):
            return written
        # Under a policy that forgives, the violation may have come with any write since the object was made.
        first = max(created, self.since) if self.policy.policy.ratchets else written.time
        return self._find_alibi(written, first) or written

    def _owners(self, paths: Sequence[Tokens] | None) -> list[Writer]:
        """Of the violating fields; where something is missing, of what it is missing from."""
        if paths is None:
            return [writer for writer in self.writers if writer.subresource != STATUS]
        thing = self.stored.request.object
        through = [writer for writer in self.writers if not writer.subresource]  # others take nothing out
        owners: list[Writer] = []
        for path in paths:
            found = find_owners(self.writers, path, thing)
            while not found and path:
                path = path[:-1]
                found = find_owners(through, path, thing)
            owners += [writer for writer in found if writer not in owners]
        return owners

    def _prove(
        self, owners: Sequence[Writer], paths: Sequence[Tokens] | None, created: datetime
    ) -> _Written | str | None:
        after = self.since + SETTLING
        time = newest(owners)
        if time is None:
            return UNRECORDED
        written = _Written([writer for writer in owners if writer.time == time], time)
        sees = {
            operation for match in self.policy.policy.matches for rule in match.rules for operation in rule.operations
        }
        if not sees & {"*", Operation.UPDATE}:
            if created <= after:
                return None
            return written if time - created <= SETTLING else FORGIVEN
        if not self.policy.policy.ratchets:
            through = [writer for writer in self.writers if not writer.subresource]
            last = newest(through)
            if last is None or last <= after:
                return None
            return _Written([writer for writer in through if writer.time == last], last)
        if time <= after:
            return None
        if created > after or self._owns_nothing_else(written.writers, paths):
            return written
        return FORGIVEN

    def _owns_nothing_else(self, writers: Sequence[Writer], paths: Sequence[Tokens] | None) -> bool:
        """Then its time is that of these fields. Not of an Apply, whose time moves when a field is taken out, too."""
        thing = self.stored.request.object
        return paths is not None and all(
            writer.operation == "Update"
            and all(any(_overlap(leaf, path) for path in paths) for leaf in writer.leaves(thing))
            for writer in writers
        )

    def _find_alibi(self, written: _Written, first: datetime) -> str | None:
        request = self.stored.request
        if any(may_be_excluded(writer.manager, request) for writer in written.writers):
            return EXCLUDED
        if any(first - PARDON <= pardon <= written.time + PARDON for pardon in self.stored.pardons()):
            return PARDONED
        if find_excuse(self.policy.policy, self.rule.rule.name, replace(request, time=first)) is not None:
            return EXCUSED
        if _asks_namespace(self.policy, self.rule) and _labels_changed(request.namespace_object, first):
            return NAMESPACE
        return None


def _overlap(one: Tokens, other: Tokens) -> bool:
    return all(left == right for left, right in zip(one, other, strict=False))


def _may_judge_otherwise(policy: CompiledPolicy, rule: CompiledRule) -> bool:
    """It reads what was another thing at the time of the write, or what only the door knows."""
    if policy.policy.param_kind is not None or policy.conditions_need_user or rule.needs_user:
        return True
    names = {name for _, program in policy.conditions for name in program.names}
    names |= set(rule.cel.names if rule.cel is not None else rule.jq.uses if rule.jq is not None else ())
    return bool(names & {"oldObject", "old", "request", "authorizer", "lookups"})


def _read_paths(finding: Finding, rule: CompiledRule) -> list[Tokens] | None:
    """Where the violation is, or what the rule reads. None: anything."""
    if finding.path:
        return [tuple(split_pointer(finding.path))]
    if rule.cel is not None:
        return [each.path for each in all_selected(rule.cel) if each.root == "object" and each.path] or None
    if rule.jq is not None:
        try:
            selected = [each.path for each in jq.selected_paths(rule.rule.body)]
        except (CompileError, ValueError):
            return None
        return [_literal(path) for path in selected if _literal(path)] or None
    return None


def _literal(path: Sequence[str | int | None]) -> Tokens:
    """Up to the first step that stands for any."""
    literal: list[str] = []
    for step in path:
        if step is None:
            break
        literal.append(str(step))
    return tuple(literal)


def _asks_namespace(policy: CompiledPolicy, rule: CompiledRule) -> bool:
    source = policy.policy
    return bool(
        source.overrides
        or any(match.namespaces.requirements for match in source.matches)
        or "namespaceObject" in policy.names
        or (rule.jq is not None and "namespace" in rule.jq.uses)
    )


def _labels_changed(namespace: Json, since: datetime) -> bool:
    """Where its managedFields are not kept, nobody knows of a change."""
    last = newest(writer for writer in read_writers(namespace) if writer.owns(("metadata", "labels"), namespace))
    return last is not None and last > since
