"""Compliance reports: what the history says of one cluster, one period and one scope, the same whenever it is asked.

`make_report` gives a tree of values; `formats` write it. Imports the history and what lies below `report`; only reads.
"""

from auditor.report.compliance.make import Options, make_report
from auditor.report.compliance.period import Period, read_period
from auditor.report.compliance.scope import Scope
from auditor.report.compliance.tree import Compliance

__all__ = ["Compliance", "Options", "Period", "Scope", "make_report", "read_period"]
