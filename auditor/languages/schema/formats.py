"""The string formats that the API server checks, by their names without dashes.

Most are patterns; the rest follows Go's parsers, whose rules are looser or stricter than the RFCs in places.
"""

import ipaddress
import unicodedata
from collections.abc import Callable
from datetime import date

from auditor.languages.schema.addresses import is_email, is_uri
from auditor.languages.schema.durations import nanoseconds
from auditor.languages.schema.patterns import search

Check = Callable[[str], bool]


def _pattern(text: str) -> Check:
    found = search(text)
    return lambda value: found(value) is not None


_NAME = "[a-z0-9](?:[-a-z0-9]*[a-z0-9])?"
_SHORT_NAME = _pattern(f"^{_NAME}$")
_LONG_NAME = _pattern(rf"^{_NAME}(?:\.{_NAME})*$")
_CARD = _pattern(
    r"^(?:4\d{12}(?:\d{3})?|5[1-5]\d{14}|6(?:011|5\d\d)\d{12}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}"
    r"|(?:2131|1800|35\d{3})\d{11})$"
)
_SSN = _pattern(r"^\d{3}[- ]?\d{2}[- ]?\d{4}$")
_TIME = search(r"^(\d{2}):(\d{2}):(\d{2})(?:.\d+)?(?:z|[+-]\d{2}:\d{2})$")
_DATE = search(r"^\d{4}-\d{2}-\d{2}$")
_BYTE = r"\s*(?:0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*"
_SPACES = str.maketrans("", "", "\t\n\f\r -")


def _uuid(version: str, variant: str) -> Check:
    return _pattern(
        f"(?i)^[0-9a-f]{{8}}-?[0-9a-f]{{4}}-?{version}[0-9a-f]{{3}}-?{variant}[0-9a-f]{{3}}-?[0-9a-f]{{12}}$"
    )


def is_hostname(text: str) -> bool:
    """Letters of any script, digits and symbols in labels; the last of several has letters only.

    A name of one label may have a dash as its second character and nowhere else, as the server's pattern has it.
    """
    octets = text.encode("utf-8", "replace")  # its limits count bytes
    if len(octets) > 255 or any(len(label) > 63 for label in octets.split(b".")):
        return False
    *labels, last = text.split(".")
    if not labels:
        rest = last[1:].removeprefix("-")
        return bool(last) and len(rest) <= 62 and all(map(_is_host_letter, last[0] + rest))
    return all(map(_is_label, labels)) and len(last) >= 2 and all(_is_letter(c) for c in last)


def _is_label(label: str) -> bool:
    ends = label[:1] + label[-1:]
    return bool(label) and all(map(_is_host_letter, ends)) and all(c == "-" or _is_host_letter(c) for c in label)


def _is_host_letter(char: str) -> bool:
    return _is_letter(char) or char in "0123456789" or unicodedata.category(char).startswith("S")


def _is_letter(char: str) -> bool:
    return unicodedata.category(char).startswith("L")


def is_date(text: str) -> bool:
    if _DATE(text) is None:
        return False
    year, month, day = map(int, text.split("-"))
    try:
        date(year or 4, month, day)  # Go knows a leap year 0, Python does not
    except ValueError:
        return False
    return True


def is_date_time(text: str) -> bool:
    """Only the part between the first and the second `t` is looked at as the time."""
    day, *rest = text.lower().split("t")
    found = _TIME(rest[0]) if rest and is_date(day) else None
    return found is not None and found[1] <= "23" and found[2] <= "59" and found[3] <= "59"


def _plain_v4(text: str) -> str:
    """Without the leading zeros that Go's sloppy parser allows."""
    head, colon, tail = text.rpartition(":")
    parts = tail.split(".")
    if len(parts) == 4 and all(p.isascii() and p.isdigit() for p in parts):
        tail = ".".join(str(int(p)) if len(p) < 10 else p for p in parts)
    return head + colon + tail


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return None if "%" in text else ipaddress.ip_address(text)
    except ValueError:
        return None


def is_ipv4(text: str) -> bool:
    """An address with a dot: a mapped IPv6 address is one too."""
    return "." in text and _address(_plain_v4(text)) is not None


def is_ipv6(text: str) -> bool:
    return ":" in text and _address(text) is not None


def is_cidr(text: str) -> bool:
    address, slash, bits = text.partition("/")
    found = _address(_plain_v4(address))
    if found is None or not slash or not (bits.isascii() and bits.isdigit()) or len(bits) > 9:
        return False
    return int(bits) <= found.max_prefixlen


def is_mac(text: str) -> bool:
    """6, 8 or 20 bytes: in pairs with colons or dashes, in fours with dots, or all in one."""
    if len(text) in (12, 16, 40) and _is_hex(text):
        return True
    for separator, width in ((":", 2), ("-", 2), (".", 4)):
        groups = text.split(separator)
        if len(groups) > 1:
            hexadecimal = all(len(g) == width and g.isascii() and _is_hex(g) for g in groups)
            return hexadecimal and len(groups) * width // 2 in (6, 8, 20)
    return False


def _is_hex(text: str) -> bool:
    return all(c in "0123456789abcdefABCDEF" for c in text)


def is_isbn10(text: str) -> bool:
    digits = text.translate(_SPACES)
    if len(digits) != 10 or not (
        digits.isascii() and digits[:9].isdigit() and (digits[9].isdigit() or digits[9] == "X")
    ):
        return False
    values = [10 if d == "X" else int(d) for d in digits]
    return sum(i * v for i, v in enumerate(values, 1)) % 11 == 0


def is_isbn13(text: str) -> bool:
    digits = text.translate(_SPACES)
    if len(digits) != 13 or not (digits.isascii() and digits.isdigit()):
        return False
    return sum(int(d) * (1, 3)[i % 2] for i, d in enumerate(digits)) % 10 == 0


def is_credit_card(text: str) -> bool:
    digits = "".join(c for c in text if c in "0123456789")
    if not _CARD(digits):
        return False
    doubled = (sum(divmod(2 * int(d), 10)) if i % 2 else int(d) for i, d in enumerate(reversed(digits)))
    return sum(doubled) % 10 == 0


FORMATS: dict[str, Check] = {
    "bsonobjectid": _pattern("^[0-9a-fA-F]{24}$"),
    "byte": _pattern("^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$"),
    "cidr": is_cidr,
    "creditcard": is_credit_card,
    "date": is_date,
    "datetime": is_date_time,
    "duration": lambda text: nanoseconds(text) is not None,
    "email": is_email,
    "hexcolor": _pattern("^#?(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})$"),
    "hostname": is_hostname,
    "ipv4": is_ipv4,
    "ipv6": is_ipv6,
    "isbn": lambda text: is_isbn10(text) or is_isbn13(text),
    "isbn10": is_isbn10,
    "isbn13": is_isbn13,
    "k8slongname": lambda text: len(text) <= 253 and _LONG_NAME(text),
    "k8sshortname": lambda text: len(text) <= 63 and _SHORT_NAME(text),
    "mac": is_mac,
    "password": lambda _: True,
    "rgbcolor": _pattern(rf"^rgb\({_BYTE},{_BYTE},{_BYTE}\)$"),
    "ssn": lambda text: len(text) == 11 and _SSN(text),
    "uri": is_uri,
    "uuid": _uuid("[0-9a-f]", "[0-9a-f]"),
    "uuid3": _uuid("3", "[0-9a-f]"),
    "uuid4": _uuid("4", "[89ab]"),
    "uuid5": _uuid("5", "[89ab]"),
}


def is_format(name: str, text: str) -> bool:
    check = FORMATS[name.replace("-", "")]
    return check(text.encode("utf-8", "replace").decode())  # a lone surrogate is none of them
