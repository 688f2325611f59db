"""All formats of one run hold the same findings, whatever is written in them."""

import re
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.cli.outputs import FORMATS as NAMED
from auditor.model.finding import Finding, Result
from auditor.model.policy import Severity
from auditor.report.baseline import Comparison
from auditor.report.formats import FORMATS
from auditor.report.results import Results
from tests.unit.report.formats import invented
from tests.unit.report.formats.readback import READERS

# Half surrogates, controls, markup, commands and formulas: all that a name or a message can hold.
TEXTS = st.text(st.characters(exclude_categories=()), max_size=30) | st.sampled_from(
    [
        "::error::x",
        "=1+1",
        "<b>",
        "]]>",
        "a|b",
        "-->",
        "[fail 00]",
        "%0A",
        "\n::error::x",
        "@all",
        "\r\n",
        "\x00",
        "{",
        "`",
    ]
)
FINGERPRINTS = st.text("0123456789abcdef", min_size=32, max_size=32)


@st.composite
def findings(draw: st.DrawFn) -> Finding:
    return Finding(
        policy=draw(TEXTS),
        rule=draw(TEXTS),
        result=draw(st.sampled_from(Result)),
        severity=draw(st.sampled_from(Severity)),
        message=draw(TEXTS),
        fingerprint=draw(FINGERPRINTS),
        path=draw(st.sampled_from(["", "/spec/a", "/spec/~1"])),
        value=draw(st.none() | TEXTS | st.integers()),
        remediation=draw(TEXTS),
        controls=tuple(draw(st.lists(TEXTS, max_size=2))),
        exception=draw(st.sampled_from(["", "ns/name"])),
    )


@st.composite
def runs(draw: st.DrawFn) -> Results:
    names = draw(st.lists(TEXTS, max_size=3, unique=True))
    found = []
    for name in names:
        file = draw(st.sampled_from(["", "a.yaml", "/abs/ü .yaml", "<stdin>"]))
        at = invented.place(
            name, file, uid=invented.UID if not file else "", namespace=draw(st.sampled_from(["", "ns"]))
        )
        found.append(invented.judged(*draw(st.lists(findings(), min_size=1, max_size=4)), at=at))
    scan = invented.scan(
        *found, unreadable=draw(st.lists(TEXTS, max_size=2)), warnings=draw(st.lists(TEXTS, max_size=1))
    )
    known = frozenset(f.fingerprint for _, f in scan.findings() if draw(st.booleans()))
    gone = [{"fingerprint": "0", "resource": draw(TEXTS)}]
    compared = draw(st.sampled_from([None, Comparison(known, gone)]))
    return Results(scan, comparison=compared, new_only=draw(st.booleans()), time=invented.TIME)


@settings(max_examples=40)
@given(runs())
def test_what_is_read_back_is_what_was_found(results: Results) -> None:
    found = {(f.fingerprint, str(f.result)) for _, f in results.scan.findings()}
    for name, read in READERS.items():
        text = FORMATS[name](results)
        assert read(text) == found, name
        text.encode()
    rows = [line for line in FORMATS["table"](results).split("\n") if re.match(r"  \S", line)]
    assert len(rows) == sum(len(each.findings) for each in results.scan.judged)


@settings(max_examples=25)
@given(runs())
def test_nothing_acts_on_a_terminal(results: Results) -> None:
    for name in set(FORMATS) - {"json", "sarif", "gitlab"}:  # JSON has its own way to write them
        assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202e]", FORMATS[name](results)), name


def test_all_formats_are_read_back() -> None:
    assert {*READERS, "table"} == set(FORMATS)
    assert tuple(FORMATS) == NAMED  # written twice so that --help imports none of them
    with pytest.raises(KeyError):
        FORMATS["pdf"]


def test_a_format_is_imported_when_it_is_asked_for() -> None:
    code = (
        "import sys; from auditor.report.formats import FORMATS; FORMATS['table']; "
        "print(*sorted(n.rpartition('.')[2] for n in sys.modules if n.startswith('auditor.report.formats.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["table"]
