"""On a laptop: a link works once, within its time; what comes of it is a session in a cookie."""

import pytest
from flask.testing import FlaskClient

from auditor.dashboard.access import LinkEntrance
from auditor.dashboard.access.links import LIFETIME as LINK_LIFETIME
from auditor.dashboard.access.links import PAUSE
from auditor.dashboard.access.origin import Origin
from auditor.dashboard.access.sessions import IDLE, LIFETIME, Sessions
from auditor.dashboard.app import Source, make_app


class Laptop:
    def __init__(self, source: Source, *, secure: bool = False) -> None:
        self.now = 0.0
        self.told: list[str] = []
        self.base = "https://auditor.example.com" if secure else "http://localhost"
        entrance = LinkEntrance(
            url=self.base,
            tell=self.told.append,
            sessions=Sessions(lambda: self.now, secure=secure),
            clock=lambda: self.now,
        )
        self.offer = entrance.offer
        self.app = make_app(source, entrance, Origin.read(self.base))
        self.browser = self.visit()

    def visit(self) -> FlaskClient:
        return self.app.test_client()

    @property
    def link(self) -> str:
        return self.told[-1].removeprefix(self.base)


@pytest.fixture
def laptop(source: Source) -> Laptop:
    laptop = Laptop(source)
    laptop.offer()
    return laptop


def test_the_link_opens_the_dashboard(laptop: Laptop) -> None:
    answer = laptop.browser.get(laptop.link)
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/"
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("auditor=")
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "quorum" in laptop.browser.get("/").get_data(as_text=True)


def test_behind_tls_the_cookie_is_bound_to_the_host(source: Source) -> None:
    laptop = Laptop(source, secure=True)
    laptop.offer()
    answer = laptop.visit().get(laptop.link, base_url=laptop.base)
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-auditor=")
    assert "Secure" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie
    assert "Strict-Transport-Security" in answer.headers


def test_this_computer_is_not_told_to_have_tls_for_ever() -> None:
    assert Origin.read("https://auditor.example.com").lasting
    assert not Origin.read("http://auditor.example.com").lasting
    for url in ("https://localhost:8084", "https://127.0.0.1:8084", "https://[::1]:8084"):
        assert not Origin.read(url).lasting


def test_the_link_works_once(laptop: Laptop) -> None:
    assert laptop.browser.get(laptop.link).status_code == 303
    other = laptop.visit()
    assert other.get(laptop.link).status_code == 401
    assert other.get("/").status_code == 401


def test_the_link_works_for_five_minutes(laptop: Laptop) -> None:
    laptop.now += LINK_LIFETIME
    assert laptop.browser.get(laptop.link).status_code == 401
    assert laptop.browser.get("/").status_code == 401


@pytest.mark.parametrize("link", ["", "x", "\N{SNOWMAN}", "a" * 5000])
def test_other_links_do_not_work(link: str, laptop: Laptop) -> None:
    assert laptop.browser.get("/enter", query_string={"link": link}).status_code == 401
    assert laptop.browser.get(laptop.link).status_code == 303  # and they do not spend the real one


def test_before_any_link_nothing_works(source: Source) -> None:
    laptop = Laptop(source)
    assert laptop.browser.get("/enter?link=").status_code == 401


def test_a_new_link_is_shown_in_the_terminal_and_ends_the_old_one(laptop: Laptop) -> None:
    old = laptop.link
    laptop.now += PAUSE
    answer = laptop.browser.post("/enter", headers={"Origin": laptop.base})
    assert answer.status_code == 200
    assert len(laptop.told) == 2
    assert laptop.link.partition("=")[2] not in answer.get_data(as_text=True)
    assert laptop.browser.get(old).status_code == 401
    assert laptop.browser.get(laptop.link).status_code == 303


def test_the_terminal_is_not_flooded(laptop: Laptop) -> None:
    for _ in range(10):
        laptop.browser.post("/enter", headers={"Origin": laptop.base})
    assert len(laptop.told) == 1


@pytest.mark.parametrize("pause", [IDLE + 1, LIFETIME + 1])
def test_a_session_ends(pause: float, laptop: Laptop) -> None:
    laptop.browser.get(laptop.link)
    if pause > IDLE + 1:  # used all the time, and over for all that
        while laptop.now < pause:
            laptop.now += IDLE / 2
            laptop.browser.get("/policies")
    else:
        laptop.now += pause
    assert laptop.browser.get("/").status_code == 401


def test_a_session_that_is_used_goes_on(laptop: Laptop) -> None:
    laptop.browser.get(laptop.link)
    for _ in range(5):
        laptop.now += IDLE - 1
        assert laptop.browser.get("/policies").status_code == 200


def test_a_cookie_that_was_made_up_is_none(laptop: Laptop) -> None:
    laptop.browser.set_cookie("auditor", "made-up")
    assert laptop.browser.get("/").status_code == 401
