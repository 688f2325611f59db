"""What `auditor dashboard` may do in a cluster, and why: the one place where that is written."""

from auditor.cluster.resource import CRDS, NAMESPACES
from auditor.dashboard.access import rights, tokens
from auditor.intake.kinds import POLICIES
from auditor.model.rights import Right


def list_dashboard_rights(*, tokens_asked: bool = True) -> tuple[Right, ...]:
    """`tokens_asked`: it is run with `--access token`; behind a proxy, users are who the proxy says they are."""
    asked = (
        Right(
            group=tokens.REVIEWS.group,
            resources=(tokens.REVIEWS.plural,),
            verbs=("create",),
            why="whose token it is that a visitor shows",
        ),
    )
    return (
        *(asked if tokens_asked else ()),
        Right(
            group=rights.REVIEWS.group,
            resources=(rights.REVIEWS.plural,),
            verbs=("create",),
            why="in which namespaces a visitor may list reports: only those are shown",
        ),
        Right(group="", resources=(NAMESPACES.plural,), verbs=("list",), why="which namespaces there are to ask about"),
        Right(
            group="",
            resources=(NAMESPACES.plural,),
            verbs=("get",),
            names=("kube-system",),
            why="its uid tells that history and cluster belong together",
        ),
    )


def list_object_rights() -> tuple[Right, ...]:
    """With which pages show the objects of findings, beside `get` on these: to those who may get them themselves."""
    whys = (
        (POLICIES, "what a policy would change in the object of a finding, and what of it is not to be shown"),
        (CRDS, "the schemas of the objects that are shown"),
        (NAMESPACES, "whether a policy is about the namespace of an object that is shown"),
    )
    return tuple(Right(group=each.group, resources=(each.plural,), verbs=("get",), why=why) for each, why in whys)
