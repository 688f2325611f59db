"""How long a report took is counted from the first change that it tells, and only when it tells it."""

from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
from prometheus_client import CollectorRegistry

from auditor.audit.reports import ReportWriter
from auditor.errors import LeaseLostError, UnreachableError
from auditor.model.settings import ReportSettings

UID = "3b241101-e2bb-4255-8caf-4136c566a962"
REPORT = f"shop/auditor-{UID}"


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class World:
    def __init__(self) -> None:
        self.clock, self.registry = Clock(), CollectorRegistry()
        self.writer = ReportWriter(
            mock.Mock(),
            informers=mock.Mock(),
            settings=ReportSettings,
            find=lambda *_: None,
            guard=mock.Mock(),
            settled=lambda _: True,
            registry=self.registry,
            clock=self.clock,
        )

    def mark(self, after: float = 0.0) -> None:
        self.clock.now += after
        self.writer.mark("things.example.com", "shop/a", UID)

    def work(self, put_right: Callable[[str], Any], after: float = 1.0) -> None:
        self.clock.now += after
        with mock.patch.object(self.writer, "_put_right", put_right):
            self.writer._work(REPORT)

    def told(self) -> tuple[float, float]:
        """How many, and how many seconds together."""
        found = [self.registry.get_sample_value(f"auditor_reports_delay_seconds_{each}") for each in ("count", "sum")]
        return found[0] or 0.0, found[1] or 0.0


@pytest.fixture
def world() -> World:
    return World()


def test_from_the_first_change_to_the_write(world: World) -> None:
    world.mark()
    world.mark(after=0.5)
    world.work(lambda _: True)
    assert world.told() == (1, 1.5)
    world.work(lambda _: True)  # a repair tells nothing new
    assert world.told() == (1, 1.5)


def test_what_could_not_be_written_goes_on_to_wait(world: World) -> None:
    world.mark()
    world.work(lambda _: False)
    with pytest.raises(UnreachableError):
        world.work(mock.Mock(side_effect=UnreachableError("away")))
    assert world.told() == (0, 0)
    world.mark()
    world.work(lambda _: True)
    assert world.told() == (1, 3)


def test_what_is_somebody_elses_now_waits_for_nobody(world: World) -> None:
    world.mark()
    world.work(mock.Mock(side_effect=LeaseLostError("gone")))
    world.work(lambda _: True)
    world.mark()
    world.writer.forget("things.example.com")
    world.work(lambda _: True)
    assert world.told() == (0, 0)
    assert world.writer._news == {}


def test_what_has_no_room_is_not_late(world: World) -> None:
    world.mark()
    world.writer._beyond.add(REPORT)
    world.work(lambda _: False)
    assert world.writer._news == {}
