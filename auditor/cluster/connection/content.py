"""Bytes that stand in a kubeconfig, or in a file that others renew while we run."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from auditor.cluster.connection.section import Section, explain_unreadable
from auditor.errors import ConnectionConfigError

log = logging.getLogger(__name__)

REREAD_SECONDS = 1.0
"""Reading 2 KB takes 15 us: once a second is free, and sooner than any rotation needs. Times of files are not asked,
because two writes within one tick of the file system's clock have the same."""


@dataclass(frozen=True, slots=True)
class Pem:
    """Certificates or a key, with the place they are from. Equal if the text is."""

    text: bytes = field(default=b"", repr=False)
    where: str = field(default="", compare=False)


class Fixed:
    """What cannot change."""

    def __init__(self, value: bytes = b"", where: str = "") -> None:
        self._value, self.where = value, where

    def get(self) -> bytes:
        return self._value

    def reread(self) -> None:
        """It cannot change."""


class Content:
    """A file that is read again from time to time. While it is gone, empty or wrong, what it held last stays."""

    def __init__(
        self,
        section: Section,
        name: str,
        path: Path,
        *,
        clock: Callable[[], float],
        find_problem: Callable[[bytes], str] = lambda _: "",
    ) -> None:
        self._advice = section.advice
        self.where = f"{section.locate(name)}: {path}"
        self._path, self._clock, self._find_problem = path, clock, find_problem
        self._read_at = clock()
        self._value = self._read()
        self._complained = False

    def get(self) -> bytes:
        if self._clock() - self._read_at >= REREAD_SECONDS:
            self.reread()
        return self._value

    def reread(self) -> None:
        self._read_at = self._clock()
        try:
            self._value = self._read()
            self._complained = False
        except ConnectionConfigError as error:
            if not self._complained:
                log.warning("%s; what it held before is used on", error)
            self._complained = True

    def _read(self) -> bytes:
        try:
            value = self._path.read_bytes()
        except OSError as error:
            raise ConnectionConfigError(f"{self.where}: {explain_unreadable(error)}. {self._advice}") from None
        if not value.strip():
            raise ConnectionConfigError(f"{self.where}: the file is empty. {self._advice}")
        if problem := self._find_problem(value):
            raise ConnectionConfigError(f"{self.where}: {problem}")
        return value


def read_content(section: Section, name: str, *, clock: Callable[[], float]) -> Content | Fixed:
    """Of `name-data`, which goes first as in kubectl, or of the file `name`; empty without either."""
    if section.text(f"{name}-data"):
        return Fixed(section.data(f"{name}-data"), section.locate(f"{name}-data"))
    path = section.path(name)
    return Content(section, name, path, clock=clock) if path else Fixed()


def pem_of(content: Content | Fixed) -> Pem:
    return Pem(content.get(), content.where)
