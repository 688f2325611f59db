import os
from pathlib import Path

import pytest

from auditor.report.delivery import DeliveryError, Folder
from tests.unit.report.delivery.making import PARCEL, later


def names(place: Path) -> list[str]:
    return sorted(path.name for path in place.iterdir())


def test_each_form_is_a_file(tmp_path: Path) -> None:
    assert Folder(root=tmp_path, directory="a/b", keep=2).deliver(PARCEL) == ""
    place = tmp_path / "a" / "b"
    assert names(place) == ["weekly-payments-20261102T050000Z.html", "weekly-payments-20261102T050000Z.json"]
    assert (place / "weekly-payments-20261102T050000Z.html").read_text() == "<p>Bäume</p>"
    assert (place / "weekly-payments-20261102T050000Z.html").stat().st_mode & 0o777 == 0o640


def test_the_same_again_is_one_file(tmp_path: Path) -> None:
    folder = Folder(root=tmp_path, directory="a", keep=2)
    folder.deliver(PARCEL)
    folder.deliver(PARCEL)
    assert len(names(tmp_path / "a")) == 2


def test_old_ones_go_and_those_of_others_stay(tmp_path: Path) -> None:
    folder = Folder(root=tmp_path, directory="a", keep=2)
    (tmp_path / "a").mkdir()
    others = ["monthly-payments-20200101T000000Z.html", "weekly-payments-2-20200101T000000Z.html", "notes.txt"]
    for name in others:
        (tmp_path / "a" / name).touch()
    for day in range(4):
        folder.deliver(later(day))
    ours = [f"weekly-payments-2026110{day}T050000Z.{ending}" for day in (4, 5) for ending in ("html", "json")]
    assert names(tmp_path / "a") == sorted([*others, *ours])


@pytest.mark.parametrize("directory", ["../b", "link"])
def test_nothing_is_written_elsewhere(tmp_path: Path, directory: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to(tmp_path)
    with pytest.raises(DeliveryError, match="leads out of"):
        Folder(root=root, directory=directory, keep=2).deliver(PARCEL)
    assert names(tmp_path) == ["root"]


def test_a_full_disk_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(DeliveryError, match="No space left"):
        Folder(root=tmp_path, directory="a", keep=2).deliver(PARCEL)
    assert names(tmp_path / "a") == []


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(DeliveryError, match="/a: "):
        Folder(root=tmp_path, directory="a", keep=2).deliver(PARCEL)
