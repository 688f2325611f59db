"""How work that takes long looks to a person: a bar on a terminal, now and then a line elsewhere."""

import sys
import time
from collections.abc import Callable

import click

BAR = 30
LINE_EVERY = 15.0  # seconds: often enough that a CI log shows life, seldom enough that it stays readable


class ShownProgress:
    """On standard error, so that what a command prints stays clean."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._last = time.monotonic()
        self._open = False

    def of(self, count: Callable[[], int]) -> Callable[[int], None]:
        """For work on things that have to be counted first, which is done only if somebody looks on."""
        if not self._terminal:
            return lambda _: None
        total = count()
        return lambda done: self.advance(done, total)

    def begin(self, text: str) -> None:
        self.close()
        click.echo(f"{text} ...", err=True)
        self._last = time.monotonic()

    def advance(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._last < (0.1 if self._terminal else LINE_EVERY):
            return
        self._last = now
        share = min(1.0, done / max(1, total))
        if self._terminal:
            bar = ("#" * round(share * BAR)).ljust(BAR, ".")
            click.echo(f"\r  [{bar}] {share:4.0%}", err=True, nl=False)
            self._open = True
        else:
            click.echo(f"  {share:.0%}", err=True)

    def close(self) -> None:
        if self._open:
            click.echo("\r" + " " * (BAR + 10) + "\r", err=True, nl=False)
            self._open = False
