"""The CRDs of the reports that are wanted are created, tried again, and asked for no more often than need be."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from auditor.audit.reportcrds import ReportCrds
from auditor.errors import ClusterError
from auditor.model.settings import ReportApi

SECONDS = 5.0


class Installing:
    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)
        self._changed = threading.Condition()
        self.asked: list[ReportApi] = []

    def __call__(self, api: ReportApi) -> bool:
        with self._changed:
            self.asked.append(api)
            self._changed.notify_all()
            if self._errors:
                raise self._errors.pop(0)
        return True

    def wait(self, holds: Callable[[list[ReportApi]], bool]) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: holds(self.asked), SECONDS)


@pytest.fixture
def ends() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def make(ends: ExitStack, install: Installing, retry: float = 0.001) -> ReportCrds:
    found = ReportCrds(install, retry=retry)
    ends.callback(found.stop)
    return found


def test_once_for_each_api_that_is_wanted(ends: ExitStack) -> None:
    install = Installing()
    crds = make(ends, install)
    for api in (ReportApi.OPENREPORTS, ReportApi.OPENREPORTS, ReportApi.WGPOLICY, ReportApi.WGPOLICY):
        crds.want(api)
        assert install.wait(lambda asked, api=api: asked[-1:] == [api])  # type: ignore[misc]
    assert install.asked == [ReportApi.OPENREPORTS, ReportApi.WGPOLICY]


def test_who_writes_reports_is_told_when_they_were_created(ends: ExitStack) -> None:
    told = threading.Event()
    crds = ReportCrds(Installing(ClusterError("forbidden")), created=told.set, retry=0.001)
    ends.callback(crds.stop)
    crds.want(ReportApi.OPENREPORTS)
    assert told.wait(SECONDS)


@pytest.mark.parametrize("error", [ClusterError("forbidden"), KeyError("a defect")])
def test_tried_again_until_it_is_there(ends: ExitStack, error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    install = Installing(error, error, error)
    crds = make(ends, install)
    crds.want(ReportApi.OPENREPORTS)
    assert install.wait(lambda asked: len(asked) == 4)
    warnings = [each for each in caplog.records if "tried again" in each.getMessage()]
    assert len(warnings) == 1


def test_another_api_is_not_kept_waiting(ends: ExitStack) -> None:
    install = Installing(ClusterError("forbidden"))
    crds = make(ends, install, retry=3600.0)
    crds.want(ReportApi.OPENREPORTS)
    assert install.wait(lambda asked: len(asked) == 1)
    crds.want(ReportApi.WGPOLICY)
    assert install.wait(lambda asked: asked[1:] == [ReportApi.WGPOLICY])


def test_nothing_after_the_end(ends: ExitStack) -> None:
    install = Installing()
    crds = make(ends, install)
    crds.stop()
    crds.want(ReportApi.OPENREPORTS)
    assert install.asked == []
