"""The metrics of the dashboard: how often each page is asked for, with what answer, and how long that takes."""

import time
from typing import Any, Final

from flask import Flask, Response, g, request, request_finished, request_started
from prometheus_client import CollectorRegistry, Counter, Histogram

NONE: Final = "none"
"""The page of a request for a path that does not exist. Names come from our routes, never from what a request says."""


class Meters:
    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "auditor_dashboard_requests_total",
            "Requests that were answered, by page and code.",
            ("page", "code"),
            registry=registry,
        )
        self._seconds = Histogram(
            "auditor_dashboard_seconds",
            "Seconds from a request to its answer.",
            ("page",),
            registry=registry,
        )

    def follow(self, app: Flask) -> None:
        """By signals: these come before all that may refuse a request, and after all that answers it."""
        request_started.connect(self._begin, app, weak=False)
        request_finished.connect(self._end, app, weak=False)

    def _begin(self, _: Flask, **more: Any) -> None:
        g.begun = time.perf_counter()

    def _end(self, _: Flask, response: Response, **more: Any) -> None:
        page = request.endpoint or NONE
        self._requests.labels(page, str(response.status_code)).inc()
        self._seconds.labels(page).observe(time.perf_counter() - g.begun)
