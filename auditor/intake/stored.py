"""A stored object as the engine judges it: as it is stored, as a CREATE without a user."""

from datetime import datetime

from auditor.engine.engine import Engine
from auditor.intake.versions import Ways, join, split
from auditor.json import JsonObject
from auditor.model.finding import Verdict
from auditor.model.request import GroupVersionKind, GroupVersionResource, Operation, Origin, Request
from auditor.model.world import World


def ask_stored(
    thing: JsonObject,
    resource: GroupVersionResource,
    *,
    namespaced: bool,
    world: World,
    namespace_object: JsonObject | None,
    time: datetime,
) -> Request:
    metadata = thing["metadata"]
    name, namespace = metadata["name"], metadata.get("namespace") or ""
    if resource.group == "" and resource.resource == "namespaces":
        namespace = name  # so says the API server of requests about namespaces
    return Request(
        operation=Operation.CREATE,
        kind=GroupVersionKind(resource.group, resource.version, thing["kind"]),
        resource=resource,
        object=thing,
        name=name,
        namespace=namespace,
        namespaced=namespaced,
        origin=Origin.STORED,
        namespace_object=namespace_object,
        world=world,
        time=time,
    )


def judge_stored(engine: Engine, request: Request, ways: Ways | None, *, passes: bool = True) -> Verdict:
    """Without mutations: what is stored has seen them.

    Each policy sees the object in the version that it names. Without `ways` all policies are known to want the
    object's own version, or to name none: asking that anew for each of ten thousand objects would cost.
    """
    if ways is None:
        return engine.judge(request, passes=passes)
    parts, errors = split(engine, request, ways)
    return join(errors, [part.judge(converted, passes=passes) for part, converted in parts])
