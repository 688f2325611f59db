"""How shelves say what is in the way: once for all of them, and nothing of what nobody wants."""

import logging
from typing import Any, cast

import pytest

from auditor.audit.reports.shelf import REMIND, RETRY, Shelf, Voice
from auditor.cluster.discovery import Discovery
from auditor.cluster.informer import Informers
from auditor.errors import ClusterError, UnreachableError
from auditor.model.settings import ReportApi
from auditor.report.crs import FORMS


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Nothing:
    """A cluster that does not answer."""

    def __init__(self, error: ClusterError) -> None:
        self.error = error

    def find_exact(self, *_: str) -> None:
        raise self.error

    def catalog(self) -> "Nothing":
        return self


def shelves(clock: Clock, error: ClusterError) -> list[Shelf]:
    voice = Voice(clock)
    given: Any = {
        "informers": cast(Informers, None),
        "discovery": cast(Discovery, Nothing(error)),
        "handler": lambda *_: None,
        "clock": clock,
        "voice": voice,
    }
    return [Shelf(api, form, **given) for api, forms in FORMS.items() for form in forms]


def test_one_trouble_of_all_is_said_once_and_remembered_by_those_that_are_wanted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    found = shelves(clock, UnreachableError("refused"))
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            for each in found:
                each.look(wanted=each.api is ReportApi.OPENREPORTS)
            clock.now += RETRY
    assert [record.getMessage() for record in caplog.records] == [
        "no reports are written: whether there is such a kind is not known: refused"
    ]
    assert [bool(each.trouble) for each in found] == [each.api is ReportApi.OPENREPORTS for each in found]


def test_it_is_said_again_after_a_while(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    voice = Voice(clock)
    with caplog.at_level(logging.WARNING):
        for seconds in (0, 1, REMIND - 2, 2, 1):
            clock.now += seconds
            voice.warn("a")
            voice.warn("b")
    assert [record.getMessage() for record in caplog.records] == ["a", "b", "a", "b"]
