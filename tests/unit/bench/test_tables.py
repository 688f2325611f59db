"""What the benchmarks print: that the tables say what was measured. What they measure is tried by running them."""

from pathlib import Path

import orjson
import pytest

from tests.bench.figure import Figure, Found, Growth, Notebook, show
from tests.bench.page import BEGIN, END, Section, put_between_markers, render


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.00123, "0.00123"), (1.236, "1.24"), (12.36, "12.4"), (1234.5, "1,234"), (-3.54, "-3.54")],
)
def test_three_digits_count(value: float, text: str) -> None:
    assert show(value) == text


def test_the_median_decides_whether_a_goal_is_missed() -> None:
    assert Figure("x", "ms", (1.0, 3.0, 9.0), goal=2.9).missed
    assert not Figure("x", "ms", (1.0, 3.0, 9.0), goal=3.0).missed
    assert not Figure("x", "ms", (1.0, 3.0, 9.0)).missed


@pytest.mark.parametrize("power", [0.0, 1.0, 2.0])
def test_the_exponent_is_that_of_the_growth(power: float) -> None:
    points = (1, 10, 100)
    growth = Growth("x", "s", "policies", points, tuple(7.0 * each**power for each in points))
    assert growth.exponent == pytest.approx(power, abs=1e-9)


def test_what_one_more_adds() -> None:
    growth = Growth("memory", "MB", "objects", (1_000, 11_000), (50.0, 52.0))
    assert growth.each * 1e6 == pytest.approx(200)
    assert Growth("x", "s", "objects", (1, 10), (0.0, 1.0)).exponent is None


def test_results_travel_as_json() -> None:
    book = Notebook(unit=0.001)
    book.cpu("a review", [0.0003, 0.0004, 0.0005], "ms", 0.35)
    book.grow("a review", "ms", "policies", {1: 0.3, 10: 0.5})
    found = Found(tuple(book.figures), tuple(book.growths), ("a note",), 0.001, 1.5, {"gator": "v1.2.3"})
    assert Found.load(orjson.loads(orjson.dumps(found.dump()))) == found
    assert found.figures[0].loops == pytest.approx(0.4)


def test_a_page_says_all_of_it_and_what_is_missing() -> None:
    figure = Figure("a review, CPU", "ms", (0.3, 0.4, 0.5), goal=0.35, loops=0.4)
    growth = Growth("a review, CPU", "ms", "policies", (1, 10), (0.3, 0.3))
    found = Found((figure,), (growth,), ("a note",), texts={"gator": "v1.2.3"})
    sections = [Section("Admission", found), Section("Files", trouble="not measured: it ended with 1")]
    text = render({"machine": "of the test"}, sections)
    assert "| a review, CPU | ms | 0.300 | **0.400** | 0.500 | 3 | 0.350 **missed** | 0.400 |" in text
    assert "| a review, CPU | ms | 0.300 | 0.300 | 0.00 | 0 us |" in text
    assert "| **gator** | v1.2.3 |" in text
    assert "### Files\n\n**not measured: it ended with 1**" in text


def test_only_what_is_between_the_markers_changes(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    put_between_markers(page, "new\n")
    put_between_markers(page, "newer\n")
    assert page.read_text() == f"before\n{BEGIN}\n\nnewer\n\n{END}\nafter\n"
    page.write_text("no markers\n")
    with pytest.raises(SystemExit, match="no lines"):
        put_between_markers(page, "new\n")
    assert page.read_text() == "no markers\n"


def test_the_page_of_the_documentation_has_the_markers() -> None:
    text = (Path(__file__).parents[3] / "docs" / "performance.md").read_text()
    assert text.count(BEGIN) == text.count(END) == 1
