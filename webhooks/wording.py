"""The words of an answer: what is wrong, where, and what to do; cut where the API server or its clients would cut."""

from collections.abc import Iterator, Sequence
from typing import Final

from auditor.intake.printable import clean
from auditor.json import Json
from auditor.model.finding import Finding, Result

# The API server passes on a message of any length. But tools that apply objects for others keep it in the condition of
# an object of theirs, and metav1.Condition allows 32,768 characters there. What they and the API server say before it
# ("admission webhook ... denied the request: ") and the line about the rest get 1,024.
MAX_MESSAGE: Final = 31 * 1024
# The note of an Event has room for 1 KiB; no single violation needs more, and none takes the place of the others.
MAX_FINDING: Final = 1024
# The API server sends 4,096 characters of warnings, of all webhooks together. If there are more, it cuts each to 256
# and leaves out silently what is still too much. A warning with a control character in it is dropped as a whole.
MAX_WARNINGS: Final = 4096
MAX_WARNING: Final = 256
# An audit annotation has no limit of the API server if a webhook makes it; those of native policies are cut here.
MAX_ANNOTATION: Final = 10 * 1024

ROOT: Final = "<object>"
"""The field of what concerns the object as a whole: kubectl would print nothing before a colon."""


def say_violations(findings: Sequence[Finding], thing: Json) -> str:
    """One line, or one for each finding."""
    lines = [say_finding(each, thing) for each in sort_findings(findings)]
    if len(lines) == 1:
        return lines[0]
    kept, rest = fit(lines, MAX_MESSAGE, spare=3)
    more = [f"- and {_count(rest)} more"] if rest else []
    return "\n".join([f"{len(lines)} violations:", *(f"- {line}" for line in kept), *more])


def sort_findings(findings: Sequence[Finding]) -> list[Finding]:
    """The worst first, and always in the same order."""
    return sorted(findings, key=lambda each: (each.severity.rank, each.policy, each.rule, each.path, each.message))


def say_finding(finding: Finding, thing: Json, *, field: bool = True) -> str:
    name = f"{finding.policy}/{finding.rule}" if finding.rule else finding.policy
    where = f"{say_field(finding.path, thing)}: " if finding.path and field else ""
    what = one_line(finding.message) or "is violated"
    if finding.result is Result.ERROR:
        what = f"could not be evaluated: {what}"
    advice = f"{_end(what)} {one_line(finding.remediation)}" if finding.remediation else what
    return cut(one_line(f"{name}: {where}{advice}"), MAX_FINDING)


def _end(sentence: str) -> str:
    return sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."


def say_field(pointer: str, thing: Json) -> str:
    """A JSON pointer as Kubernetes writes the paths of fields: spec.members[0].cpu, metadata.labels[example.com/team].

    The object tells items of lists from keys that are digits.
    """
    path = ""
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(thing, list):
            path += f"[{name}]"
            thing = thing[int(name)] if name.isdecimal() and int(name) < len(thing) else None
            continue
        plain = name.replace("-", "").replace("_", "").isalnum()
        path += (f".{name}" if path else name) if plain else f"[{name}]"
        thing = thing.get(name) if isinstance(thing, dict) else None
    return path or ROOT


def say_warnings(warnings: Sequence[str]) -> list[str]:
    """As they are if all fit, else each cut, and a last one that counts those that are left out."""
    lines = list(dict.fromkeys(one_line(each) for each in warnings))
    if sum(map(len, lines)) <= MAX_WARNINGS:
        return lines
    kept, rest = fit([cut(line, MAX_WARNING) for line in lines], MAX_WARNINGS - MAX_WARNING)
    return [*kept, f"and {_count(rest)} more warnings"] if rest else kept


def say_list(names: Sequence[str]) -> str:
    """For an audit annotation: each once, in their order, as many as there is room for."""
    kept, rest = fit(list(dict.fromkeys(one_line(each) for each in names)), MAX_ANNOTATION - MAX_WARNING, spare=2)
    return ", ".join([*kept, f"and {_count(rest)} more"] if rest else kept)


def fit(lines: Sequence[str], room: int, *, spare: int = 0) -> tuple[list[str], int]:
    """As many as there is room for, `spare` characters between them, and how many are left out."""
    kept = list(_take(lines, room, spare))
    return kept, len(lines) - len(kept)


def _take(lines: Sequence[str], room: int, spare: int) -> Iterator[str]:
    for line in lines:
        room -= len(line) + spare
        if room < 0:
            return
        yield line


def one_line(text: str) -> str:
    """Texts of objects and policies do nothing to a terminal, and look like one thing."""
    return text if text.isprintable() else clean(" ".join(text.split()))


def cut(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 3]}..."


def _count(number: int) -> str:
    return f"{number:,}"
