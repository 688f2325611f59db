"""A dashboard that is served by gunicorn as users have it, and one browser, which came in by its link."""

import importlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.browser.dashboard.axe import AxeError, ask_axe, read_axe
from tests.unit.dashboard.world import make_url, make_world

PATIENCE: Final = 60
FLAGS: Final = (
    "--no-sandbox",  # it refuses to sandbox where it runs as root, and only our own pages are opened
    "--disable-quic",
    "--disable-gpu",
    "--disable-dev-shm-usage",  # containers have 64 MB there
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
)
WIDE: Final = {"width": 1360, "height": 850}
NARROW: Final = {"width": 360, "height": 740}
VIEWS: Final = {
    "light": {"viewport": WIDE, "color_scheme": "light"},
    "dark": {"viewport": WIDE, "color_scheme": "dark"},
    "narrow": {"viewport": NARROW, "color_scheme": "light"},
}
Open = Callable[..., Any]


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = make_url(Path(tmp_path_factory.mktemp("browser")))
    make_world(url, objects=70)
    return url


@pytest.fixture(scope="session")
def link(history: str, chromium: Any) -> Iterator[str]:
    """What the terminal shows."""
    command = [sys.executable, "-m", "tests.browser.dashboard.serve", history]
    serving = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3], start_new_session=True
    )
    assert serving.stdout is not None
    try:
        yield serving.stdout.readline().strip()
    finally:
        serving.send_signal(signal.SIGTERM)
        serving.wait(PATIENCE)
        serving.stdout.close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not found:
        pytest.skip("there is no chromium on PATH, and $CHROMIUM names none")
    with importlib.import_module("playwright.sync_api").sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def session(chromium: Any, link: str) -> tuple[str, Any]:
    """Where the dashboard is, and the cookie of who came in."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto(link)
    state = context.storage_state()
    context.close()
    return link.partition("/enter")[0], state


@pytest.fixture(scope="session")
def axe() -> str:
    try:
        return read_axe()
    except AxeError as error:
        pytest.skip(str(error))


class Visit:
    """A page that is opened again and again, by one who came in. Whatever the browser complains of, or asks somebody
    else for, is noted."""

    def __init__(self, chromium: Any, session: tuple[str, Any], **more: Any) -> None:
        base, state = session
        self.wrong: list[str] = []
        # Without transitions: a colour on its way to another is no colour of the design.
        self._context = chromium.new_context(base_url=base, storage_state=state, reduced_motion="reduce", **more)
        self.page = self._context.new_page()
        self.page.on("console", lambda told: self._note(told.text) if told.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self._note(str(error)))
        self.page.on("request", lambda asked: None if asked.url.startswith(base) else self._note(asked.url))

    def _note(self, what: str) -> None:
        self.wrong.append(what)

    def open(self, path: str) -> Any:
        answer = self.page.goto(path)
        assert answer.status == 200
        return self.page

    def close(self) -> None:
        self._context.close()


class Checked(Visit):
    """One that axe looks at."""

    def __init__(self, chromium: Any, session: tuple[str, Any], axe: str) -> None:
        super().__init__(chromium, session, bypass_csp=True)  # for axe alone
        self._axe = axe

    def find_barriers(self, view: str = "light") -> list[str]:
        self.page.emulate_media(color_scheme=VIEWS[view]["color_scheme"])
        self.page.set_viewport_size(VIEWS[view]["viewport"])
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(self._axe)
        found: list[str] = self.page.evaluate(ask_axe())
        if not self.page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"):
            found.append("it is wider than the window")
        return found


@pytest.fixture(scope="session")
def checked(chromium: Any, session: tuple[str, Any], axe: str) -> Iterator[Checked]:
    visit = Checked(chromium, session, axe)
    yield visit
    visit.close()


@pytest.fixture(scope="session")
def plain(chromium: Any, session: tuple[str, Any]) -> Iterator[Visit]:
    """Without scripts."""
    visit = Visit(chromium, session, java_script_enabled=False)
    yield visit
    visit.close()


@pytest.fixture
def open_page(chromium: Any, session: tuple[str, Any]) -> Iterator[Open]:
    """A new window for this test alone."""
    visits: list[Visit] = []

    def open_page(path: str, view: str = "light") -> Any:
        visits.append(Visit(chromium, session, **VIEWS[view]))
        return visits[-1].open(path)

    yield open_page
    for visit in visits:
        visit.close()
    assert not [each for visit in visits for each in visit.wrong]
