"""Times as the API server writes them."""

from datetime import datetime

from auditor.json import Json


def read_time(text: Json) -> datetime | None:
    """None for what is no time with a zone: nothing can be concluded from it."""
    if not isinstance(text, str):
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo is not None else None


def show_time(time: datetime) -> str:
    return time.isoformat(timespec="seconds").replace("+00:00", "Z")
