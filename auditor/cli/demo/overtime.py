"""What became of it all: a report as a file, and the dashboard, which is looked at before it is shown."""

import http.cookiejar
import json
import time
import urllib.request
from pathlib import Path
from typing import Final

from auditor.cli.demo.services import Board
from auditor.cli.demo.stage import Stage, StoryError

PATIENCE: Final = 60.0
"""Seconds until the watcher has told the history. It takes one."""


def write_report(stage: Stage, database: str, folder: Path) -> Path:
    stage.begin(
        "Over time",
        "The watcher keeps a history: what was found when, by whom it was written, and when it was repaired.",
    )
    file = folder / "report.html"
    options = ("--database-url", database, "--period", "24h")
    deadline = time.monotonic() + PATIENCE
    while "queues-named" not in stage.read_own("report", *options):  # what was judged last
        if time.monotonic() > deadline:
            raise StoryError(f"demo: the history does not have what was found last after {PATIENCE:g} s")
        time.sleep(0.2)
    stage.expect_own("report is written", "", "report", *options, "-o", f"html={file}", code=0)
    if "queues-named" not in file.read_text():
        raise StoryError(f"demo: {file} does not tell what was found")
    stage.done(f"it is in {file}")
    return file


def look_at_dashboard(stage: Stage, board: Board) -> str:
    """As a browser would: by the link. Gives another link, which nobody has used."""
    visitor = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))

    def get(path: str, data: bytes | None = None) -> str:
        asked = urllib.request.Request(  # noqa: S310 - of our own making
            f"{board.url}{path}", data=data, headers={"Origin": board.url}
        )
        with visitor.open(asked, timeout=PATIENCE) as answer:
            return str(answer.read().decode())

    if "Compliance" not in get(board.take_link().removeprefix(board.url)):
        raise StoryError("demo: the dashboard does not show its first page")
    stage.done("dashboard is there")
    found = json.loads(get("/api/v1/findings"))["findings"]
    policies = {each["policy"] for each in found}
    if not {"databasecluster-room", "queues-named"} <= policies:
        raise StoryError(f"demo: the dashboard does not show what is open, but {sorted(policies) or 'nothing'}")
    for each in found:
        stage.tell(f"{each['severity']:8} {each['policy']}/{each['rule']}: {each['kind']} {each['name']}")
    stage.done(f"{len(found)} open findings are on its pages")
    page = get(f"/findings/{found[0]['fingerprint']}")
    if "Who wrote" not in page:
        raise StoryError("demo: the page of a finding does not tell who wrote it")
    stage.done("and who wrote what they are about")
    get("/enter", data=b"")
    return board.take_link()
