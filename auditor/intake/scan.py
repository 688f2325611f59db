"""The judgement of objects in files: what the door would say of each."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Final

from auditor.engine.asking import Asking, answer_all
from auditor.engine.engine import Engine
from auditor.errors import InputError
from auditor.intake.catalog import Catalog
from auditor.intake.crew import LostError, count_cores, share_out
from auditor.intake.door import judging_as_door, mutating
from auditor.intake.found import Found, Scan
from auditor.intake.judged import Place, subject_of
from auditor.intake.load import ForeignError, Item
from auditor.intake.portions import Files, Portion, group
from auditor.intake.prepare import Prepared, warn
from auditor.intake.question import Question, identify
from auditor.intake.sought import find_surroundings
from auditor.intake.twins import Seen, Twins
from auditor.intake.yaml import Position
from auditor.json import JsonObject
from auditor.model.finding import Verdict
from auditor.model.match import BUILT_IN_GROUPS
from auditor.model.request import Request

EVERYTHING: Final = Question()
MOST_PLACES: Final = 5
"""Told of what is passed over: enough to see what it is."""
ALONE: Final = 256 << 10
"""Bytes that one process has read and judged before another would have begun."""
TOGETHER: Final = 250
"""Objects whose questions make one round trip: enough that its cost is nothing beside theirs, few enough to be held."""


def scan(
    files: Files | Sequence[str],
    prepared: Prepared,
    *,
    time: datetime,
    namespaces: Mapping[str, JsonObject] | None = None,
    question: Question = EVERYTHING,
    into: Scan | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Scan:
    """Every object once, by the policies that match it, with the other objects as its surroundings.

    `namespaces`, by their names, stand for those that are not among the objects. CRDs among the objects count as those
    beside the policies. Objects that `question` leaves out are surroundings still. Raises UsageError for paths that
    lead nowhere. On Ctrl-C `into` holds what was found so far; `progress` is told how many bytes are done, and of how
    many.
    """
    result = into or Scan()
    files = files if isinstance(files, Files) else Files(files).read()
    portions = files.portions
    result.unreadable += files.unreadable
    result.warnings += map(str, files.charts)
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
    if found:
        result.warnings += _pass_over_foreign(result.unreadable)
    result.warnings += [*twins.tell(), *warn(prepared, time)]
    if not result.objects and not result.unreadable:
        what = "no object that was asked for" if found else "no object"
        result.warnings.append(f"{what} in {', '.join(files.names)}")
    elif result.objects and not any(each.matched for each in result.coverage.policies(engine)):
        result.warnings.append("no policy matches any of these objects")
    return result


def _pass_over_foreign(unreadable: list[InputError]) -> Iterator[str]:
    """In a folder with objects, what is none of them is told, but leaves nothing open."""
    places = [each.place for each in unreadable if isinstance(each, ForeignError)]
    if places:
        unreadable[:] = [each for each in unreadable if not isinstance(each, ForeignError)]
        more = f" and {len(places) - MOST_PLACES} more" if len(places) > MOST_PLACES else ""
        yield f"no apiVersion and no kind, so taken for no Kubernetes object: {', '.join(places[:MOST_PLACES])}{more}"


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

    mutated, _ = yield from mutating(engine, request)
    shape = find_misshapen(mutated, item.thing, engine)
    return replace(
        verdict,
        findings=(*verdict.findings, *shape.findings),
        not_applicable=(*verdict.not_applicable, *shape.not_applicable),
    )
