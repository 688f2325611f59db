"""What is judged by: policies, compiled, and what stands beside them."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from auditor.dataclass import dataclass
from auditor.engine.compile import compile_policy
from auditor.engine.engine import Engine
from auditor.engine.mistakes import Mistake
from auditor.engine.probe import probe
from auditor.engine.typos import Schemas, choose_schemas
from auditor.errors import AuditorError, InputError, UsageError
from auditor.intake.catalog import Catalog, make_catalog
from auditor.intake.load import Item, Loaded, load
from auditor.intake.printable import clean

CASES: Final = "tests"
BESIDE: Final = (CASES, "examples")
"""Folders beside policies: what is in them is no policy in force, nor there for others to see."""


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


def warn(prepared: Prepared, time: datetime) -> Iterator[str]:
    yield from map(str, prepared.engine.warnings)
    for each in prepared.loaded.exceptions:
        if each.expires <= time:
            yield f"PolicyException {each.full_name} expired at {each.expires.isoformat()}: it excuses nothing"
