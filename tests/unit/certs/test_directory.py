"""Files that change together, as their readers see them."""

import stat
import threading
from pathlib import Path

import pytest

from auditor.certs.directory import read_directory, write_directory
from auditor.errors import InputError

NAMES = ["tls.crt", "tls.key"]


def test_what_was_written_is_read_and_is_its_owners_alone(tmp_path: Path) -> None:
    place = tmp_path / "new" / "certs"
    write_directory(place, {"tls.crt": b"1", "tls.key": b"2"})
    assert read_directory(place, NAMES) == {"tls.crt": b"1", "tls.key": b"2"}
    assert (place / "tls.crt").read_bytes() == b"1"
    assert stat.S_IMODE((place / "tls.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(place.stat().st_mode) == 0o700


def test_what_is_replaced_is_gone(tmp_path: Path) -> None:
    for number in range(3):
        write_directory(tmp_path, {"tls.crt": b"%d" % number, "ca-next.key": b"next"})
    write_directory(tmp_path, {"tls.crt": b"3"})
    assert sorted(p.name for p in tmp_path.iterdir() if not p.name.startswith("..files-")) == ["..data", "tls.crt"]
    assert len(list(tmp_path.glob("..files-*"))) == 1


def test_plain_files_are_read_and_replaced_by_links(tmp_path: Path) -> None:
    (tmp_path / "tls.crt").write_bytes(b"plain")
    assert read_directory(tmp_path, NAMES) == {"tls.crt": b"plain"}
    write_directory(tmp_path, {"tls.crt": b"new"})
    assert read_directory(tmp_path, NAMES) == {"tls.crt": b"new"}


def test_mounted_secret_is_read_through_its_link(tmp_path: Path) -> None:
    """As kubelet lays it out."""
    folder = tmp_path / "..2026_01_01_00_00_00.1"
    folder.mkdir()
    (folder / "tls.crt").write_bytes(b"mounted")
    (tmp_path / "..data").symlink_to(folder.name)
    (tmp_path / "tls.crt").symlink_to("..data/tls.crt")
    assert read_directory(tmp_path, NAMES) == {"tls.crt": b"mounted"}


def test_reader_never_sees_a_half(tmp_path: Path) -> None:
    write_directory(tmp_path, dict.fromkeys(NAMES, b"0"))
    done = threading.Event()
    halves = []

    def read() -> None:
        while not done.is_set():
            try:
                found = read_directory(tmp_path, NAMES)
            except InputError:  # changed all the time, as it says
                continue
            if len(set(found.values())) != 1 or len(found) != 2:
                halves.append(found)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(40):
        write_directory(tmp_path, dict.fromkeys(NAMES, b"%d" % number))
    done.set()
    reader.join()
    assert halves == []


def test_errors_name_the_path(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="missing: is not a directory"):
        read_directory(tmp_path / "missing", NAMES)
    (tmp_path / "tls.crt").mkdir()
    with pytest.raises(InputError, match=r"tls\.crt: Is a directory"):
        read_directory(tmp_path, NAMES)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InputError, match="file"):
        write_directory(tmp_path / "file", {"a": b""})
