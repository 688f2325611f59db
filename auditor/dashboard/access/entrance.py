"""A way in: it says who a request comes from, and what may be shown to them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from flask import Flask, Request

from auditor.cluster import Resource
from auditor.report.compliance import Scope

MayGet: TypeAlias = Callable[[Resource, str, str], bool]
"""Whether somebody may get an object themselves: its kind, namespace and name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    name: str
    scope: Scope
    may_get: MayGet | None = None
    """None: nobody can be asked, and nothing is read for them."""
    session: str = ""
    """What proves that a form was ours; empty: there is nothing to post, because no cookie says who they are."""


class Refused(Exception):  # noqa: N818 - it is an answer
    """Who asks is not known. The text says how to get in."""


class Entrance(Protocol):
    def identify(self, request: Request) -> Visitor:
        """Raises Refused; ClusterError where it could not be found out."""

    def mount(self, app: Flask) -> None:
        """The routes of its own, if any: they need no visitor."""
