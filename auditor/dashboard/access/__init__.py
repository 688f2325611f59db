"""Who may see what. Each way in gives a `Visitor`, whose `Scope` every question to the history is narrowed to.

Imports `cluster` and the scope; knows nothing of pages. What cannot be found out is an error, and shows nothing.
"""

from auditor.dashboard.access.entrance import Entrance, Refused, Visitor
from auditor.dashboard.access.links import LinkEntrance
from auditor.dashboard.access.proxy import Certificates, Proof, ProxyEntrance, Secret
from auditor.dashboard.access.rights import ReportGroup, Rights
from auditor.dashboard.access.tokens import TokenEntrance, Tokens

__all__ = [
    "Certificates",
    "Entrance",
    "LinkEntrance",
    "Proof",
    "ProxyEntrance",
    "Refused",
    "ReportGroup",
    "Rights",
    "Secret",
    "TokenEntrance",
    "Tokens",
    "Visitor",
]
