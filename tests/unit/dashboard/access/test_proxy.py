"""Behind a proxy: its headers count only with its proof. Rights are asked of the real API server elsewhere."""

from pathlib import Path

import pytest
from flask import Request
from werkzeug.test import EnvironBuilder

from auditor.dashboard.access import Certificates, Secret
from auditor.dashboard.access.proxy import SECRET_HEADER
from auditor.errors import UsageError

SECRET = "correct horse battery staple"


def ask(secret: str | None = None) -> Request:
    builder = EnvironBuilder()
    if secret is not None:
        builder.headers[SECRET_HEADER] = secret
    return Request(builder.get_environ())


@pytest.fixture
def secret(tmp_path: Path) -> Secret:
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    return Secret.of_file(tmp_path / "secret")


def test_the_secret_proves_the_proxy(secret: Secret) -> None:
    assert secret.proves(ask(SECRET)) is True


@pytest.mark.parametrize("given", ["", SECRET[:-1], SECRET + "x", "\xff", SECRET.upper()])
def test_nothing_else_does(given: str, secret: Secret) -> None:
    assert secret.proves(ask(given)) is False
    assert secret.proves(ask()) is False


def test_a_secret_that_was_replaced_counts_no_more(secret: Secret, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("another secret, as long as it has to be")
    assert secret.proves(ask(SECRET)) is False


@pytest.mark.parametrize("left", ["", None])
def test_a_secret_that_has_gone_proves_nothing(left: str | None, secret: Secret, tmp_path: Path) -> None:
    """An empty header is equal to an empty file."""
    path = tmp_path / "secret"
    path.unlink() if left is None else path.write_text(left)
    assert secret.proves(ask("")) is False


def test_a_short_secret_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("short")
    with pytest.raises(UsageError, match="16 or more"):
        Secret.of_file(tmp_path / "secret")


def test_without_tls_no_certificate_proves_anything() -> None:
    request = ask()
    request.environ["gunicorn.socket"] = object()
    assert Certificates().proves(request) is False
    assert Certificates(frozenset(("proxy",))).proves(ask()) is False
