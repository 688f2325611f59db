"""Settings that would be open to the wrong people are refused before anything listens."""

from pathlib import Path

import pytest

from auditor.dashboard.access.origin import Origin
from auditor.dashboard.serving import DashboardSettings, run
from auditor.errors import UsageError
from auditor.operations import Listen

HERE, EVERYWHERE = Listen("127.0.0.1", 0), Listen("0.0.0.0", 0)  # noqa: S104
FILE = Path(__file__)
PUBLIC = {"public_url": "https://auditor.example.com"}
TLS = {"certificate": FILE, "key": FILE}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"listen": EVERYWHERE}, "this computer alone"),
        ({"listen": Listen("example.com", 0)}, "this computer alone"),
        ({"access": "token"}, "--public-url"),
        ({"access": "proxy", "proxy_secret": FILE}, "--public-url"),
        ({"access": "proxy", **PUBLIC}, "a proof"),
        ({"access": "proxy", "proxy_secret": FILE, "proxy_ca": FILE, **PUBLIC, **TLS}, "a proof"),
        ({"access": "proxy", "proxy_ca": FILE, **PUBLIC}, "needs TLS"),
        ({"access": "proxy", "proxy_secret": FILE, "proxy_names": frozenset({"a"}), **PUBLIC}, "needs --proxy-ca"),
        ({"certificate": FILE}, "belong together"),
    ],
)
def test_what_would_be_open_is_refused(given: dict[str, object], said: str) -> None:
    wanted: dict[str, object] = {"listen": HERE, "database": "sqlite:////nowhere", **given}
    settings = DashboardSettings(**wanted)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=said):
        run(settings, lambda _: None)


@pytest.mark.parametrize("given", [{}, {"listen": EVERYWHERE, "access": "token", **PUBLIC}])
def test_others_are_not(given: dict[str, object]) -> None:
    wanted: dict[str, object] = {"listen": HERE, "database": "sqlite:////nowhere", **given}
    DashboardSettings(**wanted).check()  # type: ignore[arg-type]


def test_without_a_history_it_does_not_begin(tmp_path: Path) -> None:
    settings = DashboardSettings(listen=HERE, database=f"sqlite:///{tmp_path / 'none.db'}")
    with pytest.raises(UsageError, match="no such file"):
        run(settings, lambda _: None)


@pytest.mark.parametrize("url", ["auditor.example.com", "ftp://a", "https://", "https://a/path", "https://me@a"])
def test_a_public_url_is_one(url: str) -> None:
    with pytest.raises(UsageError, match="public URL"):
        Origin.read(url)
