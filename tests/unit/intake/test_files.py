"""Paths to files: each once, nothing overlooked, nothing that a person mistyped taken for nothing."""

import io
import os
from pathlib import Path

import pytest

from auditor.errors import InputError, UsageError
from auditor.intake.files import ChartError, Source, find_sources


def names(*paths: object, skip: str = "") -> list[str]:
    return [
        Path(each.name).name if isinstance(each, Source) else "!" for each in find_sources(map(str, paths), skip=skip)
    ]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("b.yaml", "a.yml", "c.json", "d.txt", ".e.yaml", "sub/f.yaml", "tests/g.yaml", ".git/h.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    return tmp_path


def test_folders_in_order(tree: Path) -> None:
    assert names(tree) == ["a.yml", "b.yaml", "c.json", "f.yaml", "g.yaml"]
    assert names(tree, skip="tests") == ["a.yml", "b.yaml", "c.json", "f.yaml"]


def test_a_file_that_is_named_is_read_whatever_its_ending(tree: Path) -> None:
    assert names(tree / "d.txt") == ["d.txt"]


def test_each_file_once(tree: Path) -> None:
    (tree / "link.yaml").symlink_to(tree / "b.yaml")
    assert names(tree / "b.yaml", tree / "sub" / ".." / "b.yaml", tree / "link.yaml", "-", "-") == ["b.yaml", "<stdin>"]


def test_patterns(tree: Path) -> None:
    assert names(tree / "*.y*ml") == ["a.yml", "b.yaml"]
    assert names(tree / "**" / "f.*") == ["f.yaml"]


def test_links_that_lead_round_do_no_harm(tree: Path) -> None:
    (tree / "sub" / "round").symlink_to(tree)
    assert names(tree / "sub") == ["f.yaml"]


@pytest.mark.parametrize("path", ["nowhere.yaml", "no*where", "x" * 5000, ""])
def test_paths_that_lead_nowhere_are_all_told(tree: Path, path: str) -> None:
    with pytest.raises(UsageError) as error:
        names(tree, path, tree / "neither")
    assert str(error.value) == f"{path}: no such file or directory\n{tree}/neither: no such file or directory"


def test_a_folder_that_holds_nothing_of_ours(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holds no file that ends in \.yaml, \.yml, \.json"):
        names(tmp_path)


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "gone.yaml").symlink_to("nothing")
    source = next(iter(find_sources([str(tmp_path)])))
    assert isinstance(source, Source)
    with pytest.raises(InputError, match=r"gone\.yaml: cannot be read: No such file"):
        source.read()


def test_a_folder_that_may_not_be_read_is_told(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = os.scandir

    def refuse(path: str) -> object:
        if path.endswith("sub"):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr("os.scandir", refuse)
    assert names(tree) == ["a.yml", "b.yaml", "c.json", "g.yaml", "!"]


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a: 1")))
    assert Source("<stdin>", None).read() == b"a: 1"
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(InputError, match="there is no standard input"):
        Source("<stdin>", None).read()


def test_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditor.intake.files.MAX_BYTES", 3)
    file = tmp_path / "a.yaml"
    file.write_text("abcd")
    with pytest.raises(InputError, match="larger than"):
        Source("a.yaml", str(file)).read()


def test_of_a_helm_chart_the_crds_are_read_and_the_rest_is_told(tree: Path) -> None:
    """In charts within it, too. What a person names is read all the same."""
    chart = tree / "sub" / "chart"
    for name in ("Chart.yaml", "values.yaml", "templates/a.yaml", "crds/x.yaml", "charts/inner/templates/b.yaml"):
        (chart / name).parent.mkdir(parents=True, exist_ok=True)
        (chart / name).write_text("")
    assert names(tree / "sub") == ["f.yaml", "!", "x.yaml"]
    (told,) = [each for each in find_sources([str(tree)]) if isinstance(each, ChartError)]
    assert f"`helm template {chart} | auditor scan -`" in str(told)
    assert [each for each in find_sources([str(tree)], exclude=["sub"]) if isinstance(each, ChartError)] == []
    assert names(chart / "templates" / "a.yaml", chart / "templates") == ["a.yaml"]


def test_where_there_is_nothing_but_a_chart(tmp_path: Path) -> None:
    (tmp_path / "Chart.yaml").write_text("")
    assert names(tmp_path) == ["Chart.yaml"], "without templates it is something else of that name"
    (tmp_path / "templates").mkdir()
    with pytest.raises(UsageError, match="a Helm chart is not read"):
        names(tmp_path)
