"""The site is built of all pages, loads nothing from elsewhere, and no link of any page leads nowhere."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.unit.docs.pages import DOCS, ROOT, anchors, links, name_of, pages


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Whatever mkdocs warns of is an error: pages without a place in the navigation, links that lead nowhere."""
    place = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(place)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return place


@pytest.mark.timeout(240)  # who comes first waits for the site: ten seconds, on a busy machine ten times that
def test_every_page_is_in_the_site(site: Path) -> None:
    expected = {page.relative_to(DOCS).with_suffix(".html").as_posix() for page in DOCS.rglob("*.md")}
    expected = {name.replace("README.html", "index.html") for name in expected}
    expected |= {f"packs/{page.parent.name}.html" for page in ROOT.glob("policies/*/README.md")}
    made = {page.relative_to(site).as_posix() for page in site.rglob("*.html")}
    assert expected <= made
    menu = (site / "index.html").read_text()
    assert [name for name in sorted(expected - {"index.html"}) if f'href="{name}"' not in menu] == []


@pytest.mark.timeout(240)
def test_it_loads_nothing_from_elsewhere(site: Path) -> None:
    """A link is followed by who clicks on it; all else would be fetched by itself."""
    loads = re.compile(r"""<(?:script|link|img|iframe|source)\b[^>]*\b(?:src|href)=["']?((?:https?:)?//[^"'\s>]+)""")
    assert {found for page in site.rglob("*.html") for found in loads.findall(page.read_text())} == set()
    styles = "".join(style.read_text() for style in site.rglob("*.css"))
    assert re.findall(r"url\([\"']?(?:https?:)?//", styles) == []


@pytest.mark.timeout(240)
def test_tables_are_whole(site: Path) -> None:
    """A comment between their rows, as marks of generators, would end them: here and on GitHub."""
    assert all("<p>| " not in page.read_text() for page in site.rglob("*.html"))
    assert [
        name_of(page) for page in pages() if re.search(r"^\|.*\|\n<!--.*-->\n\|", page.read_text(), re.MULTILINE)
    ] == []


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    wrong = []
    for link in links(page):
        target, _, anchor = link.partition("#")
        there = (page.parent / target).resolve() if target else page
        if not there.exists() or (anchor and (there.suffix != ".md" or anchor not in anchors(there))):
            wrong.append(link)
    assert wrong == []


def test_the_readme_is_short_and_leads_to_the_pages() -> None:
    readme = ROOT / "README.md"
    assert len(readme.read_text().splitlines()) < 120
    assert sum(link.startswith("docs/") for link in links(readme)) > 10


def test_every_threat_names_a_test_that_there_is() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (DOCS / "security.md").read_text())
    rows = [line for line in (DOCS / "security.md").read_text().splitlines() if "| `tests/" in line]
    assert len(rows) == len(named) > 30
    assert [name for file, name in named if f"def {name}(" not in (ROOT / file).read_text()] == []


def test_the_configuration_is_plain() -> None:
    """No tag that runs something while it is read."""
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    assert settings["theme"]["font"] is False
