"""Test cases of policies: files whose names say what is expected.

Beside the policies of a folder stand its cases in `tests/`: `pass.NOTE.yaml`, `fail.RULE.NOTE.yaml`,
`mutate.NOTE.yaml`, `convert.NOTE.yaml`; the note may be left out. The first document is judged, an object or an
AdmissionReview; the others are what is around it: namespaces, params, exceptions, objects for lookups. Of `mutate` and
`convert` the second document is what must come out, the golden.
"""

from collections.abc import Iterator, Sequence
from dataclasses import field, replace
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Final

from auditor.dataclass import dataclass
from auditor.engine.patch import same
from auditor.errors import AuditorError, InputError, UsageError
from auditor.intake.door import judge_as_door
from auditor.intake.files import SUFFIXES
from auditor.intake.goldens import rewrite, show_difference
from auditor.intake.load import Item, Loaded, read_items, sort
from auditor.intake.prepare import CASES, Prepared, prepare
from auditor.intake.requests import Surroundings, ask, kind_of, receive, surround
from auditor.json import JsonObject
from auditor.model.finding import Finding, Result
from auditor.model.request import Request

# Cases are judged as of this moment, so that exceptions in them expire as their author meant, today and in ten years.
TIME: Final = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One case: `problem` says how it differs from what its name says."""

    file: str
    problem: str = ""
    incomplete: bool = False
    """Nobody knows: it could not be read, or a rule could not be evaluated."""
    updated: bool = False
    """What must come out was written anew."""
    seconds: float = 0.0


@dataclass(slots=True)
class Report:
    outcomes: list[Outcome] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    never_violated: list[str] = field(default_factory=list)
    never_passed: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Pack:
    prepared: Prepared
    passed: set[str] = field(default_factory=set)
    violated: set[str] = field(default_factory=set)


class _Incomplete(Exception):  # noqa: N818 - it never leaves this module
    """The text says what could not be evaluated."""


def run_cases(paths: Sequence[str], *, update: bool = False) -> Report:
    """`update`: goldens that differ are written anew.

    Raises PreparationError for policies that do not compile, UsageError where there is nothing to test.
    """
    report = Report()
    folders = dict.fromkeys(folder for path in paths for folder in _find_folders(Path(path)))
    cases = {folder: list(_list_files(folder.rglob("*"))) for folder in folders}
    if not any(cases.values()):
        raise UsageError(
            f"no test cases in {', '.join(paths)}: the folder {CASES}/ beside the policies holds them "
            "(pass.yaml, fail.RULE.yaml, mutate.yaml, convert.yaml)"
        )
    for folder, files in cases.items():
        pack = _Pack(_prepare(folder))
        report.warnings += map(str, pack.prepared.engine.warnings)
        report.outcomes += [_time(file, pack, update=update) for file in files]
        rules = dict.fromkeys(f"{p.policy.name}/{r.rule.name}" for p in pack.prepared.engine.policies for r in p.rules)
        report.never_violated += [rule for rule in rules if rule not in pack.violated]
        report.never_passed += [rule for rule in rules if rule not in pack.passed]
    return report


def _find_folders(path: Path) -> Iterator[Path]:
    try:
        if not path.is_dir():
            what = "not a folder: name the folder of the policies" if path.exists() else "no such directory"
            raise UsageError(f"{path}: {what}")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    if path.name == CASES or path.resolve().name == CASES:
        yield path
        return
    yield from sorted(p for p in path.rglob(CASES) if p.is_dir())


def _list_files(paths: Iterator[Path]) -> Iterator[Path]:
    yield from sorted(p for p in paths if p.suffix in SUFFIXES and p.is_file() and not p.name.startswith("."))


def _prepare(folder: Path) -> Prepared:
    parent = folder.parent if folder.name == CASES else folder.resolve().parent
    beside = [str(path) for path in _list_files(parent.iterdir())]
    if not beside:
        raise UsageError(f"{folder}: there is no policy beside it to test")
    return prepare(beside, empty=True)


def _time(case: Path, pack: _Pack, *, update: bool) -> Outcome:
    begun = perf_counter()
    return replace(_run_case(case, pack, update=update), seconds=perf_counter() - begun)


def _run_case(case: Path, pack: _Pack, *, update: bool) -> Outcome:
    kind, _, rest = case.name.partition(".")
    name = str(case)
    if kind not in ("pass", "fail", *_GOLDEN):
        return Outcome(name, "the name must begin with pass, fail, mutate or convert, as in fail.RULE.yaml")
    unreadable: list[InputError] = []
    items = list(read_items([name], unreadable))
    if unreadable or not items:
        return Outcome(name, "; ".join(map(str, unreadable)) or "holds no object", incomplete=True)
    try:
        around = _surround(items, pack.prepared)
        request = ask(items[0], around)
        if kind in _GOLDEN:
            return _check_golden(case, _GOLDEN[kind](request, pack, items, around), items, update=update)
        rule = _cut_rule(rest, pack) if kind == "fail" else ""
        return Outcome(name, _check(request, pack, rule=rule) or _check_conversions(request, pack.prepared))
    except (AuditorError, _Incomplete) as error:
        return Outcome(name, str(error), incomplete=True)


def _surround(items: list[Item], prepared: Prepared) -> Surroundings:
    beside = sort(items[1:], Loaded())
    wrong = [mistake for mistake in beside.mistakes if not mistake.warning]
    if wrong:
        raise AuditorError("; ".join(map(str, wrong)))
    if beside.policies or beside.conversions or beside.crds:
        raise AuditorError("policies, Conversions and CRDs stand beside the folder of the cases, not in a case")
    exceptions = [*prepared.loaded.exceptions, *beside.exceptions]
    objects = [*prepared.loaded.objects, *beside.objects]
    return surround(objects, prepared.catalog, TIME, exceptions=exceptions)


def _cut_rule(rest: str, pack: _Pack) -> str:
    """The name of the rule, which may have dots in it, without the note behind it and the ending."""
    name = rest.rpartition(".")[0]
    known = {r.rule.name for p in pack.prepared.engine.policies for r in p.rules}
    fits = [rule for rule in known if name == rule or name.startswith(f"{rule}.")]
    return max(fits, key=len, default=name.partition(".")[0])


def _check(request: Request, pack: _Pack, *, rule: str) -> str:
    """Empty if what is expected came out: nothing, or violations of this rule and of no other."""
    prepared = pack.prepared
    findings = judge_as_door(prepared.engine, request, passes=True, catalog=prepared.catalog).findings
    violated = [f for f in findings if f.result in (Result.FAIL, Result.WARN)]
    pack.violated |= {f"{f.policy}/{f.rule}" for f in violated}
    pack.passed |= {f"{f.policy}/{f.rule}" for f in findings if f.result is Result.PASS}
    errors = [f for f in findings if f.result is Result.ERROR]
    if errors:
        raise _Incomplete("; ".join(map(_describe, errors)))
    if not findings:
        return "no policy matches it, so it shows nothing"
    unexpected = [f for f in violated if f.rule != rule]
    if unexpected:
        return f"violates what it should not: {'; '.join(map(_describe, unexpected))}"
    if rule and not violated:
        known = {r.rule.name for p in prepared.engine.policies for r in p.rules}
        return f"does not violate {rule}" if rule in known else f"there is no rule {rule}"
    return ""


def _describe(finding: Finding) -> str:
    name = f"{finding.policy}/{finding.rule}" if finding.rule else finding.policy
    return f"{name}: {finding.message}"


@dataclass(frozen=True, slots=True)
class _Golden:
    expected: JsonObject
    found: JsonObject
    problem: str = ""
    """What is wrong beside that."""


def _check_golden(case: Path, golden: _Golden, items: list[Item], *, update: bool) -> Outcome:
    if golden.problem or same(golden.found, golden.expected):
        return Outcome(str(case), golden.problem)
    if not update:
        return Outcome(str(case), f"comes out otherwise:\n{show_difference(golden.expected, golden.found)}")
    rewrite(case, [item.document.line for item in items], golden.found)
    return Outcome(str(case), updated=True)


def _second(items: list[Item]) -> Item:
    if len(items) < 2:
        raise AuditorError("needs a second document: what must come out")
    return items[1]


def _mutate(request: Request, pack: _Pack, items: list[Item], around: Surroundings) -> _Golden:
    # The expectation is read as the object is: with the defaults of its CRD.
    expected = receive(_second(items).thing, around.catalog)
    mutated = pack.prepared.engine.mutate(request)
    if mutated.findings:
        raise _Incomplete("; ".join(map(_describe, mutated.findings)))
    return _Golden(expected, mutated.object)


def _convert(request: Request, pack: _Pack, items: list[Item], around: Surroundings) -> _Golden:
    """To the version of the second document, and back."""
    expected = receive(_second(items).thing, around.catalog)
    if request.object is None:
        raise AuditorError("has no object to convert")
    version = kind_of(expected).version
    found = pack.prepared.catalog.convert(request.object, request.kind, version)
    return _Golden(expected, found, _check_conversions(request, pack.prepared))


_GOLDEN: Final = {"mutate": _mutate, "convert": _convert}


def _check_conversions(request: Request, prepared: Prepared) -> str:
    """What is converted to another version and back must not have changed."""
    conversion = prepared.catalog.conversions.get((request.resource.group, request.resource.resource))
    if conversion is None or request.object is None or request.subresource:
        return ""
    for version in sorted({version for step in conversion.steps for version in step} - {request.kind.version}):
        lost = conversion.round_trip(request.object, version)
        if lost:
            return f"comes back otherwise from {version}: {lost}"
    return ""
