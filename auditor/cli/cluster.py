"""How a command finds its cluster: the options that kubectl has, the same for all commands."""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import click

from auditor.dataclass import dataclass
from auditor.json import JsonObject

if TYPE_CHECKING:
    from auditor.cluster import Client, Settings

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Cluster:
    """Nothing is read or asked before `connect`: a command that needs no cluster does not pay for one."""

    kubeconfig: str = ""
    context: str = ""
    as_user: str = ""
    as_groups: tuple[str, ...] = ()
    as_uid: str = ""
    request_timeout: float = 60.0

    def settings(self) -> "Settings":
        from auditor.cluster import Settings

        return Settings(
            kubeconfig=self.kubeconfig,
            context=self.context,
            as_user=self.as_user,
            as_groups=self.as_groups,
            as_uid=self.as_uid,
            read_timeout=self.request_timeout,
        )

    def connect(self, component: str) -> "Client":
        """`component` says in the API server's audit log which of our programs asks."""
        from auditor.cluster import connect

        return connect(self.settings(), component=component)


OPTIONS = (
    click.option(
        "--kubeconfig", default="", metavar="FILE", help="Default: $KUBECONFIG, ~/.kube/config, the pod's account."
    ),
    click.option("--context", default="", metavar="NAME", help="Of the kubeconfig. Default: its current context."),
    click.option("--as", "as_user", default="", metavar="USER", help="Act as this user."),
    click.option("--as-group", "as_groups", multiple=True, metavar="GROUP", help="Act as a member; repeatable."),
    click.option("--as-uid", default="", metavar="UID", help="Act as the user with this uid."),
    click.option(
        "--request-timeout",
        type=click.FloatRange(min=0.1),
        default=Cluster.__dataclass_fields__["request_timeout"].default,
        show_default=True,
        metavar="SECONDS",
        help="How long the API server may stay silent.",
    ),
)


def cluster_options(command: Callable[P, R]) -> Callable[..., R]:
    """The command gets them together, as its argument `cluster`."""

    @functools.wraps(command)
    def with_cluster(*args: P.args, **options: P.kwargs) -> R:
        found: JsonObject = {name: options.pop(name) for name in Cluster.__slots__}
        options["cluster"] = Cluster(**found)
        return command(*args, **options)

    for option in reversed(OPTIONS):
        with_cluster = option(with_cluster)
    return with_cluster
