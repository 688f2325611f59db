"""Annotations of GitHub: commands in the log of a workflow, which it shows beside the lines of a change.

Of each step it shows 10 errors, 10 warnings and 10 notices, so the worst come first; all are in the log.
"""

from collections.abc import Iterator

from auditor.intake.judged import Judged
from auditor.intake.printable import clean
from auditor.model.finding import Finding, Result
from auditor.report.formats.levels import level_of
from auditor.report.formats.sentences import advise, cut, tell
from auditor.report.results import ORDER, Results, name_rule

MESSAGE = 4096
"""Characters: an annotation holds 64 KB, and nobody reads as many."""
_COMMANDS = {"error": "error", "warning": "warning", "note": "notice", "none": "notice"}


def write(results: Results) -> str:
    rows = sorted(results.rows(), key=lambda row: (ORDER[row[1].result], row[1].severity.rank))
    lines = [_annotate(results, *row) for row in rows]
    lines += [_command("warning", {"title": "not judged"}, text) for text in _find_gaps(results)]
    return "".join(f"{line}\n" for line in lines)


def _annotate(results: Results, judged: Judged, finding: Finding) -> str:
    at = judged.position_of(finding)
    file = results.name_file(judged.place.file)
    shown = finding.result is Result.SKIP or (results.new_only and results.knows(finding))
    command = "notice" if shown else _COMMANDS[level_of(finding)]
    properties = {
        **({"file": file, "line": str(at.line), "col": str(at.column)} if file else {}),
        "title": f"{finding.severity if finding.result is Result.FAIL else finding.result}: {name_rule(finding)}",
    }
    what = f"{judged.subject}: {tell(finding)}{f' ({finding.path})' if finding.path else ''}"
    parts = [cut(what, MESSAGE), advise(finding), f"[{finding.result} {finding.fingerprint}]"]
    return _command(command, properties, "\n".join(part for part in parts if part))


def _find_gaps(results: Results) -> Iterator[str]:
    for error in results.scan.unreadable:
        yield f"not read: {error}"
    yield from results.scan.warnings


def _command(name: str, properties: dict[str, str], text: str) -> str:
    told = ",".join(f"{key}={_escape_property(value)}" for key, value in properties.items())
    return f"::{name} {told}::{_escape(clean(text))}"


def _escape(text: str) -> str:
    """A message that came from an object is no command of its own."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(clean(text)).replace(":", "%3A").replace(",", "%2C")
