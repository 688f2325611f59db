"""The name rules of Kubernetes, with the messages that it gives."""

from typing import Final

import re2

_LABEL: Final = re2.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABEL_1035: Final = re2.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN: Final = re2.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_QUALIFIED: Final = re2.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_LABEL_VALUE: Final = re2.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_MAX_LABEL: Final = 63
_MAX_SUBDOMAIN: Final = 253


def is_dns_label(text: str) -> bool:
    return not dns_label(text)


def is_dns_subdomain(text: str) -> bool:
    return not dns_subdomain(text)


def dns_label(text: str, *, prefix: bool = False) -> list[str]:
    text = _without_dash(text) if prefix else text
    problems = _too_long(text, _MAX_LABEL)
    if not _LABEL.fullmatch(text):
        if _SUBDOMAIN.fullmatch(text):
            problems.append("must not contain dots")
        else:
            problems.append(
                "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start"
                " and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is"
                " '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
            )
    return problems


def dns_subdomain(text: str, *, prefix: bool = False) -> list[str]:
    text = _without_dash(text) if prefix else text
    problems = _too_long(text, _MAX_SUBDOMAIN)
    if not _SUBDOMAIN.fullmatch(text):
        problems.append(
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must"
            " start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is"
            r" '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
        )
    return problems


def dns_1035_label(text: str, *, prefix: bool = False) -> list[str]:
    text = _without_dash(text) if prefix else text
    problems = _too_long(text, _MAX_LABEL)
    if not _LABEL_1035.fullmatch(text):
        problems.append(
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic"
            " character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for"
            " validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
        )
    return problems


_QUALIFIED_MESSAGE = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
    " (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is"
    " '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_EXAMPLE = " (e.g. 'example.com/MyName')"


def qualified_name(text: str) -> list[str]:
    problems = []
    prefix, slash, name = text.rpartition("/")
    if text.count("/") > 1:
        return [f"a valid label key {_QUALIFIED_MESSAGE} with an optional DNS subdomain prefix and '/'{_EXAMPLE}"]
    if slash:
        if not prefix:
            problems.append("prefix part must be non-empty")
        else:
            problems += [f"prefix part {p}" for p in dns_subdomain(prefix)]
    if not name:
        problems.append("name part must be non-empty")
    elif len(name.encode()) > _MAX_LABEL:
        problems.append(f"name part must be no more than {_MAX_LABEL} characters")
    if not _QUALIFIED.fullmatch(name):
        problems.append(f"name part {_QUALIFIED_MESSAGE}")
    return problems


def label_value(text: str) -> list[str]:
    problems = _too_long(text, _MAX_LABEL)
    if not _LABEL_VALUE.fullmatch(text):
        problems.append(
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must"
            " start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for"
            " validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
        )
    return problems


def _too_long(text: str, limit: int) -> list[str]:
    return [f"must be no more than {limit} characters"] if len(text.encode()) > limit else []


def _without_dash(text: str) -> str:
    """A prefix may end in a dash: a letter stands for what will follow."""
    return text[:-1] + "a" if len(text) > 1 and text.endswith("-") else text
