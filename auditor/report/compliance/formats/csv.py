"""All tables in one, for spreadsheets: the first column says which a row is of. No cell can be taken for a formula."""

import csv
import io

from auditor.report.compliance.cells import show
from auditor.report.compliance.formats.json import make_digest
from auditor.report.compliance.tell import tell
from auditor.report.compliance.tree import Compliance
from auditor.report.formats.csv import guard


def write(report: Compliance) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for section in tell(report):
        writer.writerow([section.name, *section.heads])
        # A change like +1.5 points, too: a spreadsheet would compute it, and fail.
        writer.writerows([section.name, *(guard(show(cell)) for cell in row)] for row in section.rows)
        if section.left:
            writer.writerow([section.name, f"and {section.left} more"])
    writer.writerow(["report", "what", "value"])
    writer.writerow(["report", "made at", show(report.made.at)])
    writer.writerow(["report", "made by", guard(report.made.by)])
    writer.writerow(["report", "digest", f"sha256:{make_digest(report)}"])
    return text.getvalue()
