"""Every address that the dashboard answers, by its own table of rules: so a new one is tested, too."""

from collections.abc import Iterator, Sequence

from flask import Flask

INSIDE = {"kind": "Policy", "name": "quorum"}
NOT_SHOWING = frozenset(("static", "health"))


def all_addresses(app: Flask, fingerprints: Sequence[str]) -> Iterator[str]:
    for rule in app.url_map.iter_rules():
        if rule.endpoint in NOT_SHOWING or "GET" not in (rule.methods or ()):
            continue
        if "fingerprint" in rule.arguments:
            for each in fingerprints:
                yield rule.rule.replace("<fingerprint>", each)
            continue
        path = rule.rule
        for name, value in INSIDE.items():
            path = path.replace(f"<{name}>", value)
        yield path
    for form in ("html", "csv", "json", "markdown"):
        for period in ("7d", "30d"):
            yield f"/reports/download?format={form}&period={period}"
