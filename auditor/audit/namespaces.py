"""What a change of a namespace means to its objects: who may judge them otherwise now."""

import functools
from collections.abc import Callable
from typing import Final

from auditor.cluster.informer import Change, Notice
from auditor.cluster.stores import Keep
from auditor.engine.compiled import CompiledPolicy
from auditor.json import JsonObject
from auditor.model.policy import Language

WITH_MANAGERS: Final = Keep(whole=True, managed_fields=True)
"""When their labels were written says since when a rule can have been in force there."""


def find_askers(notice: Notice) -> Callable[[CompiledPolicy], bool] | None:
    """Which policies may; None: none of them. A new namespace concerns them, too, also by a list after a break: its
    objects may have come before it. An object that is a namespace changes itself."""
    old, new = notice.old, notice.object
    if notice.resync or notice.change is Change.DELETED or new is None:
        return None
    relabelled, rewritten = old is None or _labels(old) != _labels(new), _content(old) != _content(new)
    if not relabelled and not rewritten:
        return None
    return functools.cache(lambda policy: (relabelled and asks_labels(policy)) or asks_namespace(policy))


def _labels(namespace: JsonObject) -> object:
    return (namespace.get("metadata") or {}).get("labels")


def _content(namespace: JsonObject | None) -> object:
    """What a rule may read of it, but for what the server notes at each write."""
    if namespace is None:
        return None
    noted = ("managedFields", "resourceVersion", "generation")
    metadata = {name: each for name, each in (namespace.get("metadata") or {}).items() if name not in noted}
    return {**namespace, "metadata": metadata}


def asks_labels(policy: CompiledPolicy) -> bool:
    """Whether it may judge otherwise when the labels of a namespace change."""
    source = policy.policy
    return bool(
        any(match.namespaces.requirements for match in source.matches)
        or source.overrides
        or source.exceptions is not None
        or asks_namespace(policy)
    )


def asks_namespace(policy: CompiledPolicy) -> bool:
    """Whether its rules read the Namespace object: then its annotations count, too."""
    source = policy.policy
    return bool(
        "namespaceObject" in policy.names
        or any(
            each.language in (Language.JQ, Language.DENY) and "$namespace" in str(each.body) for each in source.rules
        )
        or any("$namespace" in str(each.body) for each in source.mutations)
    )
