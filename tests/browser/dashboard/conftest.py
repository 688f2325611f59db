"""A dashboard that is served by gunicorn as users have it, and a browser that came in by its link."""

import importlib
import os
import shutil
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.dashboard.world import make_url, make_world

AXE = "axe-core@4.14.1"
PATIENCE = 60


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = make_url(Path(tmp_path_factory.mktemp("browser")))
    make_world(url, objects=70)
    return url


@pytest.fixture(scope="session")
def link(history: str) -> Iterator[str]:
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
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
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
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The accessibility checker, from its registry: it is no part of what we ship."""
    if given := os.environ.get("AXE_CORE"):
        return Path(given).read_text()
    if not shutil.which("npm"):
        pytest.skip("there is no npm to fetch axe-core, and $AXE_CORE names none")
    folder = tmp_path_factory.mktemp("axe")
    done = subprocess.run(["npm", "pack", AXE], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"npm cannot fetch {AXE}: {done.stderr.strip()[-200:]}")
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        file = archive.extractfile("package/axe.min.js")
        assert file is not None
        return file.read().decode()
