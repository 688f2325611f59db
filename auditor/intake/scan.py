"""The judgement of objects in files: what the door would say of each."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime
from itertools import islice
from typing import Final

from auditor.dataclass import dataclass
from auditor.engine.asking import Asking, answer, answer_all
from auditor.engine.compile import compile_policy
from auditor.engine.engine import Engine
from auditor.engine.mistakes import Mistake
from auditor.engine.probe import probe
from auditor.engine.typos import Schemas, choose_schemas
from auditor.errors import AuditorError, InputError, UsageError
from auditor.intake.catalog import Catalog, make_catalog
from auditor.intake.coverage import Coverage
from auditor.intake.crew import LostError, count_cores, share_out
from auditor.intake.judged import Judged, Place, subject_of
from auditor.intake.load import Item, Loaded, load
from auditor.intake.portions import Files, Portion, group
from auditor.intake.printable import clean
from auditor.intake.question import Question, identify
from auditor.intake.sought import find_surroundings
from auditor.intake.twins import Seen, Twins
from auditor.intake.versions import join, split
from auditor.intake.yaml import Position
from auditor.json import JsonObject
from auditor.model.finding import Finding, Result, Verdict
from auditor.model.match import BUILT_IN_GROUPS
from auditor.model.request import Origin, Request

NOWHERE: Final = Position(0, 0)
EVERYTHING: Final = Question()
ALONE: Final = 256 << 10
"""Bytes that one process has read and judged before another would have begun."""
TOGETHER: Final = 250
"""Objects whose questions make one round trip: enough that its cost is nothing beside theirs, few enough to be held."""
CASES: Final = "tests"
BESIDE: Final = (CASES, "examples")
"""Folders beside policies: what is in them is no policy in force, nor there for others to see."""


@dataclass(slots=True, kw_only=True)
class Found:
    """Of objects of which there is nothing to tell it keeps counts only."""

    passes: bool = False
    """Whether what passed is told, too, and not only counted."""
    judged: list[Judged] = field(default_factory=list)
    objects: int = 0
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(map(str, Result), 0))
    """Of all findings, told or not."""
    coverage: Coverage = field(default_factory=Coverage)
    unreadable: list[InputError] = field(default_factory=list)

    def note(
        self,
        engine: Engine,
        request: Request,
        verdict: Verdict,
        place: Callable[[], Place],
        position_of: Callable[[str], Position] = lambda _: NOWHERE,
    ) -> None:
        """`verdict` with what passed, as findings or by name; `position_of` gives the place of a path in the file."""
        self.objects += 1
        self.counts[Result.PASS] += len(verdict.passed)
        for finding in verdict.findings:
            self.counts[finding.result] += 1
        self.coverage.note(engine, request, verdict, place)
        told = tuple(map(_slim, (f for f in verdict.findings if self.passes or f.result is not Result.PASS)))
        if told:
            self.judged.append(Judged(place(), told, {f.path: position_of(f.path) for f in told if f.path}))

    def add(self, other: "Found") -> None:
        """What was found of the objects that come next."""
        self.objects += other.objects
        self.judged += other.judged
        self.unreadable += other.unreadable
        for result, count in other.counts.items():
            self.counts[result] += count
        self.coverage.add(other.coverage)


@dataclass(slots=True, kw_only=True)
class Scan(Found):
    """Everything that a scan found, and everything that it could not look at."""

    engine: Engine = field(default_factory=lambda: Engine.of(()))
    warnings: list[str] = field(default_factory=list)

    def take(self, request: Request, verdict: Verdict, place: Callable[[], Place]) -> None:
        self.note(self.engine, request, verdict, place)

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
    def percent(self) -> int | None:
        """The coverage; None: nothing was asked of anything."""
        return self.coverage.percent(len(self.unreadable))

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
    beside: Sequence[Item] = ()
    """Objects that are not judged: what lookups and params see beyond what stands beside the policies."""
    validates: bool = False
    """Whether objects are also held against the schemas of their CRDs."""


def prepare(
    policies: Sequence[str],
    crds: Sequence[str] = (),
    *,
    params: Sequence[str] = (),
    exceptions: Sequence[str] = (),
    empty: bool = False,
    schemas: Schemas | None = None,
) -> Prepared:
    """Raises PreparationError with all mistakes of all policies, and AuditorError where there is none to judge by.

    `empty` allows that: cases of conversions need no policy. `schemas` are those of a cluster, which then count instead
    of those in the files. With `crds` objects are also held against the schemas of their CRDs.
    """
    loaded = load(policies, skip=BESIDE)
    excuses = _load_beside(exceptions, "--exceptions")
    if exceptions and not (excuses.exceptions or excuses.mistakes or excuses.unreadable):
        raise UsageError(f"--exceptions {' '.join(exceptions)}: holds no PolicyException")
    loaded.exceptions += excuses.exceptions
    kinds, read = _load_beside(crds, "--crds"), _load_beside(params, "--params")
    parts = (loaded, excuses, kinds, read)
    catalog, mistakes = make_catalog([each for part in parts for each in part.crds], loaded.conversions)
    mistakes = [*(each for part in parts for each in part.mistakes), *mistakes]
    schemas = catalog.schemas if schemas is None else schemas
    compiled = []
    for policy in loaded.policies:
        done, found = compile_policy(policy, choose_schemas(policy, schemas))
        mistakes += [loaded.locate(mistake, policy.kind) for mistake in found]
        if done is not None:
            compiled.append(done)
    unreadable = [each for part in parts for each in part.unreadable]
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
    engine = Engine.of(compiled, warnings, schemas=schemas)
    return Prepared(engine, loaded, catalog, beside=[*kinds.objects, *read.objects], validates=bool(crds))


def _load_beside(paths: Sequence[str], option: str) -> Loaded:
    loaded = load(paths, skip=BESIDE)
    if loaded.policies and option != "--crds":
        raise UsageError(f"{option}: {loaded.policies[0].name} is a policy: name its file by --policies")
    return loaded


def scan(
    files: Files | Sequence[str],
    prepared: Prepared,
    *,
    time: datetime,
    passes: bool = False,
    namespaces: Mapping[str, JsonObject] | None = None,
    question: Question = EVERYTHING,
    exclude: Sequence[str] = (),
    into: Scan | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Scan:
    """Every object once, by the policies that match it, with the other objects as its surroundings.

    `namespaces`, by their names, stand for those that are not among the objects. CRDs among the objects count as those
    beside the policies. Objects that `question` leaves out are surroundings still; files that `exclude` fits are not
    read. Raises UsageError for paths that lead nowhere. On Ctrl-C `into` holds what was found so far; `progress` is
    told how many bytes are done, and of how many.
    """
    result = into or Scan(passes=passes)
    files = files if isinstance(files, Files) else Files(files).read(exclude=exclude)
    portions = files.portions
    result.unreadable += files.unreadable
    around = find_surroundings(
        portions,
        prepared.engine.policies,
        prepared.loaded,
        prepared.catalog,
        time,
        beside=prepared.beside,
        unreadable=result.unreadable,
    )
    around = replace(around, namespaces={**(namespaces or {}), **around.namespaces})
    catalog = around.catalog
    engine = result.engine = replace(prepared.engine, schemas=catalog.schemas)
    ask = question.asker(around)

    def judge(some: Sequence[Portion]) -> tuple[Found, Sequence[Seen]]:
        part = Found(passes=result.passes)
        seen: list[Seen] = []
        asked = (each for portion in some for each in read(portion, part, seen))
        while together := list(islice(asked, TOGETHER)):
            verdicts = answer_all(
                _judge_item(*each, engine, prepared, catalog, passes=part.passes) for each in together
            )
            for (item, request), verdict in zip(together, verdicts, strict=True):
                part.note(engine, request, verdict, _placing(item, request), _position_finder(item, request))
        return part, seen

    def read(portion: Portion, part: Found, seen: list[Seen]) -> Iterator[tuple[Item, Request]]:
        """What is to be judged of it."""
        for item in portion.items(part.unreadable):
            if item.kind != "AdmissionReview":
                seen.append((identify(item.thing, catalog), item.file, item.line))
            try:
                request = ask(item)
            except InputError as error:
                part.unreadable.append(InputError(f"{item.file}:{item.line}: {error}"))
                continue
            if question.includes(request):
                yield item, request
                if prepared.validates and _lacks_crd(item, request, engine):
                    part.unreadable.append(_tell_no_crd(item, request))

    groups = group(portions)
    work = files.size
    twins = Twins()
    done, found = 0, False
    try:
        with contextlib.closing(share_out(groups, judge, processes=count_cores() if work > ALONE else 1)) as parts:
            for taken, (part, seen) in zip(groups, parts, strict=True):
                result.add(part)
                twins.note(seen)
                found = found or bool(seen)
                done += sum(portion.size for portion in taken)
                progress(done, work)
    except LostError as error:  # what was found so far is told
        result.unreadable.append(InputError(f"{error} What comes after that was not judged."))
    result.warnings += [*twins.tell(), *warn(prepared, time)]
    if not result.objects and not result.unreadable:
        what = "no object that was asked for" if found else "no object"
        result.warnings.append(f"{what} in {', '.join(files.names)}")
    elif result.objects and not any(each.matched for each in result.coverage.policies(engine)):
        result.warnings.append("no policy matches any of these objects")
    return result


def _judge_item(
    item: Item, request: Request, engine: Engine, prepared: Prepared, catalog: Catalog, *, passes: bool
) -> Asking[Verdict]:
    verdict = yield from judging_as_door(engine, request, passes=passes, catalog=catalog)
    if prepared.validates:
        verdict = yield from _add_shape(verdict, item, request, engine)
    return verdict


def _lacks_crd(item: Item, request: Request, engine: Engine) -> bool:
    own = item.kind != "AdmissionReview" and request.resource.group not in BUILT_IN_GROUPS
    return own and request.resource not in engine.schemas


def _tell_no_crd(item: Item, request: Request) -> InputError:
    who = f"{request.kind.kind} {request.name} ({request.kind.api_version})"
    return InputError(f"{item.file}:{item.line}: {who}: its CRD is not in --crds: it was held against none")


def _placing(item: Item, request: Request) -> Callable[[], Place]:
    return lambda: Place(subject_of(request), item.file, item.line, item.column)


def _position_finder(item: Item, request: Request) -> Callable[[str], Position]:
    """In the file; of an AdmissionReview the line in the object that it carries."""
    carried = "oldObject" if request.object is None else "object"
    inside = f"/request/{carried}" if item.kind == "AdmissionReview" else ""
    return lambda path: item.position_of(f"{inside}{path}")


def _add_shape(verdict: Verdict, item: Item, request: Request, engine: Engine) -> Asking[Verdict]:
    """After the mutations, as the API server has it. An AdmissionReview comes from a server that does so itself."""
    if item.kind == "AdmissionReview":
        return verdict
    from auditor.intake.shape import find_misshapen  # the checks, for those who ask for this one

    mutated, _ = yield from _mutate(engine, request)
    shape = find_misshapen(mutated, item.thing, engine)
    return replace(
        verdict,
        findings=(*verdict.findings, *shape.findings),
        not_applicable=(*verdict.not_applicable, *shape.not_applicable),
    )


def warn(prepared: Prepared, time: datetime) -> Iterator[str]:
    yield from map(str, prepared.engine.warnings)
    for each in prepared.loaded.exceptions:
        if each.expires <= time:
            yield f"PolicyException {each.full_name} expired at {each.expires.isoformat()}: it excuses nothing"


def judge_as_door(engine: Engine, request: Request, *, passes: bool, catalog: Catalog | None = None) -> Verdict:
    """First the mutations, then the rules on what they made of the object; with a `catalog`, in the version that each
    policy wants to see."""
    return answer(judging_as_door(engine, request, passes=passes, catalog=catalog))


def judging_as_door(
    engine: Engine, request: Request, *, passes: bool, catalog: Catalog | None = None
) -> Asking[Verdict]:
    """The same for who answers the questions of many at once."""
    if catalog is None or request.origin is not Origin.FILE:
        return (yield from _judge(engine, request, passes=passes))
    parts, errors = split(engine, request, catalog)
    verdicts = []
    for part, converted in parts:
        verdicts.append((yield from _judge(part, converted, passes=passes)))
    return join(errors, verdicts)


def _judge(engine: Engine, request: Request, *, passes: bool) -> Asking[Verdict]:
    request, findings = yield from _mutate(engine, request)
    verdict = yield from engine.judging(request, passes=passes)
    return replace(verdict, findings=(*findings, *verdict.findings)) if findings else verdict


def _mutate(engine: Engine, request: Request) -> Asking[tuple[Request, Sequence[Finding]]]:
    mutated = yield from engine.mutating(request)
    if mutated.patch:
        schema = engine.schemas.get(request.resource)
        request = replace(request, object=schema.default(mutated.object) if schema else mutated.object)
    return request, mutated.findings
