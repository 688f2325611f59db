"""What is counted: each request once, under the page that answered it, also where nobody was let in."""

from prometheus_client import CollectorRegistry

from auditor.dashboard.app import Source, make_app
from auditor.dashboard.meters import Meters
from tests.unit.dashboard.visits import ORIGIN, HeaderEntrance


def test_each_request_counts_under_its_page(source: Source) -> None:
    registry = CollectorRegistry()
    app = make_app(source, HeaderEntrance(), ORIGIN)
    Meters(registry).follow(app)
    client = app.test_client()
    admin = {"X-Test": "admin"}
    for path, headers, code in (
        ("/findings", admin, 200),
        ("/findings?severity=high", admin, 200),
        ("/findings?severity=none-such", admin, 400),
        ("/findings", {}, 401),
        ("/findings/0000", admin, 404),
        ("/none/such?page=1", admin, 404),
        ("/findings", {**admin, "Host": "example.com"}, 421),
        ("/api/v1/findings", admin, 200),
    ):
        assert client.get(path, headers=headers).status_code == code, path

    def count(page: str, code: int) -> float | None:
        return registry.get_sample_value("auditor_dashboard_requests_total", {"page": page, "code": str(code)})

    assert [count("findings", code) for code in (200, 400, 401, 421)] == [2, 1, 1, 1]
    assert (count("finding", 404), count("none", 404), count("api_findings", 200)) == (1, 1, 1)
    took = registry.get_sample_value("auditor_dashboard_seconds_sum", {"page": "findings"})
    assert took is not None
    assert 0 < took < 60
    assert registry.get_sample_value("auditor_dashboard_seconds_count", {"page": "findings"}) == 5


def test_another_app_does_not_count(source: Source) -> None:
    registry = CollectorRegistry()
    Meters(registry).follow(make_app(source, HeaderEntrance(), ORIGIN))
    make_app(source, HeaderEntrance(), ORIGIN).test_client().get("/findings", headers={"X-Test": "admin"})
    assert not [each for family in registry.collect() for each in family.samples]
