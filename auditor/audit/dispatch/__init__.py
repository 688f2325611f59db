"""What goes out by itself: reports by schedule, and news of findings. Here is what both do alike.

What is still to be delivered stands in the status of the object that asks for it, so it survives whatever ends a
watcher. An attempt is claimed there before it is made. What is sent stands nowhere: it is made again of the history.
"""

from auditor.audit.dispatch.courier import Courier
from auditor.audit.dispatch.dispatcher import Dispatcher

__all__ = ["Courier", "Dispatcher"]
