"""Markdown for a comment on a pull request: a table, the worst first, no longer than such a comment may be."""

import re
from collections.abc import Iterator
from typing import Final

from auditor.intake.judged import Judged
from auditor.intake.printable import clean
from auditor.model.finding import Finding, Result
from auditor.report.baseline import tell_entry
from auditor.report.formats.sentences import advise, cut, tell
from auditor.report.results import ORDER, Results, name_rule

MARK: Final = "<!-- auditor scan -->"
"""By which a bot finds its comment, to write the new one in its place."""
LENGTH: Final = 60_000
"""Characters: a comment on GitHub has 65,536, and the summary needs some."""
CELL: Final = 1_000
_GONE: Final = 20
_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]()#+!|~$])")


def write(results: Results) -> str:
    lines = [MARK, f"### auditor: {_head(results)}", "", _sum_up(results), ""]
    lines += _list_gaps(results)
    rows = sorted(results.rows(), key=lambda row: (ORDER[row[1].result], row[1].severity.rank))
    room = LENGTH - sum(len(line) + 1 for line in lines)
    if rows:
        lines += ["| | rule | object | what | what to do |", "|---|---|---|---|---|"]
    for number, row in enumerate(rows):
        line = _make_row(results, *row)
        room -= len(line) + 1
        if room < 0:
            lines += ["", f"{len(rows) - number} more findings: there is no room for them in a comment."]
            break
        lines.append(line)
    return "".join(f"{line}\n" for line in lines)


def _head(results: Results) -> str:
    if results.scan.incomplete:
        return "not everything could be judged"
    return "findings" if results.failing else "clean"


def _sum_up(results: Results) -> str:
    scan, compared = results.scan, results.comparison
    told = ", ".join(f"{count} {result}" for result, count in scan.counts.items() if count)
    against = f" {len(compared.known)} known, {len(compared.gone)} gone." if compared else ""
    return f"{scan.objects} object{'' if scan.objects == 1 else 's'}: {told or 'nothing to tell'}.{against}"


def _list_gaps(results: Results) -> Iterator[str]:
    compared = results.comparison
    told = [f"- **not read**: {escape(str(error))}" for error in results.scan.unreadable]
    told += [f"- warning: {escape(warning)}" for warning in results.scan.warnings]
    told += [f"- gone: {escape(tell_entry(entry))}" for entry in (compared.gone if compared else ())]
    yield from told[:_GONE]
    if len(told) > _GONE:
        yield f"- and {len(told) - _GONE} more"
    if told:
        yield ""


def _make_row(results: Results, judged: Judged, finding: Finding) -> str:
    known = " (known)" if results.knows(finding) else ""
    word = f"**{finding.severity}**" if finding.result is Result.FAIL else str(finding.result)
    line = judged.position_of(finding).line
    place = f"<br>{escape(f'{results.name_file(judged.place.file)}:{line}')}" if judged.place.file else ""
    path = f"<br>{escape(finding.path)}" if finding.path else ""
    cells = [
        f"{word}{known} <!-- {finding.result} {finding.fingerprint} -->",
        escape(name_rule(finding)),
        f"{escape(str(judged.subject))}{place}",
        f"{escape(tell(finding))}{path}",
        escape(advise(finding)),
    ]
    return f"| {' | '.join(cells)} |"


def escape(text: str) -> str:
    """Nothing in a text is markup, a mention of somebody, or the end of a cell."""
    plain = clean(cut(text, CELL)).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(r"\\\1", plain).replace("@", "&#64;").replace("\n", " ").replace("://", "&#58;//")
