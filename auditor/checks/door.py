"""What does not come to the door, or is admitted there whatever it is."""

from typing import Final

from auditor.model.request import Request

LEFT_ALONE: Final = "kube-system"
"""Its requests do not come to the webhook, nor do those of our own namespace: see the registration."""


def is_left_alone(request: Request) -> bool:
    return request.namespace in (LEFT_ALONE, request.world.own_namespace)


def may_be_excluded(manager: str, request: Request) -> bool:
    """Users leave no trace in managedFields, only the name that their client gives itself. Of service accounts and the
    API server's own parts it mostly is the last part of the user's name; rather too many than too few."""
    return any(manager == user.rpartition(":")[2] for user in request.world.excluded_users)
