"""What holds for every answer, and for every request before it is looked at."""

import pytest

from tests.unit.dashboard.addresses import all_addresses
from tests.unit.dashboard.visits import Visit


def test_every_answer_is_protected(visit: Visit, world: tuple[str, list[str]]) -> None:
    client = visit("admin")
    for address in (*all_addresses(client.application, world[1][:1]), "/not-there", "/static/dashboard.css"):
        answer = client.get(address)
        answer.close()
        headers = answer.headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        cached = headers["Cache-Control"]
        assert cached == "private, no-store" if "static" not in address else "public" in cached


def test_no_page_has_scripts_or_styles_of_its_own_or_of_elsewhere(visit: Visit, world: tuple[str, list[str]]) -> None:
    client = visit("admin")
    for address in all_addresses(client.application, world[1][:1]):
        if "/api/" in address or "download" in address:
            continue
        text = client.get(address).get_data(as_text=True)
        assert text.count("<script") == text.count('<script src="/static/') == 1
        assert "<style" not in text
        assert " style=" not in text
        assert " on" + "click" not in text
        assert 'src="http' not in text
        assert 'href="http' not in text


@pytest.mark.parametrize("host", ["evil.example.com", "localhost:81", "127.0.0.1", "localhost.evil.example.com", ""])
def test_other_hosts_are_refused(host: str, visit: Visit) -> None:
    """DNS rebinding: the name of somebody else that leads to us."""
    answer = visit("admin").get("/", headers={"Host": host})
    assert answer.status_code == 421
    assert "quorum" not in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    "origin", [None, "null", "http://evil.example.com", "https://localhost", "http://localhost:81"]
)
def test_a_post_from_elsewhere_is_refused(origin: str | None, visit: Visit) -> None:
    headers = {} if origin is None else {"Origin": origin}
    assert visit("admin").post("/", headers=headers).status_code == 403
    assert visit("admin").post("/", headers={"Origin": "http://localhost"}).status_code == 405


def test_what_has_not_changed_is_not_sent_again(visit: Visit) -> None:
    client = visit("admin")
    for address in ("/", "/findings", "/api/v1/overview"):
        first = client.get(address)
        again = client.get(address, headers={"If-None-Match": first.headers["ETag"]})
        assert again.status_code == 304
        assert not again.data


def test_probes_get_in_by_any_name(visit: Visit) -> None:
    assert visit("").get("/healthz", headers={"Host": "10.0.0.7:8084"}).data == b"ok\n"


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/findings?severity=worst", 400),
        ("/findings?after=AAAA", 400),
        ("/findings?after=W10", 400),
        ("/findings?sort=newest&after=WyJ4IiwgMV0", 400),
        ("/api/v1/findings?sevrity=high", 400),
        ("/api/v1/report?period=tomorrow", 400),
        ("/api/v1/report?time_zone=Nowhere", 400),
        ("/policies/Policy/none", 404),
        ("/policies/Check/quorum", 404),
        ("/findings?q=" + "x" * 300, 400),
    ],
)
def test_what_cannot_be_asked_is_said_so(address: str, status: int, visit: Visit) -> None:
    answer = visit("admin").get(address)
    assert answer.status_code == status
    if address.startswith("/api"):
        assert set(answer.get_json()) == {"error"}


def test_names_are_never_markup(visit: Visit) -> None:
    attack = '"><script>alert(1)</script>'
    for address in ("/findings", "/policies", "/denials", "/controls"):
        text = visit("admin").get(address, query_string={"q": attack, "namespace": attack}).get_data(as_text=True)
        assert "<script>alert" not in text
