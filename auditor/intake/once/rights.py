"""What `auditor scan --cluster` may do in a cluster, and why: the one place where that is written.

What it reads of the kinds that policies are about is added to this: see `intake/reach`.
"""

from auditor.cluster.resource import CRDS, NAMESPACES
from auditor.engine.native import NATIVE_GROUP
from auditor.intake.kinds import CONFIGS, CONVERSIONS, EXCEPTIONS, POLICIES
from auditor.intake.live.native import BINDINGS, NATIVE
from auditor.model.rights import Right

LIST = ("list",)


def list_scan_rights() -> tuple[Right, ...]:
    native = tuple(each.plural for each in (*NATIVE, *BINDINGS))
    ours = tuple(each.plural for each in (POLICIES, EXCEPTIONS, CONVERSIONS, CONFIGS))
    return (
        Right(group=CRDS.group, resources=(CRDS.plural,), verbs=LIST, why="which kinds there are, and their schemas"),
        Right(group="", resources=(NAMESPACES.plural,), verbs=LIST, why="their labels, by which policies select"),
        Right(group=POLICIES.group, resources=ours, verbs=LIST, why="by which it is judged"),
        Right(group=NATIVE_GROUP, resources=native, verbs=LIST, why="native policies judge, too"),
    )
