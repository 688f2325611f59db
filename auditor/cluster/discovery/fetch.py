"""Asks an API server for all of its kinds: in two calls where it can, else one for each group and version."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import orjson

from auditor.cluster.discovery.catalog import Catalog
from auditor.cluster.discovery.documents import AGGREGATED, Served, read_resources, read_root
from auditor.cluster.resource import Resource
from auditor.errors import ClusterError, NotFoundError
from auditor.json import Json

Ask = Callable[[str, str], bytes]
"""(path, Accept) -> answer. Raises ClusterError."""

AT_ONCE = 8
"""Groups that are asked at the same time: an old server with 100 of them at 50 ms each answers within a second."""


def fetch(ask: Ask) -> Catalog:
    """A group that does not answer is in `broken`, with the reason, and the others are there all the same."""
    found = [served for root in ("/api", "/apis") for served in _ask_root(ask, root)]
    failed: dict[str, ClusterError] = {}
    unknown = [served for served in found if served.resources is None]
    answers: dict[Served, tuple[Resource, ...]] = {}
    if unknown:
        with ThreadPoolExecutor(min(AT_ONCE, len(unknown)), "discovery") as pool:
            for served, answer in zip(unknown, pool.map(lambda s: _ask_version(ask, s), unknown), strict=True):
                if isinstance(answer, ClusterError):
                    failed[served.api_version] = answer
                else:
                    answers[served] = answer
    resources = [r for served in found for r in (served.resources or answers.get(served, ()))]
    if failed and not resources:  # then it is the server that is broken, not a group
        raise next(iter(failed.values()))
    return Catalog(resources, {api_version: str(error) for api_version, error in failed.items()})


def _ask_root(ask: Ask, path: str) -> list[Served]:
    try:
        answer = ask(path, AGGREGATED)
    except NotFoundError:  # servers with CRDs alone have no /api
        return []
    served = read_root(_parse(answer))
    if served is None:
        raise ClusterError(f"discover {path}: the answer is no list of API groups. Is it an API server of Kubernetes?")
    return served


def _ask_version(ask: Ask, served: Served) -> tuple[Resource, ...] | ClusterError:
    path = f"/apis/{served.group}/{served.version}" if served.group else f"/api/{served.version}"
    try:
        resources = read_resources(served.group, served.version, _parse(ask(path, "application/json")))
    except ClusterError as error:
        return error
    return ClusterError(f"discover {path}: the answer is no list of resources") if resources is None else resources


def _parse(answer: bytes) -> Json:
    try:
        return orjson.loads(answer)
    except orjson.JSONDecodeError:
        return None
