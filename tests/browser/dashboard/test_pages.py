"""Every page in a real browser: it works, can be used by everybody, fits, and loads nothing from elsewhere."""

from typing import Any

import pytest

from auditor.dashboard.routes import ROUTES
from auditor.report.history import History, KindCoverage
from tests.browser.dashboard.axe import ask_axe
from tests.browser.dashboard.conftest import VIEWS, Checked, Open, Visit
from tests.unit.dashboard.world import NOW, UID

PLAIN = [route.path for route in ROUTES if route.path and "<" not in route.path]
PAGES = [*PLAIN, "/reports", "/policies/Policy/quorum"]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_for_everybody(path: str, checked: Checked) -> None:
    checked.open("/findings?limit=12" if path == "/findings" else path)
    assert {view: checked.find_barriers(view) for view in VIEWS} == {view: [] for view in VIEWS}
    assert checked.wrong == []


def test_a_finding_is_for_everybody(checked: Checked) -> None:
    page = checked.open("/findings?limit=12")
    page.click("td.message a")
    assert page.locator("h1").inner_text()
    told = page.locator("section", has_text="In the cluster now").inner_text()
    for word in ("argocd", "kubectl-edit", "not known", "standard", "/metadata/annotations/old"):
        assert word in told
    assert page.locator("ins").count() == page.locator("del").count() == 2
    assert {view: checked.find_barriers(view) for view in VIEWS} == {view: [] for view in VIEWS}
    assert checked.wrong == []


@pytest.mark.parametrize("path", PAGES)
def test_a_page_works_without_scripts(path: str, plain: Visit) -> None:
    page = plain.open(path)
    assert page.locator("main h1").count() == 1
    assert page.locator("#theme").is_hidden()
    assert plain.wrong == []


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


def test_who_reads_is_told_of_changes_and_others_see_them(open_page: Open, history: str) -> None:
    read, hung = (open_page("/kinds") for _ in range(2))
    hung.evaluate("document.hasFocus = () => false")  # on a wall, say
    for page in (read, hung):
        page.wait_for_load_state("networkidle")  # it knows what there was
        assert "later.example.com" not in page.inner_text("main")
    _write_coverage(history, "later.example.com", minute=1)
    for page in (read, hung):
        page.evaluate("document.dispatchEvent(new Event('auditor:ask'))")
    hung.locator("main", has_text="later.example.com").wait_for()
    hung.locator("#news", has_text="Updated").wait_for()
    read.locator("#news", has_text="Something has changed").wait_for()
    assert "later.example.com" not in read.inner_text("main")
    read.click("text=Show")
    read.locator("main", has_text="later.example.com").wait_for()
    assert read.evaluate("document.activeElement.id") == "main"


def test_what_a_page_does_not_show_is_no_news_there(open_page: Open, history: str) -> None:
    page = open_page("/denials")
    page.wait_for_load_state("networkidle")
    page.evaluate("document.hasFocus = () => false")
    _write_coverage(history, "other.example.com", minute=2)
    with page.expect_response("**/denials"):
        page.evaluate("document.dispatchEvent(new Event('auditor:ask'))")
    assert page.locator("#news").inner_text() == ""


def test_a_dashboard_that_was_away_and_is_back(open_page: Open) -> None:
    page = open_page("/denials")
    page.wait_for_load_state("networkidle")
    page.evaluate("document.hasFocus = () => false")
    page.evaluate("void (window.real = window.fetch)")
    answers = ("async () => { throw new TypeError('nobody is there') }", "async () => new Response('', {status: 503})")
    for answer in answers:
        for fetch, said in ((answer, "The dashboard does not answer. What is shown may be old."), ("window.real", "")):
            page.evaluate(f"window.fetch = {fetch}; document.dispatchEvent(new Event('auditor:ask'))")
            page.wait_for_function("said => document.getElementById('news').textContent === said", arg=said)


def test_what_changed_while_it_was_away_is_shown_then(open_page: Open, history: str) -> None:
    page = open_page("/kinds")
    page.wait_for_load_state("networkidle")
    page.evaluate("document.hasFocus = () => false")
    _write_coverage(history, "meanwhile.example.com", minute=3)
    page.evaluate("void (window.real = window.fetch)")
    half = "address => address.startsWith('/api') ? window.real(address) : Promise.reject(new TypeError('away'))"
    page.evaluate(f"window.fetch = {half}; document.dispatchEvent(new Event('auditor:ask'))")
    page.locator("#news", has_text="does not answer").wait_for()
    page.evaluate("window.fetch = window.real; document.dispatchEvent(new Event('auditor:ask'))")
    page.locator("main", has_text="meanwhile.example.com").wait_for()


def _write_coverage(history: str, group: str, *, minute: int) -> None:
    writer = History.open(history, cluster=UID)
    at = NOW.replace(minute=minute)
    gap = KindCoverage(at=at, group=group, resource="things", present=3, evaluated=1, not_evaluated=2)
    writer.write([gap])
    writer.close()


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
        assert page.evaluate(ask_axe()) == []
        page.click("text=Show a new link in the terminal")
        assert "The terminal shows a link" in page.inner_text("main")
    finally:
        context.close()
