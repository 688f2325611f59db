"""The operations port of our services, plain HTTP: whether one lives, whether it is ready, what it has counted.

Knows nothing of policies and imports nothing of ours but auditor.errors: the door and the watcher have one each.
"""

from auditor.operations.app import Check, Page, Show, make_operations_app
from auditor.operations.listen import Listen
from auditor.operations.server import OperationsServer
from auditor.operations.vitals import Vitals

__all__ = ["Check", "Listen", "OperationsServer", "Page", "Show", "Vitals", "make_operations_app"]
