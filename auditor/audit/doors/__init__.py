"""What the doors decided: collected from their operations ports, as they keep it for a while only.

`Doors` finds them and asks each in a thread of its own; what is new goes to whoever takes it. Nothing is kept on disk.
"""

from auditor.audit.doors.books import Collected
from auditor.audit.doors.doors import Doors, DoorsStatus
from auditor.audit.doors.endpoints import DoorService
from auditor.audit.doors.follower import DoorStatus
from auditor.audit.doors.page import Counts
from auditor.audit.doors.pardons import KEPT, MOST, Pardon, Pardons, make_key

__all__ = [
    "KEPT",
    "MOST",
    "Collected",
    "Counts",
    "DoorService",
    "DoorStatus",
    "Doors",
    "DoorsStatus",
    "Pardon",
    "Pardons",
    "make_key",
]
