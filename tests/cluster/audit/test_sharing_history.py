"""Two and three watchers with one history: who is killed has heirs, and no finding is lost, doubled or fought over."""

import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from auditor.cluster.informer import Change, Informers, Notice
from auditor.cluster.stores import Keep
from auditor.json import JsonObject
from tests.cluster.audit.churn import Churn
from tests.cluster.audit.conftest import FEW, ODD, POLICIES, Stage, Start, make_crd, policy
from tests.cluster.audit.past import check_turns, open_findings, read_turns, reported, tell_apart
from tests.cluster.audit.running import wait
from tests.cluster.audit.test_watchers import KINDS, owned, settled, versions
from tests.cluster.audit.truth import REPORTS
from tests.cluster.history.conftest import create_database, make_server
from tests.cluster.history.server import Server


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    # Not in pytest's own folder: that is closed to the user nobody.
    with tempfile.TemporaryDirectory(prefix="auditor-pg-") as place:
        Path(place).chmod(0o755)
        found = make_server(Path(place) / "server")
        try:
            yield found
        finally:
            if found.running:
                found.stop("immediate")


def content(report: JsonObject) -> Any:
    """Without what the API server does to each object that is written."""
    body = {name: value for name, value in report.items() if name != "metadata"}
    metadata = report["metadata"]
    return (body, metadata.get("labels"), metadata.get("ownerReferences"), metadata["uid"])


class Fights:
    """Writes of reports that changed nothing."""

    def __init__(self, stage: Stage) -> None:
        self.found: list[str] = []
        self.writes = 0
        self._informers = Informers(stage.client)
        self._informers.open(REPORTS, keep=Keep(whole=True), handler=self._hear)

    def _hear(self, notice: Notice) -> None:
        if notice.change is not Change.UPDATED or notice.initial or notice.object is None or notice.old is None:
            return
        self.writes += 1
        if content(notice.old) == content(notice.object):
            self.found.append(notice.key)

    def close(self) -> None:
        self._informers.stop()


@pytest.mark.timeout(300)  # a minute; a busy machine takes three
@pytest.mark.parametrize("count", [2, 3])
def test_one_of_those_who_share_is_killed(stage: Stage, start: Start, server: Server, count: int) -> None:
    url = create_database(server)
    stage.put(POLICIES, policy("one", ODD, FEW, resources=KINDS))
    resources = [stage.install(make_crd(plural)) for plural in KINDS]
    static = {stage.write(f"static{n}", resource=each, replicas=2 * n) for each in resources for n in range(3)}
    fights = Fights(stage)
    try:
        programs = [start("--share", "--database-url", url, quick=True) for _ in range(count)]
        wait(settled(programs), why=lambda: str([*map(owned, programs)]))
        with Churn(stage, resources=resources, names=4) as churn:
            churn.rest(3)
            victim = max(programs, key=lambda each: len(owned(each)))
            victim.kill()
            rest = [each for each in programs if each is not victim]
            wait(settled(rest), why=lambda: str([*map(owned, rest)]))
            churn.rest(1)
            rest.append(start("--share", "--database-url", url, quick=True))
            wait(settled(rest), why=lambda: str([*map(owned, rest)]))
            assert rest[0].stop() < 10
            rest = rest[1:]
            wait(settled(rest), why=lambda: str([*map(owned, rest)]))
            churn.rest(1)
        stage.wait_equal(*rest)
        said = "\n".join(each.text[-2000:] for each in rest)
        wait(lambda: open_findings(url) == reported(stage), why=lambda: f"{tell_apart(stage, url)}\n{said}")
        check_turns(url)
        turns = read_turns(url)
        stays = {row[4] for uid, rows in stage.rows(checks=True).items() if uid in static for row in rows}
        assert len(stays) == len(static)
        assert {each: turns[each] for each in stays} == {each: ["opened"] for each in stays}
        before = versions(stage)
        threading.Event().wait(3)
        assert versions(stage) == before
        assert fights.writes
        assert fights.found == []
    finally:
        fights.close()
