"""The judgement of objects in files: what the door would say of each."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from auditor.engine.compile import compile_policy
from auditor.engine.engine import Engine
from auditor.engine.mistakes import Mistake
from auditor.engine.probe import probe
from auditor.engine.typos import Schemas, choose_schemas
from auditor.errors import AuditorError, InputError
from auditor.intake.catalog import Catalog, make_catalog
from auditor.intake.coverage import Coverage
from auditor.intake.judged import Judged, Place, subject_of
from auditor.intake.load import Item, Loaded, load, read_items, sort
from auditor.intake.printable import clean
from auditor.intake.requests import ask, surround
from auditor.intake.versions import join, split
from auditor.json import JsonObject
from auditor.model.finding import Finding, Result, Verdict
from auditor.model.request import Origin, Request

CASES: Final = "tests"
"""The folders of test cases beside policies: what is in them is no policy in force."""


@dataclass(slots=True)
class Scan:
    """Everything that a scan found, and everything that it could not look at. Of objects of which there is nothing to
    tell it keeps counts only."""

    engine: Engine = field(default_factory=lambda: Engine.of(()))
    passes: bool = False
    """Whether what passed is told, too, and not only counted."""
    judged: list[Judged] = field(default_factory=list)
    objects: int = 0
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(map(str, Result), 0))
    """Of all findings, told or not."""
    coverage: Coverage = field(default_factory=Coverage)
    unreadable: list[InputError] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def take(
        self,
        request: Request,
        verdict: Verdict,
        place: Callable[[], Place],
        line_of: Callable[[str], int] = lambda _: 0,
    ) -> None:
        """`verdict` with what passed; `line_of` gives the line of a path."""
        self.objects += 1
        for finding in verdict.findings:
            self.counts[finding.result] += 1
        self.coverage.note(self.engine, request, verdict, place)
        told = tuple(map(_slim, (f for f in verdict.findings if self.passes or f.result is not Result.PASS)))
        if told:
            self.judged.append(Judged(place(), told, {f.path: line_of(f.path) for f in told if f.path}))

    def tell(self, place: Place, findings: Iterable[Finding]) -> None:
        """Of what is not itself judged: a CRD, whose objects are."""
        told = tuple(findings)
        self.judged.append(Judged(place, told, {}))
        for finding in told:
            self.counts[finding.result] += 1

    def findings(self) -> Iterator[tuple[Judged, Finding]]:
        """Those that are told: every format tells of the same."""
        for each in self.judged:
            for finding in each.findings:
                yield each, finding

    @property
    def incomplete(self) -> bool:
        return bool(self.unreadable) or self.counts[Result.ERROR] > 0


def _slim(finding: Finding) -> Finding:
    """A value that is more than a word would keep a part of the object alive."""
    return replace(finding, value=None) if isinstance(finding.value, dict | list) else finding


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


def prepare(
    policies: Sequence[str], crds: Iterable[str] = (), *, empty: bool = False, schemas: Schemas | None = None
) -> Prepared:
    """Raises PreparationError with all mistakes of all policies, and AuditorError where there is none to judge by.

    `empty` allows that: cases of conversions need no policy. `schemas` are those of a cluster, which then count instead
    of those in the files.
    """
    loaded = load(policies, skip=CASES)
    beside = load(crds)
    catalog, mistakes = make_catalog([*loaded.crds, *beside.crds], loaded.conversions)
    mistakes = [*loaded.mistakes, *beside.mistakes, *mistakes]
    schemas = catalog.schemas if schemas is None else schemas
    compiled = []
    for policy in loaded.policies:
        done, found = compile_policy(policy, choose_schemas(policy, schemas))
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
    return Prepared(Engine.of(compiled, warnings, schemas=schemas), loaded, catalog)


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
        result.take(request, verdict, _placing(item, request), _line_finder(item, request))
    result.warnings += warn(prepared, time)
    if not result.objects and not result.unreadable:
        result.warnings.append(f"no object in {', '.join(paths)}")
    elif result.objects and not any(each.matched for each in result.coverage.policies(engine)):
        result.warnings.append("no policy matches any of these objects")
    return result


def _placing(item: Item, request: Request) -> Callable[[], Place]:
    return lambda: Place(subject_of(request), item.file, item.line)


def _line_finder(item: Item, request: Request) -> Callable[[str], int]:
    """In the file; of an AdmissionReview the line in the object that it carries."""
    carried = "oldObject" if request.object is None else "object"
    inside = f"/request/{carried}" if item.kind == "AdmissionReview" else ""
    return lambda path: item.line_of(f"{inside}{path}")


def _with_crds_of(items: Sequence[Item], prepared: Prepared, unreadable: list[InputError]) -> Catalog:
    given = sort((i for i in items if i.kind == "CustomResourceDefinition"), Loaded())
    if not given.crds and not given.mistakes:
        return prepared.catalog
    known = [*prepared.catalog.crds.values(), *given.crds]
    catalog, mistakes = make_catalog(known, prepared.loaded.conversions)
    unreadable += [InputError(str(mistake)) for mistake in (*given.mistakes, *mistakes)]
    return catalog


def warn(prepared: Prepared, time: datetime) -> Iterator[str]:
    yield from map(str, prepared.engine.warnings)
    for each in prepared.loaded.exceptions:
        if each.expires <= time:
            yield f"PolicyException {each.full_name} expired at {each.expires.isoformat()}: it excuses nothing"


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
