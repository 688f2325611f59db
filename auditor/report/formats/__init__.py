"""Output formats: one small module each. All formats of one run hold the same findings."""

from collections.abc import Callable

from auditor.intake.scan import Scan
from auditor.report.formats import json, table

FORMATS: dict[str, Callable[[Scan], str]] = {"table": table.write, "json": json.write}
