"""What of a pack shall stand in a cluster: labelled, with the params that were chosen, and no stricter than wanted."""

import copy
from collections.abc import Mapping, Sequence
from typing import Final

import yaml

from auditor import __version__
from auditor.dataclass import dataclass
from auditor.engine.read import name_of
from auditor.errors import UsageError
from auditor.intake.packs import LABEL
from auditor.intake.packs.pack import Pack
from auditor.json import Json, JsonObject
from auditor.languages.schema.keywords import closest
from auditor.model.policy import Enforcement

VERSION: Final = "auditor.dev/pack-version"
"""Annotation: the version of auditor that the pack came with."""
STRICTNESS: Final = (Enforcement.AUDIT, Enforcement.WARN, Enforcement.DENY)


@dataclass(frozen=True, slots=True)
class Manifests:
    """In the order in which they are applied."""

    pack: Pack
    crds: tuple[JsonObject, ...]
    conversions: tuple[JsonObject, ...]
    policies: tuple[JsonObject, ...]
    left_out: tuple[str, ...] = ()
    """What of the pack is not among them because of the enforcement that was chosen."""

    def files(self) -> dict[str, str]:
        """The same as files for GitOps, by their names."""
        parts = {"crd.yaml": self.crds, "conversion.yaml": self.conversions, "policies.yaml": self.policies}
        return {name: _dump(things) for name, things in parts.items() if things}


def make_manifests(
    pack: Pack, *, most: Enforcement, crds: bool = True, params: Mapping[str, Mapping[str, Json]] | None = None
) -> Manifests:
    """`most` caps the enforcement of policies, of their rules and of their overrides.

    Below Deny, mutations are left out: they change objects, and one that fails refuses the request, whatever the
    enforcement. `params` by policy: dotted path -> value. Raises UsageError for params that there are not.
    """
    policies, left_out = [], []
    for written in pack.policies:
        policy = _mark(written, pack)
        for path, value in ((params or {}).get(name_of(policy)) or {}).items():
            _set_param(policy, path, value)
        _cap(policy["spec"], most)
        mutations = [] if most is Enforcement.DENY else policy["spec"].pop("mutate", [])
        left_out += [f"{name_of(policy)}: mutation {each['name']}" for each in mutations]
        if policy["spec"].get("rules") or policy["spec"].get("mutate"):
            policies.append(policy)
    converted = {name_of(each) for each in pack.conversions}
    kinds = [_mark(each, pack) for each in pack.crds] if crds else []
    for each in kinds:
        if name_of(each) in converted:
            each["spec"].pop("conversion", None)  # the webhook writes it, with its address
    return Manifests(
        pack, tuple(kinds), tuple(_mark(c, pack) for c in pack.conversions), tuple(policies), tuple(left_out)
    )


def read_params(settings: Sequence[str], packs: Sequence[Pack]) -> dict[str, dict[str, Json]]:
    """`policy.name=value` by policy and path. UsageError: no such policy or param, or a value of another type."""
    policies = {name_of(policy): policy for pack in packs for policy in pack.policies}
    found: dict[str, dict[str, Json]] = {}
    for setting in settings:
        target, equals, text = setting.partition("=")
        if not equals:
            raise UsageError(f"--param {setting}: write POLICY.NAME=VALUE")
        fits = [name for name in policies if target.startswith(f"{name}.")]  # names may have dots in them
        if not fits:
            near = closest(target.partition(".")[0], tuple(policies))
            hint = f"did you mean {near}?" if near else f"there are {', '.join(policies)}"
            raise UsageError(f"--param {setting}: no policy of these packs begins it: {hint}")
        policy = max(fits, key=len)
        path = target.removeprefix(f"{policy}.")
        found.setdefault(policy, {})[path] = _read_value(setting, text)
        _set_param(copy.deepcopy(policies[policy]), path, found[policy][path])
    return found


def _read_value(setting: str, text: str) -> Json:
    try:
        return yaml.safe_load(text) if text else ""
    except yaml.YAMLError as error:
        raise UsageError(f"--param {setting}: the value is no YAML: quote it if it is a text") from error


def _set_param(policy: JsonObject, path: str, value: Json) -> None:
    *above, last = path.split(".")
    place = policy["spec"].get("params")
    for step in above:
        place = place.get(step) if isinstance(place, dict) else None
    if not isinstance(place, dict) or last not in place:
        known = list_paths(policy["spec"].get("params") or {})
        hint = f"there are {', '.join(known)}" if known else "it has none"
        raise UsageError(f"--param: policy {name_of(policy)} has no param {path}: {hint}")
    wanted, given = _type(place[last]), _type(value)
    if wanted != given and place[last] is not None:
        raise UsageError(f"--param: {path} of policy {name_of(policy)} is {wanted}, and {value!r} is {given}")
    place[last] = value


def list_paths(params: JsonObject, above: str = "") -> list[str]:
    """The dotted names by which they can be set."""
    found = []
    for name, value in params.items():
        inner = list_paths(value, f"{above}{name}.") if isinstance(value, dict) else []
        found += inner or [f"{above}{name}"]
    return found


def _type(value: Json) -> str:
    match value:
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list():
            return "a list"
        case None:
            return "null"
        case _:
            return "an object" if isinstance(value, dict) else "no JSON"


def _cap(spec: JsonObject, most: Enforcement) -> None:
    owners = [spec, *(spec.get("rules") or ()), *(spec.get("enforcementOverrides") or ())]
    for owner in owners:
        own = owner.get("enforcement")
        if own and STRICTNESS.index(Enforcement(own)) > STRICTNESS.index(most):
            owner["enforcement"] = str(most)


def _mark(written: JsonObject, pack: Pack) -> JsonObject:
    thing = copy.deepcopy(written)
    metadata = thing["metadata"]
    metadata["labels"] = {**(metadata.get("labels") or {}), LABEL: pack.name}
    metadata["annotations"] = {**(metadata.get("annotations") or {}), VERSION: __version__}
    return thing


class _Dumper(yaml.SafeDumper):
    """Texts of several lines, which programs are, as they were written."""


def _represent(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _represent)


def _dump(things: Sequence[JsonObject]) -> str:
    # Without a line width: a text that is broken anew is no longer found by those who look for it.
    return str(yaml.dump_all(things, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**6))
