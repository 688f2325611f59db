"""A CRD that was just written is served a moment later: who makes objects of its kind waits for that."""

import time
from collections.abc import Callable
from typing import Final

from auditor.cluster.access import dig_list, dig_text
from auditor.cluster.client import Client
from auditor.cluster.conditions import find_condition
from auditor.cluster.resource import CRDS
from auditor.errors import ClusterError

STEP: Final = 0.1
"""Seconds between two looks. It takes the API server about one."""


def wait_established(
    client: Client,
    name: str,
    *,
    until: float,
    wait: Callable[[float], object] = time.sleep,
) -> None:
    """Raises ClusterError where it is not by that time of the monotonic clock."""
    while True:
        conditions = dig_list(client.get(CRDS, name), "status", "conditions")
        if dig_text(find_condition(conditions, "Established"), "status") == "True":
            return
        if time.monotonic() >= until:
            names = dig_text(find_condition(conditions, "NamesAccepted"), "message")
            raise ClusterError(f"the CRD {name} is there, but not established{f': {names}' if names else ''}")
        wait(STEP)
