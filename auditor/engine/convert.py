"""From one version of a kind to another, along the steps of a Conversion."""

from collections import deque
from collections.abc import Mapping
from itertools import pairwise
from typing import Self

from auditor.dataclass import dataclass
from auditor.engine.mistakes import Mistake, PolicyError, collect
from auditor.engine.patch import diff, same
from auditor.errors import AuditorError, CompileError
from auditor.json import JsonObject
from auditor.languages import jq


class ConversionError(AuditorError):
    """Which object could not be converted, at which step, and why."""

    exit_code = 3
    http_code = 422


@dataclass(frozen=True, slots=True, eq=False)
class Conversion:
    """The steps between the versions of one kind; from anywhere to anywhere, in chains where need be."""

    name: str
    group: str
    resource: str
    steps: "Mapping[tuple[str, str], jq.Program]"
    hub: str = ""
    """Where there is no direct step, the way leads through this version, if it is given."""

    @classmethod
    def compile(cls, thing: JsonObject) -> Self:
        """Raises PolicyError with all mistakes."""
        name = str((thing.get("metadata") or {}).get("name") or "")
        spec = thing.get("spec") or {}
        resource = spec.get("resource") or {}
        steps: dict[tuple[str, str], jq.Program] = {}
        mistakes: list[Mistake] = []
        for i, step in enumerate(spec.get("steps") or ()):
            pointer = f"/spec/steps/{i}"
            key = (step.get("from", ""), step.get("to", ""))
            if key in steps:
                message = f"another step leads from {key[0]} to {key[1]} already"
                mistakes.append(Mistake(policy=name, pointer=pointer, message=message))
            try:
                steps[key] = jq.compile(step.get("jq", ""))
            except CompileError as error:
                mistakes += collect(error, policy=name, pointer=f"{pointer}/jq")
                steps[key] = jq.compile(".")  # so that no way is called missing that only does not compile
        conversion = cls(name, resource.get("group", ""), resource.get("resource", ""), steps, spec.get("hub", ""))
        mistakes += conversion._missing_ways()
        if mistakes:
            raise PolicyError(mistakes)
        return conversion

    def _missing_ways(self) -> list[Mistake]:
        versions = sorted({version for step in self.steps for version in step})
        return [
            Mistake(policy=self.name, pointer="/spec/steps", message=f"no way leads from {start} to {end}")
            for start in versions
            for end in versions
            if start != end and self.find_way(start, end) is None
        ]

    def find_way(self, start: str, end: str) -> list[str] | None:
        """The versions on the way, both ends included: a direct step, else by the hub, else the fewest steps."""
        if (start, end) in self.steps or self.hub in ("", start, end):
            return self._shortest(start, end)
        first, second = self._shortest(start, self.hub), self._shortest(self.hub, end)
        return first + second[1:] if first and second else self._shortest(start, end)

    def _shortest(self, start: str, end: str) -> list[str] | None:
        ways = deque([[start]])
        seen = {start}
        while ways:
            way = ways.popleft()
            if way[-1] == end:
                return way
            for origin, target in self.steps:
                if origin == way[-1] and target not in seen:
                    seen.add(target)
                    ways.append([*way, target])
        return None

    def convert(self, thing: JsonObject, version: str) -> JsonObject:
        """Raises ConversionError. Metadata stays as it is, but for what the steps do to labels and annotations."""
        start = str(thing.get("apiVersion", "")).rpartition("/")[2]
        way = self.find_way(start, version)
        if way is None:
            raise ConversionError(f"{describe(thing)}: no conversion from {start} to {version}")
        for step in pairwise(way):
            thing = self._convert_step(thing, step)
        return thing

    def _convert_step(self, thing: JsonObject, step: tuple[str, str]) -> JsonObject:
        where = f"{describe(thing)}: conversion from {step[0]} to {step[1]}"
        outcome = jq.run([(self.steps[step], {})], input=thing, bindings={})[0]
        if outcome.error is not None:
            raise ConversionError(f"{where}: {outcome.error}")
        if len(outcome.value) != 1 or not isinstance(outcome.value[0], dict):
            raise ConversionError(f"{where}: must yield exactly one object, and yields {len(outcome.value)} values")
        group = f"{self.group}/" if self.group else ""
        converted = {**outcome.value[0], "apiVersion": f"{group}{step[1]}"}
        for name in ("kind", "metadata"):
            if not _kept(thing.get(name), converted.get(name)):
                raise ConversionError(
                    f"{where}: changes {name}, which must stay as it is but for labels and annotations"
                )
        return converted

    def round_trip(self, thing: JsonObject, version: str) -> list[JsonObject]:
        """What the way to a version and back changes, as a JSON Patch: empty when nothing is lost."""
        start = str(thing.get("apiVersion", "")).rpartition("/")[2]
        return diff(thing, self.convert(self.convert(thing, version), start))


def _kept(before: object, after: object) -> bool:
    """The API server refuses a conversion that changes more of the metadata than labels and annotations."""
    if isinstance(before, dict) and isinstance(after, dict):
        free = ("labels", "annotations")
        return same(
            {k: v for k, v in before.items() if k not in free}, {k: v for k, v in after.items() if k not in free}
        )
    return same(before, after)


def describe(thing: JsonObject) -> str:
    metadata = thing.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    where = "/".join(str(metadata[part]) for part in ("namespace", "name") if metadata.get(part))
    return f"{thing.get('kind', 'object')} {where}".strip()
