"""News of findings as a parcel: a subject, a text of bounded length, and the words that templates know.

Names and messages come from objects, and so from whoever may write objects: in the text each is one line, without
control characters, and cut.
"""

import html
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from auditor.model.policy import Severity
from auditor.report.delivery.parcel import Parcel, Word
from auditor.report.news.changes import Change, Item
from auditor.report.news.listing import Line, cut

PLACES: Final = ("notification", "audience")
"""What receivers may depend on: a finding has no say in where it is told."""
WORDS: Final = (
    *PLACES,
    *("subject", "text", "escapedText", "cluster", "start", "end", "total", "listed", "worst"),
    *("new", "reopened", "resolved", *map(str, Severity)),
)
MESSAGE: Final = 300
"""Characters of a message in the text: two or three lines on a telephone."""
NAME: Final = 120
"""Of a name, path or rule; hardly any is longer."""
POLICIES: Final = 5
"""That are counted by name where not all findings are listed."""


def write_news(
    items: Sequence[Item],
    lines: Sequence[Line],
    *,
    key: str,
    notification: str,
    audience: str,
    cluster: str,
    start: datetime,
    end: datetime,
    at: datetime,
) -> Parcel:
    """`lines`: those of the items that are named. `start` and `end`: of what is told; `at`: when it was due."""
    changes = Counter(each.change for each in items)
    severities = Counter(each.severity for each in items)
    worst = min((each.severity for each in items), key=lambda each: each.rank, default=None)
    subject = f"{_count(changes)}{f' of {audience}' if audience else ''} in {cluster}{_weigh(items)}"
    text = "\n".join(_write_text(items, lines, subject=subject, start=start, end=end))
    words: dict[str, Word] = {
        "notification": notification,
        "audience": audience,
        "subject": subject,
        "text": text,
        "escapedText": html.escape(text, quote=False),
        "cluster": cluster,
        "start": _tell(start),
        "end": _tell(end),
        "total": len(items),
        "listed": len(lines),
        "worst": None if worst is None else str(worst),
        **{str(each).lower(): changes[each] for each in Change},
        **{str(each): severities[each] for each in Severity},
    }
    return Parcel(
        key=key,
        series=f"{notification}@{audience}" if audience else notification,
        at=at,
        subject=subject,
        text=text,
        words=words,
        facts={"findings": [each.render() for each in lines]},
    )


def _count(changes: Counter[Change]) -> str:
    """3 new, 1 reopened findings"""
    told = ", ".join(f"{changes[each]:,} {str(each).lower()}" for each in Change if changes[each])
    return f"{told or '0 new'} finding{'' if changes.total() == 1 else 's'}"


def _weigh(items: Iterable[Item]) -> str:
    """Of what is wrong now."""
    counts = Counter(each.severity for each in items if each.change is not Change.RESOLVED)
    told = ", ".join(f"{counts[each]:,} {each}" for each in Severity if counts[each])
    return f": {told}" if told else ""


def _write_text(
    items: Sequence[Item], lines: Sequence[Line], *, subject: str, start: datetime, end: datetime
) -> Iterable[str]:
    yield subject
    first, last = _show(start), _show(end)
    yield f"Found {first}{f' to {last}' if last != first else ''}."
    for each in lines:
        item = each.item
        place = f" at {_tidy(each.path, NAME)}" if each.path else ""
        yield (
            f"- {item.how}, {item.severity}: {each.kind} {_tidy(each.object, 2 * NAME)}{place}: "
            f"{_tidy(item.policy, NAME)}/{_tidy(each.rule, NAME)}: {_tidy(each.message, MESSAGE)}"
        )
    named = {each.item.id for each in lines}
    rest = Counter(each.policy for each in items if each.id not in named)
    if rest:
        most = rest.most_common(POLICIES)
        told = [f"{count:,} of {_tidy(policy, NAME)}" for policy, count in most]
        left = rest.total() - sum(count for _, count in most)
        yield f"And {rest.total():,} more: {', '.join([*told, *([f'{left:,} of others'] if left else [])])}."


def _tidy(text: str, most: int) -> str:
    """One line, and no character that changes the direction of what follows or cannot be seen."""
    seen = "".join(each if unicodedata.category(each)[0] != "C" else " " for each in text)
    return cut(" ".join(seen.split()), most)


def _tell(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _show(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
