"""Patterns mean what they mean in Go, whichever engine runs them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.languages.schema.fast import fast_check
from auditor.languages.schema.node import Node
from auditor.languages.schema.patterns import Matches, PatternError, is_portable

PARTS = st.sampled_from(
    [
        r"a",
        r"b",
        r".",
        r"|",
        r"*",
        r"+",
        r"?",
        r"^",
        r"$",
        r"{",
        r"}",
        r"]",
        r"ü",
        r"\d",
        r"\w",
        r"\.",
        r"\-",
        r"[a-z]",
        r"[^a]",
        r"[a.-]",
        r"(a|b)",
        r"(?:a)",
        r"{2}",
        r"{1,}",
        r"\s",
        r"\b",
        r"\S",
        r"[[:alpha:]]",
        r"\pL",
        r"(?i)",
        r"[]a]",
        r"\x41",
        r"[a-z&&b]",
        r"[\d_]",
        r"\D",
    ]
)
TEXTS = st.text(st.sampled_from("ab12.-_ \n\u00a0éA]{}[&^"), max_size=6)


@given(st.lists(PARTS, max_size=6).map("".join), TEXTS)
def test_the_fast_engine_agrees_with_the_exact_one(pattern: str, text: str) -> None:
    try:
        matches = Matches(pattern)
    except PatternError:
        return
    fast = fast_check(Node(type="string", pattern=pattern, matches=matches))
    assert fast(text) is matches(text)


@pytest.mark.parametrize("pattern", ["^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", r"^\d{1,3}\.\w+$", r"^\x41|b$", "^.{2,}$"])
def test_usual_patterns_are_portable(pattern: str) -> None:
    assert is_portable(pattern)


@pytest.mark.parametrize(
    "pattern", [r"\s", r"\b", "(?i)a", "[[:alpha:]]", "[a&&b]", "a{,2}", r"\pL", "[]a]", "a]", r"\Q.\E"]
)
def test_what_engines_read_differently_is_not_portable(pattern: str) -> None:
    assert not is_portable(pattern)
