"""What our reports are called in either API, and by what they are known as ours.

Ours is what has our label and the name that we give. The name has the uid of an object in it, which nobody else has a
reason to use, so one of that name whose label somebody took away is ours still, and gets it back.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType
from typing import Final

from auditor.json import JsonObject
from auditor.model.resource import name_kind
from auditor.model.settings import ReportApi

SOURCE: Final = "auditor"
MANAGED_BY: Final = "app.kubernetes.io/managed-by"
KIND: Final = "auditor.dev/kind"
"""As a label `databases.db.example.com`, to choose reports by, or a hash of it where that is too long; as an annotation
always in full."""
LEFT_OUT: Final = "auditor.dev/not-listed"
"""An annotation: how many findings the report has no row for."""
SELECTOR: Final = f"{MANAGED_BY}={SOURCE}"

PREFIX: Final = "auditor-"
NAME: Final = re.compile(r"auditor-([0-9a-z]([0-9a-z-]{0,61}[0-9a-z])?)")
"""A uid is a UUID of 36 characters; what else an aggregated API server takes for one is no longer than a label."""

LABEL_LENGTH: Final = 63
"""Of a label's value; one that is longer breaks whole controllers that copy it."""
HASH_LENGTH: Final = 16
"""Digits: of a cluster's some thousand kinds two are alike once in 10^12."""


@dataclass(frozen=True, slots=True)
class Form:
    """One kind of report."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}"

    @property
    def crd(self) -> str:
        return name_kind(self.group, self.plural)


FORMS: Final[Mapping[ReportApi, tuple[Form, Form]]] = MappingProxyType(
    {
        ReportApi.OPENREPORTS: (
            Form("openreports.io", "v1alpha1", "Report", "reports", namespaced=True),
            Form("openreports.io", "v1alpha1", "ClusterReport", "clusterreports", namespaced=False),
        ),
        ReportApi.WGPOLICY: (
            Form("wgpolicyk8s.io", "v1alpha2", "PolicyReport", "policyreports", namespaced=True),
            Form("wgpolicyk8s.io", "v1alpha2", "ClusterPolicyReport", "clusterpolicyreports", namespaced=False),
        ),
    }
)
"""For objects in a namespace, and for those in none."""


def name_of(uid: str) -> str:
    return f"{PREFIX}{uid}"


def uid_of(report_name: str) -> str:
    """Of the object that a report of that name is about; empty if it is no name of ours."""
    found = NAME.fullmatch(report_name)
    return found[1] if found is not None else ""


def kind_name_of(report: JsonObject) -> str:
    """`plural.group` of the object that it is about; empty where somebody took it out."""
    return _annotation(report, KIND)


def left_out_of(report: JsonObject) -> int:
    """How many findings have no row in it."""
    text = _annotation(report, LEFT_OUT)
    return int(text) if text.isdecimal() and text.isascii() else 0


def make_label(text: str) -> str:
    """As it is where it can be a label's value, else its beginning and a hash."""
    if len(text) <= LABEL_LENGTH:
        return text
    digest = sha256(text.encode()).hexdigest()[:HASH_LENGTH]
    return f"{text[: LABEL_LENGTH - HASH_LENGTH - 1].rstrip('-._')}-{digest}"


def _annotation(report: JsonObject, name: str) -> str:
    metadata = report.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    value = annotations.get(name) if isinstance(annotations, dict) else None
    return value if isinstance(value, str) else ""
