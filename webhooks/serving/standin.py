"""What stands in for a policy that does not compile and of which no earlier form is known, as after a restart.

If it is only that the schema of a kind has changed below it, it goes on as if that schema were not known: just as where
nothing was restarted, where its last good form goes on.

Else, to leave it out would let pass what it is there to stop, and nobody would notice: an error taken for a
pass. So the requests that it matches are errors, under its own failurePolicy, enforcement and exceptions, and whom it
refuses is told why. Such a policy gets in only past our own webhook, or with another version of auditor. All that has
to be readable of it is what it matches; where not even that can be read, it is out of force, and its status and a
metric say so.
"""

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

import orjson

from auditor.engine.compiled import CompiledPolicy
from auditor.engine.mistakes import Mistake
from auditor.intake.live.reading import read_live_policy
from auditor.intake.live.shelf import State
from auditor.intake.live.view import View
from auditor.intake.load import OWN_GROUP
from auditor.json import Json, JsonObject
from auditor.webhooks.wording import cut, one_line

KEPT: Final = ("enforcement", "enforcementOverrides", "exceptions", "failurePolicy", "timeoutSeconds", "severity")
NARROWING: Final = ("matchConditions", "params", "paramKind", "paramRef")
"""By these it may match less. They may be what is wrong; then it matches as if it had none."""
OURS: Final = {"apiGroups": [OWN_GROUP], "apiVersions": ["*"], "resources": ["*"], "operations": ["*"]}
"""Never judged by what is broken: the policy has to be mended, or removed."""
MAX_WHY: Final = 500
"""Characters of the mistakes: each rule tells them, and status has them in full."""


def list_compiled(view: View) -> Sequence[CompiledPolicy]:
    """All that is to be judged by, in the order of their names."""
    found = (find_working(state) or find_erring(state) for _, state in sorted(view.policies.items()))
    return [each for each in found if each is not None]


def find_working(state: State[CompiledPolicy]) -> CompiledPolicy | None:
    """What judges by its rules."""
    return state.good or _compile(
        orjson.dumps({name: value for name, value in state.thing.items() if name != "status"})
    )


def find_erring(state: State[CompiledPolicy]) -> CompiledPolicy | None:
    """What is an error wherever the policy matches. None: it cannot be told where."""
    why = _say(state.errors)
    for body in _make_bodies(state.thing, why):
        if (found := _compile(orjson.dumps(body))) is not None:
            return found
    return None


def _make_bodies(thing: JsonObject, why: str) -> Iterator[JsonObject]:
    spec = thing.get("spec")
    if not isinstance(spec, dict) or not isinstance(spec.get("match"), dict):
        return
    excluded = spec["match"].get("excludeResourceRules")
    match = {**spec["match"], "excludeResourceRules": [*(excluded if isinstance(excluded, list) else ()), OURS]}
    program = f"error({json.dumps(why)})"  # JSON's way to write a text is one of jq's
    erring = {
        part: [_err(each, f"{part}-{i}", program) for i, each in enumerate(spec[part])]
        for part in ("rules", "mutate")
        if isinstance(spec.get(part), list)
    }
    metadata = {"name": (thing.get("metadata") or {}).get("name")}
    whole = {"apiVersion": thing.get("apiVersion"), "kind": thing.get("kind"), "metadata": metadata}
    for names in ((*KEPT, *NARROWING), KEPT):
        yield whole | {"spec": {name: spec[name] for name in names if name in spec} | {"match": match} | erring}


def _err(part: Json, name: str, program: str) -> JsonObject:
    """Under its name, by which exceptions know it."""
    known = part if isinstance(part, dict) else {}
    kept = {key: known[key] for key in ("enforcement", "severity") if key in known}
    return {"name": known.get("name") or name, "jq": program, **kept}


@lru_cache(maxsize=256)  # each time that anything has changed they are all asked for
def _compile(body: bytes) -> CompiledPolicy | None:
    """By itself, without the schemas of the kinds that it reads."""
    return read_live_policy(orjson.loads(body), {})[0]


def _say(mistakes: Sequence[Mistake]) -> str:
    told = "; ".join(map(str, mistakes))
    return cut(one_line(f"the policy does not compile, so nothing can be judged by it: {told}"), MAX_WHY)
