"""The judgement of objects in files: what the door would say of each."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from auditor.engine.compile import compile_policy
from auditor.engine.engine import Engine
from auditor.engine.mistakes import Mistake
from auditor.engine.probe import probe
from auditor.engine.typos import choose_schemas
from auditor.errors import AuditorError, InputError
from auditor.intake.catalog import Catalog, make_catalog
from auditor.intake.load import Item, Loaded, load, read_items, sort
from auditor.intake.printable import clean
from auditor.intake.requests import ask, surround
from auditor.intake.versions import join, split
from auditor.json import JsonObject
from auditor.model.finding import Finding, Result, Verdict
from auditor.model.request import Origin, Request

CASES: Final = "tests"
"""The folders of test cases beside policies: what is in them is no policy in force."""


@dataclass(frozen=True, slots=True)
class Judged:
    item: Item
    request: Request
    verdict: Verdict
    """With what passed."""

    def line_of(self, finding: Finding) -> int:
        """In the file; of an AdmissionReview the line in the object that it carries."""
        if self.item.kind == "AdmissionReview":
            carried = "oldObject" if self.request.object is None else "object"
            return self.item.line_of(f"/request/{carried}{finding.path}")
        return self.item.line_of(finding.path)

    @property
    def failed(self) -> bool:
        """A rule could not be evaluated: of this object not everything is known."""
        return any(finding.result is Result.ERROR for finding in self.verdict.findings)


@dataclass(slots=True)
class Scan:
    """Everything that a scan found, and everything that it could not look at."""

    judged: list[Judged] = field(default_factory=list)
    unreadable: list[InputError] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    engine: Engine = field(default_factory=lambda: Engine.of(()))
    passes: bool = False
    """Whether what passed is told, too, and not only counted."""

    def findings(self) -> Iterator[tuple[Judged, Finding]]:
        """Those that are told: every format tells of the same."""
        for each in self.judged:
            for finding in each.verdict.findings:
                if self.passes or finding.result is not Result.PASS:
                    yield each, finding

    def count(self) -> dict[str, int]:
        """Of all findings, told or not."""
        counts = dict.fromkeys((str(result) for result in Result), 0)
        for each in self.judged:
            for finding in each.verdict.findings:
                counts[finding.result] += 1
        return counts

    @property
    def incomplete(self) -> bool:
        return bool(self.unreadable) or any(each.failed for each in self.judged)


class PreparationError(AuditorError):
    """All that is wrong with the policies, and with what was read beside them: one line each."""

    http_code = 422

    def __init__(self, unreadable: Sequence[InputError], mistakes: Sequence[Mistake]) -> None:
        self.mistakes = mistakes
        lines = [clean(str(each)) for each in (*unreadable, *mistakes)]
        head = f"{len(lines)} mistake{'' if len(lines) == 1 else 's'} in the policies, nothing was judged"
        super().__init__("\n".join([head, *lines]))


@dataclass(frozen=True, slots=True)
class Prepared:
    """Policies that are ready, and what was read beside them."""

    engine: Engine
    loaded: Loaded
    catalog: Catalog


def prepare(policies: Sequence[str], crds: Iterable[str] = (), *, empty: bool = False) -> Prepared:
    """Raises PreparationError with all mistakes of all policies, and AuditorError where there is none to judge by.

    `empty` allows that: cases of conversions need no policy.
    """
    loaded = load(policies, skip=CASES)
    beside = load(crds)
    catalog, mistakes = make_catalog([*loaded.crds, *beside.crds], loaded.conversions)
    mistakes = [*loaded.mistakes, *beside.mistakes, *mistakes]
    compiled = []
    for policy in loaded.policies:
        done, found = compile_policy(policy, choose_schemas(policy, catalog.schemas))
        mistakes += [loaded.locate(mistake, policy.kind) for mistake in found]
        if done is not None:
            compiled.append(done)
    unreadable = [*loaded.unreadable, *beside.unreadable]
    wrong = [mistake for mistake in mistakes if not mistake.warning]
    if unreadable or wrong:
        raise PreparationError(
            unreadable, sorted(dict.fromkeys(wrong), key=lambda m: (m.file, m.file_line, m.file_column))
        )
    mistakes += [loaded.locate(mistake) for mistake in probe(compiled)]
    warnings = [mistake for mistake in mistakes if mistake.warning]
    if not compiled and not empty:
        told = [f"no policy in {', '.join(policies)}: nothing to judge by", *map(str, warnings)]
        raise AuditorError("\n".join(told))
    return Prepared(Engine.of(compiled, warnings, schemas=catalog.schemas), loaded, catalog)


def scan(
    paths: Sequence[str],
    prepared: Prepared,
    *,
    time: datetime,
    passes: bool = False,
    namespaces: Mapping[str, JsonObject] | None = None,
) -> Scan:
    """Every object once, by the policies that match it, with the other objects as its surroundings.

    `namespaces`, by their names, stand for those that are not among the objects. CRDs among the objects count as those
    beside the policies. Raises UsageError for paths that lead nowhere.
    """
    result = Scan(passes=passes)
    items = list(read_items(paths, result.unreadable))
    catalog = _with_crds_of(items, prepared, result.unreadable)
    loaded = prepared.loaded
    engine = result.engine = replace(prepared.engine, schemas=catalog.schemas)
    around = surround([*loaded.objects, *items], catalog, time, exceptions=loaded.exceptions)
    around = replace(around, namespaces={**(namespaces or {}), **around.namespaces})
    for item in items:
        try:
            request = ask(item, around)
        except InputError as error:
            result.unreadable.append(InputError(f"{item.file}:{item.line}: {error}"))
            continue
        verdict = judge_as_door(engine, request, passes=True, catalog=catalog)
        result.judged.append(Judged(item, request, verdict))
    result.warnings += _warn(prepared, result, paths)
    return result


def _with_crds_of(items: Sequence[Item], prepared: Prepared, unreadable: list[InputError]) -> Catalog:
    given = sort((i for i in items if i.kind == "CustomResourceDefinition"), Loaded())
    if not given.crds and not given.mistakes:
        return prepared.catalog
    known = [*prepared.catalog.crds.values(), *given.crds]
    catalog, mistakes = make_catalog(known, prepared.loaded.conversions)
    unreadable += [InputError(str(mistake)) for mistake in (*given.mistakes, *mistakes)]
    return catalog


def _warn(prepared: Prepared, result: Scan, paths: Sequence[str]) -> Iterator[str]:
    yield from map(str, prepared.engine.warnings)
    now = min((each.request.time for each in result.judged), default=None)
    for each in prepared.loaded.exceptions:
        if now is not None and each.expires <= now:
            yield f"PolicyException {each.full_name} expired at {each.expires.isoformat()}: it excuses nothing"
    if not result.judged and not result.unreadable:
        yield f"no object in {', '.join(paths)}"
    elif result.judged and not any(each.verdict.findings or each.verdict.not_applicable for each in result.judged):
        yield "no policy matches any of these objects"


def judge_as_door(engine: Engine, request: Request, *, passes: bool, catalog: Catalog | None = None) -> Verdict:
    """First the mutations, then the rules on what they made of the object; with a `catalog`, in the version that each
    policy wants to see."""
    if catalog is None or request.origin is not Origin.FILE:
        return _judge(engine, request, passes=passes)
    parts, errors = split(engine, request, catalog)
    return join(errors, [_judge(part, converted, passes=passes) for part, converted in parts])


def _judge(engine: Engine, request: Request, *, passes: bool) -> Verdict:
    mutated = engine.mutate(request)
    if mutated.patch:
        schema = engine.schemas.get(request.resource)
        request = replace(request, object=schema.default(mutated.object) if schema else mutated.object)
    verdict = engine.judge(request, passes=passes)
    if mutated.findings:
        return replace(verdict, findings=(*mutated.findings, *verdict.findings))
    return verdict
