"""Objects of one of our kinds as they change, each read once for each of its states."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import field
from typing import Generic, TypeVar

from auditor.dataclass import dataclass
from auditor.engine.mistakes import Mistake
from auditor.intake.live.reading import Reading
from auditor.json import JsonObject
from auditor.languages.jq.process import StoppedError

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class State(Generic[T]):
    """What became of one object."""

    thing: JsonObject
    good: T | None
    """What is in force: of this state of the object, or of the last one that was right."""
    mistakes: tuple[Mistake, ...] = ()
    """Of this state, warnings included."""
    generation: int = 0
    """Of the object."""
    in_force: int = 0
    """The generation that `good` is of; 0: none is."""

    @property
    def right(self) -> bool:
        """With mistakes it may be what is in force, too: when it was read first, they were none."""
        return self.good is not None and self.in_force == self.generation and not self.errors

    @property
    def errors(self) -> tuple[Mistake, ...]:
        return tuple(each for each in self.mistakes if not each.warning)


@dataclass(slots=True)
class Shelf(Generic[T]):
    """`keep`: an object that is wrong now goes on as it was when it was right. Who writes it is one thread."""

    read: Callable[[JsonObject], Reading[T]]
    keep: bool = False
    states: dict[str, State[T]] = field(default_factory=dict)
    """By key: name, or namespace/name."""

    def take(self, key: str, thing: JsonObject | None) -> bool:
        """None: it is gone. Whether anything is different now."""
        return self.remove(key) if thing is None else self.put(key, thing)

    def put(self, key: str, thing: JsonObject) -> bool:
        """Whether anything is different now. A write that left the spec alone, as that of a status, is none."""
        old = self.states.get(key)
        generation = int((thing.get("metadata") or {}).get("generation") or 0)
        if old is not None and old.generation == generation and old.thing.get("spec") == thing.get("spec"):
            return False
        self.states[key] = self._state(thing, generation, old)
        return True

    def read_again(self, key: str) -> bool:
        """Because something else has changed by which it is read."""
        old = self.states[key]
        new = self.states[key] = self._state(old.thing, old.generation, old)
        return new.good is not old.good or new.mistakes != old.mistakes

    def _state(self, thing: JsonObject, generation: int, old: State[T] | None) -> State[T]:
        good, mistakes = self._read(thing)
        in_force = generation
        if good is None:
            good, in_force = (old.good, old.in_force) if self.keep and old is not None else (None, 0)
        return State(thing, good, tuple(mistakes), generation, in_force)

    def _read(self, thing: JsonObject) -> Reading[T]:
        """An object on which we fail is wrong by itself, and no reason not to take over the others.

        StoppedError is raised on: there was no process to compile it, which says nothing of the object.
        """
        try:
            return self.read(thing)
        except StoppedError:
            raise
        except Exception as error:
            name = str((thing.get("metadata") or {}).get("name"))
            log.exception("%s %s could not be read: a defect of auditor", thing.get("kind"), name)
            message = f"could not be read, which is a defect of auditor: {type(error).__name__}: {error}"
            return None, [Mistake(policy=name, pointer="", message=message, kind=str(thing.get("kind")))]

    def remove(self, key: str) -> bool:
        return self.states.pop(key, None) is not None

    def good(self) -> Iterator[T]:
        """All that are in force, in the order of their keys."""
        for _, state in sorted(self.states.items()):
            if state.good is not None:
                yield state.good
