"""What is delivered, and what may become of that."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from auditor.errors import AuditorError
from auditor.json import Json

Word = str | int | float | None
"""None: it is not known. In a text it is empty, in JSON null."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One form of a report."""

    ending: str
    """Of its file: html, md, csv, json."""
    media: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    key: str
    """The same in each attempt, and in no other parcel: by it a receiver knows what it has already."""
    series: str
    """The same for all parcels that follow each other, such as the weekly reports of one team; fit for a file name."""
    at: datetime
    """When it was due, however late it is."""
    subject: str
    text: str
    words: Mapping[str, Word]
    """For templates."""
    sheets: tuple[Sheet, ...] = ()
    facts: Mapping[str, Json] = field(default_factory=dict)
    """What a webhook without a template gets beside the words."""


class DeliveryError(AuditorError):
    """It has not arrived, or nobody can say. The text names the receiver and no secret.

    AuditorError
    └── DeliveryError            exit 3, HTTP 502   a receiver did not take what was sent (report)
    """

    exit_code = 3
    http_code = 502

    def __init__(self, message: str, *, uncertain: bool = False, retry_after: float | None = None) -> None:
        """`uncertain`: all was sent, and the answer is missing. `retry_after`: seconds that the receiver asks for."""
        self.uncertain, self.retry_after = uncertain, retry_after
        super().__init__(message)


class Way(Protocol):
    def deliver(self, parcel: Parcel) -> str:
        """What is to be told of it though it arrived; mostly nothing."""
