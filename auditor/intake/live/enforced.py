"""Since when rules deny, as the door notes it in the status of policies."""

from collections.abc import Mapping
from datetime import datetime

from auditor.cluster.access import dig, dig_list, dig_text, dig_time
from auditor.cluster.informer import Informer
from auditor.cluster.listwatch import Version
from auditor.json import JsonObject

Since = Mapping[str, datetime]


class EnforcedSince:
    """Reads the status of a policy once for each of its versions. From any thread."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Version, Since]] = {}

    def read(self, policies: Informer) -> Mapping[tuple[str, str], datetime]:
        found: dict[tuple[str, str], datetime] = {}
        known: dict[str, tuple[Version, Since]] = {}
        for key in policies.keys():  # noqa: SIM118 - an informer is no dict
            version, before = policies.version(key), self._known.get(key)
            if version is None:
                continue
            if before is None or before[0] != version:
                thing = policies.get_key(key)
                before = (version, {} if thing is None else read_since(thing))
            known[key] = before
            found |= {(key, rule): time for rule, time in before[1].items()}
        self._known = known
        return found


def read_since(policy: JsonObject) -> Since:
    """By rule. A status that speaks of an earlier form of the policy says nothing of this one."""
    if dig(policy, "status", "observedGeneration") != dig(policy, "metadata", "generation"):
        return {}
    found = {}
    for each in dig_list(policy, "status", "enforcedSince"):
        rule, time = dig_text(each, "rule"), dig_time(each, "time")
        if rule and time is not None:  # the door writes none that cannot be read
            found[rule] = time
    return found
