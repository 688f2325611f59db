"""values.yaml as what it says: each value with its description, and the schema that follows from it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from auditor.json import Json, JsonObject

CHART: Final = Path(__file__).parents[3] / "deploy" / "chart"
_LINE = re.compile(r"( *)([A-Za-z][A-Za-z0-9]*):")
_QUANTITY: Final = r"^[0-9]+(\.[0-9]+)?(m|[kKMGTPE]i?)?$"
_NAME: Final = r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$"
_KINDS: Final = {
    "items": {
        "type": "object",
        "required": ["group", "resources"],
        "properties": {
            "group": {"type": "string"},
            "resources": {"type": "array", "minItems": 1, "items": {"type": "string"}},
        },
        "additionalProperties": False,
    }
}
_QUANTITIES: Final = {
    "type": "object",
    "additionalProperties": {"type": ["string", "number"], "pattern": _QUANTITY},
}
_RESOURCES: Final = {
    "properties": {"requests": _QUANTITIES, "limits": _QUANTITIES, "claims": {"type": "array"}},
    "additionalProperties": False,
}
_PORT: Final = {"minimum": 1, "maximum": 65535}
# What API servers take in no other form. They are asked after half of the installation is there.
_WORDS: Final = {"additionalProperties": {"type": "string"}}
_OWN_LABELS: Final = r"^(app\.kubernetes\.io/(name|instance|component|part-of|version|managed-by)|helm\.sh/chart)$"
_LABELS: Final = {**_WORDS, "patternProperties": {_OWN_LABELS: False}}
_NAMED_PARTS: Final = {"items": {"type": "object", "required": ["name"]}}
_OBJECTS: Final = {"items": {"type": "object"}}
_ENDINGS: Final[Mapping[str, JsonObject]] = {
    "nodeSelector": _WORDS,
    "nnotations": _WORDS,
    "Labels": _LABELS,
    ".labels": _LABELS,
    "extraArgs": {"items": {"type": "string"}},
    "extraEnv": _NAMED_PARTS,
    "extraVolumes": _NAMED_PARTS,
    "extraVolumeMounts": _NAMED_PARTS,
    "tolerations": _OBJECTS,
    "topologySpreadConstraints": _OBJECTS,
    "From": _OBJECTS,
    "egress.extra": _OBJECTS,
}

# What the default does not say of a value. All else follows from it: its type, and that nothing below 0 is meant.
SHAPES: Final[Mapping[str, JsonObject]] = {
    "nameOverride": {"pattern": r"^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$"},
    "listen": {"pattern": r"^(0\.0\.0\.0|\[::\])$"},
    "imagePullSecrets": _NAMED_PARTS,
    "image.digest": {"pattern": "^(sha256:[0-9a-f]{64})?$"},
    "image.repository": {"minLength": 1},
    "image.pullPolicy": {"enum": ["Always", "IfNotPresent", "Never"]},
    "logs.format": {"enum": ["text", "json"]},
    "logs.verbosity": {"maximum": 2},
    "reportCrds.apis": {"items": {"enum": ["openreports.io", "wgpolicyk8s.io"]}},
    "webhook.port": _PORT,
    "webhook.crdImpact": {"enum": ["off", "warn", "deny"]},
    "webhook.drainSeconds": {"type": "number", "maximum": 60},
    "webhook.owner": {"pattern": "^([A-Za-z.0-9-]+/[^/]+)?$"},
    "webhook.autoscaling.minReplicas": {"minimum": 1},
    "webhook.autoscaling.maxReplicas": {"minimum": 1},
    "webhook.autoscaling.targetCPU": {"minimum": 1},
    "webhook.resources": _RESOURCES,
    "watcher.resources": _RESOURCES,
    "dashboard.resources": _RESOURCES,
    "watcher.resyncHours": {"type": "number", "exclusiveMinimum": 0, "maximum": 168},
    "watcher.persistence.size": {"pattern": _QUANTITY},
    "dashboard.access": {"enum": ["token", "proxy"]},
    "dashboard.publicUrl": {"pattern": "^(https?://[^/]+/?)?$"},
    "dashboard.reportGroup": {"enum": ["openreports.io", "wgpolicyk8s.io"]},
    "certificates.certManager.issuerRef": _WORDS,
    "certificates.certManager.duration": {"pattern": "^([0-9]+(h|m|s))+$"},
    "certificates.mode": {"enum": ["own", "cert-manager", "secret"]},
    "networkPolicy.egress.apiServerPorts": {"items": {"type": "integer", **_PORT}},
    "metrics.interval": {"pattern": "^[0-9]+(ms|s|m|h)$"},
    "rbac.kinds": _KINDS,
    "rbac.lookups": _KINDS,
    "rbac.conversions": {"items": {"type": "string"}},
    "rbac.secrets": {"items": {"type": "string"}},
}
_NAMED: Final = ("Secret", "existingSecret", "existingClaim", "storageClass", "className", "priorityClassName")


@dataclass(frozen=True, slots=True)
class Value:
    path: str
    """webhook.replicas"""
    default: Json
    description: str

    def schema(self) -> JsonObject:
        default, shape = self.default, SHAPES.get(self.path, {})
        kinds: Mapping[type, JsonObject] = {
            bool: {"type": "boolean"},
            int: {"type": "integer", "minimum": 0},
            str: {"type": "string"},
            list: {"type": "array"},
            dict: {"type": "object"},
        }
        named: JsonObject = {"pattern": _NAME} if self.path.endswith(_NAMED) else {}
        for ending, form in _ENDINGS.items():
            if isinstance(default, dict | list) and self.path.endswith(ending):
                named |= form
        return {"description": self.description, **kinds[type(default)], **named, **shape}


def read_values() -> list[Value]:
    """In their order. A mapping whose parts have no description of their own is one value, with its default."""
    text = (CHART / "values.yaml").read_text()
    return list(_walk("", yaml.safe_load(text), _describe(text)))


def make_schema(values: list[Value]) -> JsonObject:
    schema: JsonObject = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Values of the chart auditor",
        "type": "object",
        # `global` is what a chart around this one hands to all of its parts, `enabled` how it mostly leaves one out.
        "properties": {
            "global": {"type": "object", "description": "Of a chart around this one; not used."},
            "enabled": {"type": "boolean", "description": "Of a chart around this one, for its condition; not used."},
        },
        "additionalProperties": False,
    }
    for value in values:
        *groups, name = value.path.split(".")
        place = schema
        for group in groups:
            place = place["properties"].setdefault(
                group, {"type": "object", "properties": {}, "additionalProperties": False}
            )
        place["properties"][name] = value.schema()
    return schema


def _walk(path: str, found: JsonObject, told: Mapping[str, str]) -> Iterator[Value]:
    for key, default in found.items():
        here = f"{path}.{key}" if path else key
        if isinstance(default, dict) and any(each.startswith(f"{here}.") for each in told):
            yield from _walk(here, default, told)
        else:
            yield Value(here, default, told.get(here, ""))


def _describe(text: str) -> dict[str, str]:
    """The comment right above each key."""
    told: dict[str, str] = {}
    above: list[str] = []
    path: list[tuple[int, str]] = []
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            above.append(line.lstrip(" #"))
            continue
        if match := _LINE.match(line):
            indent = len(match[1])
            path = [*(each for each in path if each[0] < indent), (indent, match[2])]
            if above:
                told[".".join(name for _, name in path)] = " ".join(above)
        above = []
    return told
