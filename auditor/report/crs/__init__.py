"""Reports as custom resources, as others in this ecosystem write and read them: one for each object with findings.

`build` makes the report of one object, for either API; `content_of_report` says what of one in the cluster counts.
Pure: nothing here talks to a cluster, and the same findings make the same report.
"""

from auditor.report.crs.build import build
from auditor.report.crs.content import content_of_report
from auditor.report.crs.forms import FORMS, MANAGED_BY, SELECTOR, Form, kind_name_of, left_out_of, name_of, uid_of

__all__ = [
    "FORMS",
    "MANAGED_BY",
    "SELECTOR",
    "Form",
    "build",
    "content_of_report",
    "kind_name_of",
    "left_out_of",
    "name_of",
    "uid_of",
]
