"""What the cluster has now of the object of a finding. Nothing of it is kept.

It is read by the dashboard's own rights, and only where the API server says that the visitor may get it themselves.
Values that look secret, and those of rules that are sensitive, are not shown.
"""

from auditor.dashboard.now.objects import Objects

__all__ = ["Objects"]
