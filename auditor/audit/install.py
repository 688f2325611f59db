"""The CRDs of reports: created where the cluster has none. They belong to all who write reports, and not to us."""

import time
from typing import Final

import yaml

from auditor import crds
from auditor.cluster import Client
from auditor.cluster.discovery import Discovery
from auditor.cluster.discovery.established import wait_established
from auditor.cluster.resource import CRDS
from auditor.errors import AlreadyExistsError, UnknownKindError
from auditor.json import JsonObject
from auditor.model.settings import ReportApi
from auditor.report.crs import FORMS, Form

PATIENCE: Final = 15.0
"""Seconds until a CRD is established. An idle API server takes some tenths; its slowest controller looks every 10 s."""


def install_report_crds(client: Client, api: ReportApi) -> bool:
    """True if one had to be created. Returns when objects of both kinds can be written; ClusterError: never so far.

    What is there is left as it is, whoever made it and in whatever version: a CRD, or an aggregated API server.
    """
    if api is ReportApi.NONE:
        return False
    discovery = Discovery(client)
    created = False
    wanted = {crd["metadata"]["name"]: crd for crd in yaml.load_all(crds.read_reports(api), yaml.CSafeLoader)}
    deadline = time.monotonic() + PATIENCE
    for form in FORMS[api]:
        if not _served(discovery, form):
            created = _create(client, wanted[form.crd]) or created
            wait_established(client, form.crd, until=deadline)
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
