"""The thread around a keeper: what is in force, what is told, how failures end."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from auditor.certs import Authority
from auditor.errors import InputError, UnreachableError, UsageError
from auditor.webhooks.certificates.files import FilesKeeper, FilesSettings
from auditor.webhooks.certificates.material import Material
from auditor.webhooks.certificates.own import SecretSettings
from auditor.webhooks.certificates.source import Certificates, open_keeper
from auditor.webhooks.certificates.tls import ClientSettings
from tests.unit.webhooks.certificates.door import make_material


class FakeKeeper:
    """Gives what it is told to, and says when it was asked."""

    def __init__(self) -> None:
        self.material: Material | None = make_material(Authority.create("door"))
        self.failure: Exception | None = None
        self.before: Callable[[], None] = lambda: None
        self.asked = threading.Semaphore(0)

    def refresh(self) -> float:
        self.before()
        self.asked.release()
        if self.failure is not None:
            raise self.failure
        return 3600.0


@pytest.fixture
def keeper() -> FakeKeeper:
    return FakeKeeper()


def test_change_is_served_and_told_once(keeper: FakeKeeper) -> None:
    told: list[Material] = []
    certificates = Certificates(keeper, on_change=told.append)
    certificates.refresh()
    first = certificates.context()
    certificates.refresh()
    assert told == [keeper.material]
    keeper.material = make_material(Authority.create("other"))
    certificates.refresh()
    assert len(told) == 2
    assert certificates.material == keeper.material
    assert certificates.context(object(), object()) is not first


def test_start_without_a_certificate_fails_and_leaves_no_thread(keeper: FakeKeeper) -> None:
    keeper.material, keeper.failure = None, UnreachableError("no cluster")
    certificates = Certificates(keeper)
    with pytest.raises(UnreachableError, match="no cluster"):
        certificates.start()
    certificates.stop()
    assert not [t for t in threading.enumerate() if t.name == "certificates"]


def test_failure_later_is_said_and_what_is_in_force_stays(keeper: FakeKeeper, caplog: pytest.LogCaptureFixture) -> None:
    certificates = Certificates(keeper)
    certificates.start()
    context = certificates.context()
    assert keeper.asked.acquire(timeout=10)
    for failure in (UnreachableError("no cluster"), RuntimeError("a defect"), None):
        keeper.failure = failure
        certificates.wake()
        assert keeper.asked.acquire(timeout=10)
    certificates.stop()
    assert certificates.context() is context
    assert certificates.error == ""
    assert [r.levelno for r in caplog.records] == [logging.ERROR] * 2
    assert "no cluster" in caplog.text
    assert "a defect" in caplog.text


def test_error_is_there_to_be_shown(keeper: FakeKeeper) -> None:
    certificates = Certificates(keeper)
    keeper.failure = UnreachableError("no cluster")
    with pytest.raises(UnreachableError):
        certificates.refresh()
    assert certificates.error == "no cluster"
    assert certificates.material == keeper.material  # it had come as far as that


def test_pair_that_does_not_load_is_an_error(keeper: FakeKeeper, tmp_path: Path) -> None:
    certificates = Certificates(keeper, clients=ClientSettings(authorities=tmp_path / "missing"))
    with pytest.raises(InputError, match="missing"):
        certificates.start()


def test_stop_while_it_works_waits_for_the_end_of_the_work(keeper: FakeKeeper) -> None:
    certificates = Certificates(keeper)
    certificates.start()
    entered, go_on = threading.Event(), threading.Event()
    keeper.before = lambda: (entered.set(), go_on.wait(10), None)[-1]  # type: ignore[func-returns-value]
    certificates.wake()
    assert entered.wait(10)
    stopping = threading.Thread(target=certificates.stop)
    stopping.start()
    go_on.set()
    stopping.join(10)
    assert not stopping.is_alive()


def test_switch_chooses_the_keeper(tmp_path: Path) -> None:
    assert isinstance(open_keeper(FilesSettings(directory=tmp_path)), FilesKeeper)
    with pytest.raises(UsageError, match="needs a cluster"):
        open_keeper(SecretSettings(namespace="auditor", hosts=("door",)))
    with pytest.raises(UsageError, match="needs the hosts"):
        SecretSettings(namespace="auditor", hosts=())
