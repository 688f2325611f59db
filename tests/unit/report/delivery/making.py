from dataclasses import replace
from datetime import UTC, datetime

from auditor.report.delivery import Parcel, Sheet

DUE = datetime(2026, 11, 2, 5, tzinfo=UTC)
PARCEL = Parcel(
    key="5f0c",
    series="weekly-payments",
    at=DUE,
    subject="Compliance of payments",
    text="97.5 % of what was evaluated passes.\nBäume: 3",
    words={"cluster": "prod", "percent": 97.5, "violations": 3, "change": None, "title": 'a "b" \\ c\n'},
    sheets=(
        Sheet(ending="html", media="text/html", content="<p>Bäume</p>".encode()),
        Sheet(ending="json", media="application/json", content=b'{"percent": 97.5}'),
    ),
)


def later(days: int) -> Parcel:
    at = DUE.replace(day=DUE.day + days)
    return replace(PARCEL, at=at, key=f"key-{days}")
