"""Each format with texts that the real server was asked about (tests/cluster/schema asks it again)."""

import pytest

from auditor.languages.schema.durations import nanoseconds
from auditor.languages.schema.formats import FORMATS, is_format
from tests.unit.languages.schema.format_samples import SAMPLES


@pytest.mark.parametrize(("name", "text", "valid"), [(n, t, v) for n, good, bad in SAMPLES for t, v in
                         [*((t, True) for t in good), *((t, False) for t in bad)]])  # fmt: skip
def test_samples(name: str, text: str, valid: bool) -> None:
    assert is_format(name, text) is valid


def test_every_format_has_samples() -> None:
    assert {name.replace("-", "") for name, _, _ in SAMPLES} == set(FORMATS)


@pytest.mark.parametrize("name", sorted(FORMATS))
@pytest.mark.parametrize(
    "text", ["", "\0", "\ud800", "%" * 50, ":" * 50, "." * 300, "1" * 5000, "ü" * 300, "[::1", "٣"]
)
def test_no_text_makes_a_format_fail(name: str, text: str) -> None:
    assert is_format(name, text) in (True, False)


@pytest.mark.parametrize(
    ("text", "length"),
    [("1h30m", 5400 * 10**9), ("-1.5s", -15 * 10**8), ("2 weeks", 14 * 86400 * 10**9), ("0", 0), ("1 fortnight", None)],
)
def test_durations(text: str, length: int | None) -> None:
    assert nanoseconds(text) == length
