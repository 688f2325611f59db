"""Every page in a real browser: it works, can be used by everybody, fits, and loads nothing from elsewhere."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from auditor.dashboard.routes import ROUTES
from auditor.report.history import History, KindCoverage
from tests.unit.dashboard.world import NOW, UID

PLAIN = [route.path for route in ROUTES if route.path and "<" not in route.path]
PAGES = [*PLAIN, "/reports", "/policies/Policy/quorum"]
RULES = "{runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice']}"
VIEWS = {
    "light": {"viewport": {"width": 1360, "height": 850}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1360, "height": 850}, "color_scheme": "dark"},
    "narrow": {"viewport": {"width": 360, "height": 740}, "color_scheme": "light"},
}
Open = Callable[..., Any]


@pytest.fixture
def open_page(chromium: Any, session: tuple[str, Any]) -> Iterator[Open]:
    """Whatever the browser complains of, or asks somebody else for, fails the test."""
    base, state = session
    contexts, wrong = [], []

    def open_page(path: str, view: str = "light", **more: Any) -> Any:
        context = chromium.new_context(base_url=base, storage_state=state, **VIEWS[view], **more)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda told: wrong.append(told.text) if told.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda asked: wrong.append(asked.url) if not asked.url.startswith(base) else None)
        answer = page.goto(path)
        assert answer.status == 200
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not wrong


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_for_everybody(path: str, open_page: Open, axe: str) -> None:
    for view in VIEWS:
        page = open_page(path, view, bypass_csp=True)  # for axe alone
        page.evaluate(axe)
        found = page.evaluate(f"axe.run(document, {RULES})")
        told = [f"{each['id']}: {node['html'][:120]}" for each in found["violations"] for node in each["nodes"][:3]]
        assert not told, (path, view, told)
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_a_finding_is_for_everybody(open_page: Open, axe: str) -> None:
    page = open_page("/findings", bypass_csp=True)
    page.click("td.message a")
    assert page.locator("h1").inner_text()
    page.evaluate(axe)
    assert page.evaluate("axe.run()")["violations"] == []


@pytest.mark.parametrize("path", PAGES)
def test_a_page_works_without_scripts(path: str, open_page: Open) -> None:
    page = open_page(path, java_script_enabled=False)
    assert page.locator("main h1").count() == 1
    assert page.locator("#theme").is_hidden()


def test_filters_stand_in_the_url(open_page: Open) -> None:
    page = open_page("/findings")
    whole = int(page.locator(".found b").inner_text())
    page.select_option("[name=severity]", "high")
    page.select_option("[name=result]", "violation")
    page.fill("[name=namespace]", "zebra")
    page.click("text=Show")
    assert "severity=high" in page.url
    assert "namespace=zebra" in page.url
    some = int(page.locator(".found b").inner_text())
    assert 0 < some < whole
    assert set(page.locator("td:first-child > .mark").all_inner_texts()) == {"high"}
    page.reload()
    assert int(page.locator(".found b").inner_text()) == some
    assert page.input_value("[name=severity]") == "high"
    page.click("text=Reset")
    assert int(page.locator(".found b").inner_text()) == whole


def test_pages_are_turned(open_page: Open) -> None:
    page = open_page("/findings?sort=object")
    total = int(page.locator(".found b").inner_text())
    seen = page.locator("td.message a").evaluate_all("all => all.map(each => each.href)")
    while page.locator("a[rel=next]").count():
        page.click("a[rel=next]")
        seen += page.locator("td.message a").evaluate_all("all => all.map(each => each.href)")
    assert len(seen) == len(set(seen)) == total > 100
    page.click("text=First page")
    assert page.url.endswith("sort=object")


def test_columns_are_sorted_by(open_page: Open) -> None:
    page = open_page("/findings")
    page.click("th a:text('object')")
    assert page.locator("th[aria-sort=ascending]").inner_text().startswith("object")
    names = page.locator("td .object .dim").all_inner_texts()
    assert len(names) == 50


def test_the_keyboard_suffices(open_page: Open) -> None:
    page = open_page("/findings")
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.name") == "q"
    page.keyboard.type("zebra-orders")
    page.keyboard.press("Enter")
    page.wait_for_url("**/findings?q=zebra-orders*")
    assert page.locator("td.message").count() > 0


def test_a_theme_that_was_chosen_stays(open_page: Open) -> None:
    page = open_page("/", "dark")
    back = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(back) == "rgb(16, 21, 27)"
    page.click("#theme")
    assert page.locator("#theme").inner_text() == "Theme: light"
    assert page.evaluate(back) == "rgb(255, 255, 255)"
    page.goto("/policies")
    assert page.evaluate(back) == "rgb(255, 255, 255)"


def test_what_changes_shows_by_itself(open_page: Open, history: str) -> None:
    page = open_page("/kinds")
    assert "later.example.com" not in page.inner_text("main")
    writer = History.open(history, cluster=UID)
    gap = KindCoverage(
        at=NOW.replace(minute=1),
        group="later.example.com",
        resource="things",
        present=3,
        evaluated=1,
        not_evaluated=2,
    )
    writer.note_coverage([gap])
    writer.close()
    page.evaluate("document.dispatchEvent(new Event('auditor:ask'))")
    page.locator("main", has_text="later.example.com").wait_for()
    page.locator("#news", has_text="Updated").wait_for()


@pytest.mark.parametrize("form", ["html", "csv", "json", "markdown"])
def test_a_report_is_downloaded(form: str, open_page: Open) -> None:
    page = open_page("/reports")
    page.check(f"[value={form}]")
    page.fill("[name=namespace]", "zebra")
    with page.expect_download() as waiting:
        page.click("text=Download")
    assert waiting.value.suggested_filename.startswith("compliance-2026-11-13-to-2026-11-20")
    text = waiting.value.path().read_text()
    assert "zebra" in text
    assert "quokka" not in text


def test_who_did_not_come_by_the_link_sees_nothing(chromium: Any, session: tuple[str, Any], axe: str) -> None:
    context = chromium.new_context(base_url=session[0], bypass_csp=True)
    try:
        page = context.new_page()
        assert page.goto("/findings").status == 401
        assert "zebra" not in page.content()
        page.evaluate(axe)
        assert page.evaluate("axe.run()")["violations"] == []
        page.click("text=Show a new link in the terminal")
        assert "The terminal shows a link" in page.inner_text("main")
    finally:
        context.close()
