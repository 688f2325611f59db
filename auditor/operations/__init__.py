"""The operations port of our services, plain HTTP: whether one lives, whether it is ready, what it has counted.

Knows nothing of policies and imports nothing of ours: the door and the watcher have one each.
"""

from auditor.operations.app import Check, Page, make_operations_app
from auditor.operations.server import OperationsServer

__all__ = ["Check", "OperationsServer", "Page", "make_operations_app"]
