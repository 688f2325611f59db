"""The libraries without CEL around them."""

import contextlib
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.languages.cel.libraries import jsonpatch, readings, regex, semver
from auditor.languages.cel.libraries.cidr import CIDR
from auditor.languages.cel.libraries.ip import IP, is_ip
from auditor.languages.cel.libraries.quantity import Quantity, QuantityError, is_quantity
from auditor.languages.cel.libraries.text import format_text
from auditor.languages.cel.libraries.url import URL

_SUFFIXES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "e3": 10**3}
_DECIMALS = {"m": Fraction(1, 1000), "u": Fraction(1, 10**6), "n": Fraction(1, 10**9)}
numbers = st.tuples(st.integers(-(10**9), 10**9), st.sampled_from([*_SUFFIXES, *_DECIMALS]))


def exact(number: int, suffix: str) -> Fraction:
    return Fraction(number) * (_SUFFIXES | _DECIMALS)[suffix]


@given(numbers, numbers)
def test_quantities_are_exact(a: tuple[int, str], b: tuple[int, str]) -> None:
    left, right = (Quantity.parse(f"{n}{s}") for n, s in (a, b))
    difference = exact(*a) - exact(*b)
    assert left.compare(right) == (difference > 0) - (difference < 0)
    total = left.add(right)
    assert Fraction(total.value) * Fraction(10) ** total.scale == exact(*a) + exact(*b)
    assert left.add(right).subtract(right).compare(left) == 0
    assert Quantity.from_text(left.to_text()) == left


@given(numbers)
def test_an_integer_quantity_is_its_value(number: tuple[int, str]) -> None:
    integer = Quantity.parse("".join(map(str, number))).integer
    assert integer is None or integer == exact(*number)


@pytest.mark.parametrize("text", ["1e1000000000", "-1e1000000000", "1e-1000000000", "9" * 400, "0." + "1" * 400])
def test_extreme_quantities_take_no_time(text: str) -> None:
    quantity = Quantity.parse(text)
    assert quantity.compare(Quantity.parse("1")) == (1 if text.startswith(("1e10", "9")) else -1)
    assert float(quantity) != 1.0


def test_quantities_too_far_apart_cannot_be_added() -> None:
    with pytest.raises(QuantityError, match="too far apart"):
        Quantity.parse("1e1000000").add(Quantity.parse("1"))


@given(st.text("0123456789.eEinumkKMGTP+- ", max_size=12))
def test_any_text_is_a_quantity_or_not(text: str) -> None:
    assert is_quantity(text) in (True, False)


@given(st.ip_addresses())
def test_addresses_survive(address: object) -> None:
    text = str(address)
    if is_ip(text):
        assert IP.from_text(text).to_text() == text
        length = 32 if "." in text else 128
        assert CIDR.from_text(f"{text}/{length}").contains_ip(IP.from_text(text))


@given(st.ip_addresses(v=4), st.integers(0, 32), st.integers(0, 32))
def test_a_network_contains_its_parts(address: object, outer: int, inner: int) -> None:
    wide, narrow = CIDR.from_text(f"{address}/{min(outer, inner)}"), CIDR.from_text(f"{address}/{max(outer, inner)}")
    assert wide.contains(narrow)
    assert narrow.contains(wide) is (outer == inner)
    assert wide.masked.masked == wide.masked


versions = st.builds(
    lambda a, b, c, pre: f"{a}.{b}.{c}{'-' + '.'.join(pre) if pre else ''}",
    st.integers(0, 3),
    st.integers(0, 3),
    st.integers(0, 3),
    st.lists(st.sampled_from(["0", "1", "10", "a", "b", "rc"]), max_size=3),
)


@given(versions, versions, versions)
def test_versions_have_a_total_order(a: str, b: str, c: str) -> None:
    first, second, third = (semver.parse(t) for t in (a, b, c))
    assert first.compare(second) == -second.compare(first)
    assert (first.compare(second) == 0) is (first == second)
    if first.compare(second) <= 0 and second.compare(third) <= 0:
        assert first.compare(third) <= 0
    assert semver.Semver.from_text(first.to_text()) == first


@given(st.text("ab1 ä", max_size=12))
def test_find_all_takes_the_text_apart(text: str) -> None:
    assert "".join(regex.find_all(text, "[a1ä]|[^a1ä]")) == text
    assert regex.find_all(text, "a")[:1] == ([regex.find(text, "a")] if "a" in text else [])


@given(st.text("~/a01", max_size=10))
def test_an_escaped_key_is_one_part_of_a_pointer(key: str) -> None:
    escaped = jsonpatch.escape_key(key)
    assert "/" not in escaped
    assert escaped.replace("~1", "/").replace("~0", "~") == key


@given(st.text(max_size=20))
def test_any_text_is_a_url_or_not(text: str) -> None:
    try:
        url = URL.from_text(text)
    except ValueError:
        return
    assert URL.from_text(url.to_text()) == url
    assert isinstance(url.escaped_path, str)
    assert isinstance(url.parameters, dict)


@given(st.text("%.0123456789sdfebxXo a", max_size=10), st.lists(st.integers() | st.text() | st.floats() | st.none()))
def test_formatting_gives_a_text_or_an_error(text: str, arguments: list[object]) -> None:
    try:
        assert isinstance(format_text(text, arguments), str)
    except (TypeError, ValueError):
        assert "%" in text


@given(st.text("0123456789.hmsnuµ+-", max_size=8))
def test_durations_are_read_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert readings.duration(text)
