"""Where results go: files as a whole or not at all, standard output once."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.shell_completion import CompletionItem

from auditor.cli.outputs import Output, OutputType, check_outputs, write_file
from auditor.errors import AuditorError, UsageError


def read(text: str) -> Output:
    return OutputType().convert(text, None, None)


def test_formats_and_files() -> None:
    assert read("json") == read("json=-") == Output("json")
    assert read("json=a=b.json") == Output("json", "a=b.json")
    for wrong in ("pdf", "", "json=", "JSON", "=x"):
        with pytest.raises(click.BadParameter):
            read(wrong)


def test_completion() -> None:
    def complete(text: str) -> list[CompletionItem]:
        command = click.Command("scan")
        return OutputType().shell_complete(click.Context(command), click.Option(["-o"]), text)

    assert [each.value for each in complete("j")] == ["json", "junit"]
    assert [(each.value, each.type) for each in complete("json=out")] == [("out", "file")]


def test_what_could_not_be_written_is_said_before(tmp_path: Path) -> None:
    check_outputs([Output("table"), Output("json", str(tmp_path / "a")), Output("csv", "/dev/null")], "/dev/null")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    for wrong in (
        [Output("table"), Output("json")],
        [Output("json", str(tmp_path))],
        [Output("json", str(tmp_path / "no" / "a"))],
        [Output("json", str(tmp_path / "a")), Output("csv", str(tmp_path / "link"))],
    ):
        with pytest.raises(UsageError):
            check_outputs(wrong)
    with pytest.raises(UsageError):
        check_outputs([Output("json", str(tmp_path / "a"))], str(tmp_path / "a"))


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    file = tmp_path / "out.json"
    file.write_text("before")
    file.chmod(0o640)
    with file.open() as reader:
        write_file(str(file), "after \udcff")
        assert reader.read() == "before"  # who reads it has the old one to its end
    assert file.read_bytes() == b"after ?"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["out.json"]


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "file")
    write_file(str(tmp_path / "link"), "x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text() == "x"


def test_what_is_no_file_is_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE) as reader:
        write_file(str(pipe), "through")
        assert reader.communicate()[0] == b"through"
    assert pipe.is_fifo()


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "out.json"
    file.write_text("before")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(AuditorError, match=r"out.json: cannot be written: No space left on device"):
        write_file(str(file), "after")
    assert [path.name for path in tmp_path.iterdir()] == ["out.json"]
    assert file.read_text() == "before"


def test_ctrl_c_tells_what_was_found(tmp_path: Path) -> None:
    """It waits for a pipe that nobody writes to, so there is something to interrupt."""
    pipe = tmp_path / "pipe.yaml"
    os.mkfifo(pipe)
    arguments = [sys.executable, "-m", "auditor", "scan", str(pipe)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as scan:
        # It opens as soon as the program reads it. Closed again, it also wakes a program that got the signal a moment
        # before it began to wait.
        with pipe.open("w"):
            scan.send_signal(signal.SIGINT)
        out, err = scan.communicate(timeout=30)
    assert scan.returncode == 130
    assert "not read: interrupted: the other objects were not judged\n" in out
    assert "Traceback" not in err
