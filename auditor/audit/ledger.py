"""What is known of the objects of one kind: of each a few words, and its findings where it has any.

Ten thousand objects of which the same came out share one `Shape`, so that an object that is right costs its entry in a
dict. Pure, and not safe to use from several threads: whoever follows the kind has a lock.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Self

from auditor.model.finding import Finding, Result
from auditor.model.policy import Kind, name_source

Line = tuple[str, str, Result]
"""Source (see `name_source`), rule, and the worst that it said of the object."""
Gap = tuple[str, str]
"""What could not be asked here, a policy or one of its rules, and why."""

_CHECK: Final = re.compile(rf"^({Kind.CHECK}/[^/]+).*")
_WORST: Final = {Result.ERROR: 0, Result.FAIL: 1, Result.WARN: 2, Result.SKIP: 3, Result.PASS: 4}


@dataclass(slots=True, eq=False)
class Shape:
    """All that came out of an object but where and in which words."""

    lines: tuple[Line, ...]
    gaps: tuple[Gap, ...]
    uses: int = 0
    counted: tuple[Line, ...] = field(init=False)
    """The lines as results are counted."""

    def __post_init__(self) -> None:
        self.counted = _count(self.lines)

    @property
    def failed(self) -> bool:
        """Something could not be evaluated: such an object counts as no pass anywhere."""
        return any(result is Result.ERROR for _, _, result in self.lines)


@dataclass(frozen=True, slots=True)
class Judged:
    """What was said of an object, by all sources or by some."""

    lines: tuple[Line, ...] = ()
    gaps: tuple[Gap, ...] = ()
    findings: tuple[Finding, ...] = ()

    @classmethod
    def of(cls, findings: Sequence[Finding], passed: Iterable[tuple[str, str]] = (), gaps: Iterable[Gap] = ()) -> Self:
        """Of those with one fingerprint one is left: that a rule was asked with two objects of params is no two
        findings, and nobody could tell them apart."""
        worst: dict[tuple[str, str], Result] = {}
        for source, rule in passed:
            worst[source, rule] = Result.PASS
        for each in findings:
            place = (source_of(each), each.rule)
            known = worst.get(place)
            if known is None or _WORST[each.result] < _WORST[known]:
                worst[place] = each.result
        lines = tuple(sorted((source, rule, result) for (source, rule), result in worst.items()))
        return cls(lines, tuple(sorted(set(gaps))), _unite(findings) if findings else ())


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """An object with findings."""

    shape: Shape
    uid: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Diff:
    """What is different of an object's findings."""

    key: str = ""
    uid: str = ""
    """Of the object that has, or had, the findings."""
    opened: tuple[Finding, ...] = ()
    changed: tuple[Finding, ...] = ()
    resolved: tuple[Finding, ...] = ()
    former: str = ""
    """The uid of a namesake before it, which is gone, and had findings."""
    gone: bool = False
    """The object is not there any more."""

    def __bool__(self) -> bool:
        return bool(self.opened or self.changed or self.resolved or self.former)


NOTHING = Diff()


@dataclass(slots=True)
class KindLedger:
    _records: dict[str, Shape | Held] = field(default_factory=dict)
    _shapes: dict[tuple[tuple[Line, ...], tuple[Gap, ...]], Shape] = field(default_factory=dict)
    _counts: Counter[tuple[str, Shape]] = field(default_factory=Counter)
    """By namespace and shape: all that can be counted of objects follows from it."""
    found: Counter[Result] = field(default_factory=Counter)
    """Findings by result, as reports and the history have them: one for each object, rule and path."""

    def __len__(self) -> int:
        return len(self._records)

    def __contains__(self, key: str) -> bool:
        return key in self._records

    def put(self, key: str, uid: str, judged: Judged) -> Diff:
        """All sources have been asked."""
        shape = self._intern(judged.lines, judged.gaps)
        return self._set(key, uid, Held(shape, uid, judged.findings) if judged.findings else shape)

    def merge(self, key: str, uid: str, sources: Collection[str], judged: Judged) -> Diff:
        """These sources have been asked; what the others said stays."""
        old = self._records.get(key)
        if old is None:
            return NOTHING  # nothing was said yet: whoever says all of it is on the way
        shape, findings = (old.shape, old.findings) if isinstance(old, Held) else (old, ())
        lines = [line for line in shape.lines if line[0] not in sources]
        gaps = [gap for gap in shape.gaps if not _of(gap, sources)]
        kept = tuple(each for each in findings if source_of(each) not in sources)
        new = Judged(
            tuple(sorted({*lines, *judged.lines})), tuple(sorted({*gaps, *judged.gaps})), (*kept, *judged.findings)
        )
        return self.put(key, uid, new)

    def drop(self, sources: Collection[str]) -> Iterator[Diff]:
        """These say nothing any more, of any object."""
        empty = Judged()
        for key, record in list(self._records.items()):
            shape = record.shape if isinstance(record, Held) else record
            if any(line[0] in sources for line in shape.lines) or any(_of(gap, sources) for gap in shape.gaps):
                diff = self.merge(key, record.uid if isinstance(record, Held) else "", sources, empty)
                if diff:
                    yield diff

    def remove(self, key: str) -> Diff:
        diff = self._set(key, "", None)
        return replace(diff, gone=True) if diff else diff

    def retain(self, keys: Collection[str]) -> Iterator[Diff]:
        """All others are gone."""
        known = set(keys)
        for key in [key for key in self._records if key not in known]:
            if diff := self.remove(key):
                yield diff

    # -- reading -------------------------------------------------------------------------------------------------------

    def says(self, key: str, source: str) -> bool:
        """Whether that source said anything of the object."""
        record = self._records.get(key)
        shape = record.shape if isinstance(record, Held) else record
        return shape is not None and any(line[0] == source for line in shape.lines)

    def find(self, key: str) -> Held | None:
        """None: it has no findings, or is not known."""
        record = self._records.get(key)
        return record if isinstance(record, Held) else None

    def held(self) -> list[tuple[str, Held]]:
        return [(key, record) for key, record in self._records.items() if isinstance(record, Held)]

    def keys_of(self, sources: Collection[str]) -> list[str]:
        """Objects that have findings by one of these."""
        return [key for key, held in self.held() if any(source_of(each) in sources for each in held.findings)]

    def shapes(self) -> Iterator[tuple[str, Shape, int]]:
        """Namespace, shape, and how many objects there came out so."""
        for (namespace, shape), count in list(self._counts.items()):
            yield namespace, shape, count

    def tally(self) -> Mapping[tuple[str, str, str, Result], int]:
        """How many objects had that result, by namespace, source and rule."""
        totals: Counter[tuple[str, str, str, Result]] = Counter()
        for namespace, shape, count in self.shapes():
            for source, rule, result in shape.counted:
                totals[namespace, source, rule, result] += count
        return totals

    # -- writing -------------------------------------------------------------------------------------------------------

    def _intern(self, lines: tuple[Line, ...], gaps: tuple[Gap, ...]) -> Shape:
        shape = self._shapes.get((lines, gaps))
        if shape is None:
            shape = self._shapes[lines, gaps] = Shape(lines, gaps)
        return shape

    def _set(self, key: str, uid: str, record: Shape | Held | None) -> Diff:
        old = self._records.get(key)
        if record is None:
            self._records.pop(key, None)
        else:
            self._records[key] = record
        before = old.shape if isinstance(old, Held) else old
        after = record.shape if isinstance(record, Held) else record
        if before is not after:
            namespace = key.rpartition("/")[0]
            if after is not None:
                after.uses += 1
                self._counts[namespace, after] += 1
            if before is not None:
                self._forget(namespace, before)
        had = old if isinstance(old, Held) else None
        has = record if isinstance(record, Held) else None
        if had is not None:
            self.found.subtract(each.result for each in had.findings)
        if has is not None:
            self.found.update(each.result for each in has.findings)
        return NOTHING if had is None and has is None else compare(key, had, has, uid)

    def _forget(self, namespace: str, shape: Shape) -> None:
        shape.uses -= 1
        self._counts[namespace, shape] -= 1
        if not self._counts[namespace, shape]:
            del self._counts[namespace, shape]
        if not shape.uses:
            self._shapes.pop((shape.lines, shape.gaps), None)


def compare(key: str, had: Held | None, has: Held | None, uid: str = "") -> Diff:
    """A finding that is a pass now, where passes are reported, is resolved, and the pass is another one."""
    old = {each.fingerprint: each for each in had.findings} if had is not None else {}
    new = {each.fingerprint: each for each in has.findings} if has is not None else {}
    former = had.uid if had is not None and uid and had.uid != uid else ""
    return Diff(
        key,
        has.uid if has is not None else uid or (had.uid if had is not None else ""),
        opened=tuple(each for name, each in new.items() if not _goes_on(old.get(name), each)),
        changed=tuple(each for name, each in new.items() if _goes_on(old.get(name), each) and _differ(old[name], each)),
        resolved=tuple(each for name, each in old.items() if not _goes_on(each, new.get(name))),
        former=former,
    )


def _count(lines: Iterable[Line]) -> tuple[Line, ...]:
    """What a check says of a policy counts as its own. As a whole it passed only where it found nothing."""
    named = [(_CHECK.sub(r"\1", source), rule, result) for source, rule, result in lines]
    wrong = {source for source, _, result in named if result is not Result.PASS and _CHECK.match(source)}
    return tuple(line for line in named if line[2] is not Result.PASS or line[0] not in wrong)


def source_of(finding: Finding) -> str:
    """Findings of checks on a policy belong to that policy, too: with it they go, and are looked for again."""
    if finding.kind is Kind.CHECK and "/" in finding.rule:
        return name_source(Kind.CHECK, finding.policy, finding.rule.partition("/")[0])
    return finding.source


def widen(sources: Iterable[str], checks: Iterable[str]) -> frozenset[str]:
    """These policies, and what these checks say of them: by the name of the policy, whatever its kind and binding."""
    named = list(checks)
    return frozenset(
        each
        for source in sources
        for each in (source, *(name_source(Kind.CHECK, check, _policy_of(source)) for check in named))
    )


def _policy_of(source: str) -> str:
    parts = source.split("/")
    return parts[1] if len(parts) > 1 else source


def _goes_on(one: Finding | None, other: Finding | None) -> bool:
    return one is not None and other is not None and (one.result is Result.PASS) is (other.result is Result.PASS)


def _differ(old: Finding, new: Finding) -> bool:
    return (old.result, old.severity, old.message, old.exception, old.remediation) != (
        new.result,
        new.severity,
        new.message,
        new.exception,
        new.remediation,
    )


def _of(gap: Gap, sources: Collection[str]) -> bool:
    """Gaps name the policy as people do, without its kind and binding, or a check. What a check could not be asked of
    one policy stands with what it could not be asked of others: it goes when all of the object is judged."""
    name = gap[0].partition("/")[0]
    for source in sources:
        parts = source.split("/")
        if name == (parts[1] if len(parts) > 1 else source) and not (parts[0] == Kind.CHECK and len(parts) > 2):
            return True
    return False


def _unite(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    found: dict[str, Finding] = {}
    for each in findings:
        known = found.get(each.fingerprint)
        if known is None:
            found[each.fingerprint] = each
        else:
            first, second = sorted((known, each), key=lambda finding: _WORST[finding.result])
            told = first.message if second.message in first.message else f"{first.message}; {second.message}"
            found[each.fingerprint] = replace(first, message=told)
    return tuple(found.values())
