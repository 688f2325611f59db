"""The CRDs of reports: created where the cluster has none. They belong to all who write reports, and not to us."""

import time
from collections.abc import Callable
from typing import Final

import yaml

from auditor import crds
from auditor.cluster import Client
from auditor.cluster.access import dig_list, dig_text
from auditor.cluster.conditions import find_condition
from auditor.cluster.discovery import Discovery
from auditor.cluster.resource import CRDS
from auditor.errors import AlreadyExistsError, ClusterError, UnknownKindError
from auditor.json import JsonObject
from auditor.model.settings import ReportApi
from auditor.report.crs import FORMS, Form

PATIENCE: Final = 15.0
"""Seconds until a CRD is established. An idle API server takes some tenths; its slowest controller looks every 10 s."""
STEP: Final = 0.1
"""Seconds between two looks."""


def install_report_crds(
    client: Client,
    api: ReportApi,
    *,
    patience: float = PATIENCE,
    clock: Callable[[], float] = time.monotonic,
    wait: Callable[[float], object] = time.sleep,
) -> bool:
    """True if one had to be created. Returns when objects of both kinds can be written; ClusterError: never so far.

    What is there is left as it is, whoever made it and in whatever version: a CRD, or an aggregated API server.
    """
    if api is ReportApi.NONE:
        return False
    discovery = Discovery(client)
    created = False
    wanted = {crd["metadata"]["name"]: crd for crd in yaml.safe_load_all(crds.read_reports(api))}
    deadline = clock() + patience
    for form in FORMS[api]:
        if not _served(discovery, form):
            created = _create(client, wanted[form.crd]) or created
            _wait_established(client, form.crd, lambda: clock() < deadline, wait)
    return created


def _served(discovery: Discovery, form: Form) -> bool:
    try:
        discovery.find_exact(form.api_version, form.kind)
    except UnknownKindError:
        # An aggregated API server that is away has its group still, and a CRD would be none of its business.
        return form.api_version in discovery.broken
    return True


def _create(client: Client, crd: JsonObject) -> bool:
    try:
        client.create(CRDS, crd)
    except AlreadyExistsError:  # somebody was faster, or it is there and not established yet
        return False
    return True


def _wait_established(client: Client, name: str, waiting: Callable[[], bool], wait: Callable[[float], object]) -> None:
    while True:
        conditions = dig_list(client.get(CRDS, name), "status", "conditions")
        if dig_text(find_condition(conditions, "Established"), "status") == "True":
            return
        if not waiting():
            names = dig_text(find_condition(conditions, "NamesAccepted"), "message")
            raise ClusterError(f"the CRD {name} was created, but is not established{f': {names}' if names else ''}")
        wait(STEP)
