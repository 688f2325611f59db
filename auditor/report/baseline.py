"""What was found before, and is known: a file of fingerprints, so that a run can tell what is new."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import orjson

from auditor.dataclass import dataclass
from auditor.errors import UsageError
from auditor.intake.found import Scan
from auditor.intake.judged import Judged
from auditor.json import Json, JsonObject
from auditor.model.finding import Finding, Result

VERSION: Final = 1
_KEPT: Final = ("fail", "warn")
"""An error is not known to be a violation, so nobody can have accepted it; what is excused or passes needs none."""

Baseline = Mapping[str, JsonObject]
"""By fingerprint, what the file says of each."""


@dataclass(frozen=True, slots=True)
class Comparison:
    known: frozenset[str]
    gone: Sequence[JsonObject] = ()
    """What the baseline has and the scan did not find any more."""


def read_baseline(path: str) -> Baseline:
    """A file that `render_baseline` made, or the JSON of a scan. Raises UsageError for all else."""
    try:
        document: Json = orjson.loads(Path(path).read_bytes())
    except OSError as error:
        raise UsageError(f"--baseline {path}: cannot be read: {error.strerror}. --write-baseline makes it") from error
    except ValueError as error:
        raise UsageError(f"--baseline {path}: is no JSON: {error}") from error
    found = document.get("findings") if isinstance(document, dict) else None
    if not isinstance(found, list) or not all(map(_is_entry, found)):
        raise UsageError(f"--baseline {path}: is no baseline: there must be findings, each with its fingerprint")
    if document.get("version", VERSION) != VERSION:
        raise UsageError(f"--baseline {path}: is of version {document['version']}, this program reads {VERSION}")
    return {each["fingerprint"]: each for each in found if each.get("result", "fail") in _KEPT}


def render_baseline(scan: Scan) -> str:
    """In order, one line each: a file that lives in a repository has readable differences."""
    entries = {f.fingerprint: _describe(judged, f) for judged, f in scan.findings() if f.result in _KEPT}
    ordered = sorted(
        entries.values(), key=lambda e: (e["resource"], e["policy"], e["rule"], e["path"], e["fingerprint"])
    )
    lines = ",\n".join(f"    {_dump(each)}" for each in ordered)
    return f'{{\n  "version": {VERSION},\n  "findings": [{f"{chr(10)}{lines}{chr(10)}  " if lines else ""}]\n}}\n'


def compare(scan: Scan, baseline: Baseline) -> Comparison:
    """A finding that is excused now is not gone, nor is one whose rule could not be evaluated on that object."""
    there = {finding.fingerprint for _, finding in scan.findings()}
    unsure = {(f.policy, name_resource(judged)) for judged, f in scan.findings() if f.result is Result.ERROR}
    gone = [
        entry
        for fingerprint, entry in baseline.items()
        if fingerprint not in there and (entry.get("policy"), _resource_of(entry)) not in unsure
    ]
    known = {f.fingerprint for _, f in scan.findings() if f.result in _KEPT and f.fingerprint in baseline}
    return Comparison(frozenset(known), gone)


def tell_entry(entry: JsonObject) -> str:
    rule = "/".join(str(entry[part]) for part in ("policy", "rule") if entry.get(part))
    place = f" at {entry['path']}" if entry.get("path") else ""
    return f"{_resource_of(entry)}: {rule or entry['fingerprint']}{place}"


def name_resource(judged: Judged) -> str:
    return str(judged.subject)


def _describe(judged: Judged, finding: Finding) -> JsonObject:
    return {
        "fingerprint": finding.fingerprint,
        "resource": name_resource(judged),
        "policy": finding.policy,
        "rule": finding.rule,
        "path": finding.path,
    }


def _resource_of(entry: JsonObject) -> str:
    """A baseline has it as text, the JSON of a scan in parts."""
    resource = entry.get("resource")
    if not isinstance(resource, dict):
        return str(resource or "")
    kind, namespace, name = (str(resource.get(part) or "") for part in ("kind", "namespace", "name"))
    return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"


def _is_entry(value: Json) -> bool:
    return isinstance(value, dict) and isinstance(value.get("fingerprint"), str)


def _dump(entry: JsonObject) -> str:
    whole = {name: value.encode(errors="replace").decode() for name, value in entry.items()}
    return orjson.dumps(whole).decode()
