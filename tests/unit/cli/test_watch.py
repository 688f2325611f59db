"""What `auditor watch` refuses before it begins."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from auditor.cli.watch import command
from auditor.errors import UsageError


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--database-url", "mysql://me:secret@db/x"], "no history can be kept in mysql://me:"),
        (["--database-url", "history.db"], "the database URL cannot be read"),
        (["--database-url", "sqlite://"], "no history can be kept in sqlite://"),
        (["--share"], "watchers that --share need one history"),
        (["--no-history", "--database-url", "sqlite:////h.db"], "exclude each other"),
    ],
)
def test_what_can_never_work_is_said_at_once(options: list[str], said: str, tmp_path: Path) -> None:
    kubeconfig = ["--kubeconfig", str(tmp_path / "none"), "--operations", "127.0.0.1:0"]
    result = CliRunner().invoke(command, [*kubeconfig, *options], standalone_mode=False)
    assert isinstance(result.exception, UsageError)
    assert said in str(result.exception)
    assert "secret" not in str(result.exception)
