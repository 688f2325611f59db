"""How a report, or news of findings, gets to somebody: into a file, by e-mail, to a webhook.

Each way is a frozen value with all that it needs to know, passwords too, and one method: `deliver(parcel)`. It raises
DeliveryError if it cannot say that the receiver has it, and whoever calls tries again with the same parcel. Knows no
Kubernetes, and keeps nothing: what is to be tried again is remembered elsewhere.
"""

from auditor.report.delivery.folder import Folder
from auditor.report.delivery.hook import Hook
from auditor.report.delivery.mail import Mail, Security
from auditor.report.delivery.parcel import DeliveryError, Parcel, Sheet, Way

__all__ = ["DeliveryError", "Folder", "Hook", "Mail", "Parcel", "Security", "Sheet", "Way"]
