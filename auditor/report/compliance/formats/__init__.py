"""How a compliance report is written: a module for each form, and one text for all they tell (`tell`)."""

from collections.abc import Callable, Mapping

from auditor.report.compliance.formats.csv import write as write_csv
from auditor.report.compliance.formats.html import write as write_html
from auditor.report.compliance.formats.json import write as write_json
from auditor.report.compliance.formats.markdown import write as write_markdown
from auditor.report.compliance.tree import Compliance

FORMATS: Mapping[str, Callable[[Compliance], str]] = {
    "markdown": write_markdown,
    "html": write_html,
    "csv": write_csv,
    "json": write_json,
}
