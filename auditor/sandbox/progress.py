"""How long work tells that it goes on; whoever starts the work decides what a person sees of it."""

from typing import Protocol


class Progress(Protocol):
    def begin(self, text: str) -> None:
        """A new step has begun."""

    def advance(self, done: int, total: int) -> None:
        """So much of the step is done."""


class Silent:
    def begin(self, text: str) -> None:
        pass

    def advance(self, done: int, total: int) -> None:
        pass
