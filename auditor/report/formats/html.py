"""One page that holds everything: to keep, to mail, to print. It loads nothing and runs nothing."""

from collections.abc import Iterator
from html import escape
from typing import Final

from auditor import __version__
from auditor.intake.judged import Judged
from auditor.intake.printable import clean
from auditor.model.finding import Finding, Result
from auditor.report.baseline import tell_entry
from auditor.report.formats.sentences import advise, tell
from auditor.report.results import Results, name_rule, sort

STYLE: Final = """\
:root { color-scheme: light dark; --text: #1b1f24; --dim: #5b6570; --back: #fff; --line: #d5dae0; --card: #f6f8fa;
  --critical: #a40e26; --high: #cf222e; --medium: #9a6700; --low: #0969da; --info: #57606a; --good: #1a7f37; }
@media (prefers-color-scheme: dark) { :root { --text: #e6edf3; --dim: #9aa4af; --back: #0d1117; --line: #30363d;
  --card: #161b22; --critical: #ff8182; --high: #ff7b72; --medium: #d29922; --low: #58a6ff; --info: #9aa4af;
  --good: #3fb950; } }
body { margin: 0 auto; max-width: 70rem; padding: 1rem; color: var(--text); background: var(--back);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2rem; }
h3 { font-size: 1rem; margin: 0 0 .5rem; overflow-wrap: anywhere; } h3 small, .dim { color: var(--dim); }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .6rem; text-align: left; vertical-align: top;
  overflow-wrap: anywhere; }
section.object { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .8rem;
  margin: .8rem 0; break-inside: avoid; }
ul.findings { list-style: none; margin: 0; padding: 0; } ul.findings li { margin: .5rem 0; overflow-wrap: anywhere; }
.word { font-weight: 600; } code { font: .9em ui-monospace, monospace; }
.critical, .error { color: var(--critical); } .high { color: var(--high); } .medium, .warn { color: var(--medium); }
.low { color: var(--low); } .info, .skip { color: var(--info); } .pass { color: var(--good); }
@media print { :root { --text: #000; --dim: #444; --back: #fff; --card: #fff; } body { max-width: none; padding: 0; } }
"""


def write(results: Results) -> str:
    return "".join(f"{line}\n" for line in _page(results))


def _page(results: Results) -> Iterator[str]:
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>auditor: {_head(results)}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>"
    yield f"<h1>auditor: {_head(results)}</h1>"
    yield from _summary(results)
    if results.scan.judged:
        yield "<h2>Findings</h2>"
    for judged in results.scan.judged:
        yield from _object(results, judged)
    if results.comparison is not None and results.comparison.gone:
        yield "<h2>Gone since the baseline</h2>\n<ul>"
        yield from (f"<li>{_text(tell_entry(entry))}</li>" for entry in results.comparison.gone)
        yield "</ul>"
    yield from _gaps(results)
    yield from _policies(results)
    when = results.time.strftime("%Y-%m-%d %H:%M UTC")
    yield f'<p class="dim">auditor {__version__}, {when}</p>\n</main>\n</body>\n</html>'


def _head(results: Results) -> str:
    if results.scan.incomplete:
        return "not everything could be judged"
    return "findings" if results.failing else "clean"


def _summary(results: Results) -> Iterator[str]:
    scan, compared = results.scan, results.comparison
    counts = {**scan.counts, **({"known": len(compared.known), "gone": len(compared.gone)} if compared else {})}
    coverage = "unknown" if scan.percent is None else f"{scan.percent} %"
    told = {"objects": scan.objects, **counts, "not read": len(scan.unreadable), "coverage": coverage}
    yield "<table>\n<tr>" + "".join(f'<th scope="col">{name}</th>' for name in told) + "</tr>"
    yield "<tr>" + "".join(f"<td>{value}</td>" for value in told.values()) + "</tr>\n</table>"


def _object(results: Results, judged: Judged) -> Iterator[str]:
    place = f" <small>{_text(str(judged.place))}</small>" if judged.place.file else ""
    yield f'<section class="object">\n<h3>{_text(str(judged.subject))}{place}</h3>\n<ul class="findings">'
    for finding in sort(judged):
        yield from _finding(results, judged, finding)
    yield "</ul>\n</section>"


def _finding(results: Results, judged: Judged, finding: Finding) -> Iterator[str]:
    word = finding.severity if finding.result is Result.FAIL else finding.result
    known = ' <span class="dim">(known)</span>' if results.knows(finding) else ""
    line = judged.position_of(finding).line
    place = f' <span class="dim">{_text(judged.place.file)}:{line}</span>' if judged.place.file else ""
    yield (
        f'<li data-fingerprint="{finding.fingerprint}" data-result="{finding.result}">'
        f'<span class="word {word}">{word}</span> <code>{_text(name_rule(finding))}</code>: '
        f"{_text(tell(finding))}{known}"
    )
    if finding.path:
        yield f"<br><code>{_text(finding.path)}</code>{place}"
    if advice := advise(finding):
        yield f'<br><span class="dim">{_text(advice)}</span>'
    yield "</li>"


def _gaps(results: Results) -> Iterator[str]:
    scan = results.scan
    told = [f"not read: {error}" for error in scan.unreadable]
    told += [
        f"{gap.objects} of {gap.api_version} {gap.kind}{f', {gap.rule}' if gap.rule else ''}: {gap.reason}"
        for gap in scan.coverage.gaps
    ]
    told += [f"warning: {warning}" for warning in scan.warnings]
    if told:
        yield "<h2>Not judged</h2>\n<ul>"
        yield from (f"<li>{_text(each)}</li>" for each in told)
        yield "</ul>"


def _policies(results: Results) -> Iterator[str]:
    """What was asked at all: a page without findings says so."""
    yield '<h2>Policies</h2>\n<table>\n<tr><th scope="col">policy</th><th scope="col">objects</th></tr>'
    for each in results.scan.coverage.policies(results.scan.engine):
        policy = each.policy.policy
        title = f'<br><span class="dim">{_text(policy.title)}</span>' if policy.title else ""
        asked = str(each.matched) if each.matched else f"none: {each.reason}"
        yield f"<tr><td><code>{_text(policy.key)}</code>{title}</td><td>{_text(asked)}</td></tr>"
    yield "</table>"


def _text(text: str) -> str:
    return escape(clean(text))
