from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from planloom.agents.tool import ToolContext
from planloom.agents.tools import charts
from planloom.agents.tools.charts.data import checked, largest, moments
from planloom.agents.tools.charts.style import formatter, short
from planloom.agents.workspace import Workspace
from planloom.errors import ToolError

Draw = Callable[..., dict[str, Any]]
LETTERS = list("abcdef")
CASES: dict[str, tuple[list[Any], list[list[Any]]]] = {
    "bar": (LETTERS, [[1, 2, None, 4, 5, 6], [2, 3, 4, 5, 6, 7]]),
    "barh": (["x" * 60, *LETTERS[1:]], [[1, -2, 3, 4, 5, 6]]),
    "line": ([f"2024-0{m}" for m in range(1, 7)], [[1, None, 3, None, 5, 6], [6, 5, 4, 3, 2, 1]]),
    "area": ([f"2024-01-0{d}" for d in range(1, 7)], [[1, 2, 3, 4, 5, 6]]),
    "histogram": ([0, 1, 2, 3, 4, 5], [[5, 4, 3, 2, 1]]),
    "donut": (LETTERS, [[1, 2, 3, 4, 5, 6]]),
    "heatmap": (LETTERS, [[-1, 0, None, 0.5, 1, 0]] * 3),
    "scatter": ([1.5, 2, 3, 4, 5, 6], [[1, 2, 3, None, 5, 6]]),
    "box": (LETTERS[:2], [[[1, 2, 3, 4, 5], [2, 3, 4, 5, 6]]]),
}


@pytest.fixture
def made(tmp_path: Path) -> list[tuple[Path, str | None]]:
    return []


@pytest.fixture
def draw(tmp_path: Path, made: list[tuple[Path, str | None]]) -> Draw:
    context = ToolContext(
        workspace=Workspace(tmp_path, tmp_path / "out"),
        artifact=lambda path, media_type=None: made.append((path, media_type)),
    )

    def call(kind: str, x: list[Any], values: list[list[Any]], **options: Any) -> dict[str, Any]:
        series = [{"name": f"series {i}", "values": v} for i, v in enumerate(values)]
        result: dict[str, Any] = charts.draw(kind, f"A {kind}", {"x": x, "series": series}, context, **options)
        charts.draw.checked(result)
        return result

    return call


@pytest.mark.parametrize("kind", CASES)
@pytest.mark.parametrize("form", ["png", "svg"])
def test_each_kind_becomes_a_picture(draw: Draw, made: list[Any], kind: str, form: str) -> None:
    result = draw(kind, *CASES[kind], format=form)
    head = Path(result["path"]).read_bytes()[:200]
    assert head.startswith(b"\x89PNG") if form == "png" else b"<svg" in head or b"<?xml" in head
    assert made == [(Path(result["path"]), "image/png" if form == "png" else "image/svg+xml")]
    assert f"A {kind}" in result["alt"]


def test_pictures_of_one_name_never_overwrite_each_other(draw: Draw) -> None:
    paths = {draw("bar", ["a"], [[number]], name="same")["path"] for number in (1, 2, 3)}
    assert len(paths) == 3
    assert len({Path(path).read_bytes() for path in paths}) == 3


def test_same_data_gives_the_same_picture(draw: Draw) -> None:
    first, second = (Path(draw("line", *CASES["line"])["path"]).read_bytes() for _ in range(2))
    assert first == second


@pytest.mark.parametrize(("x", "values"), [([], []), ([], [[]]), (["a", "b"], [[None, None]])])
def test_no_data_gives_no_picture(draw: Draw, made: list[Any], tmp_path: Path, x: list[Any], values: list[Any]) -> None:
    result = draw("bar", x, values)
    assert result["path"] is None
    assert result["alt"].startswith("No data")
    assert not made
    assert not list(tmp_path.rglob("*.png"))


@pytest.mark.parametrize(
    ("kind", "x", "values", "text"),
    [
        ("bar", ["a", "b"], [[1]], "expected 2 values in the series 'series 0'"),
        ("bar", ["a"], [["1"]], "expected numbers or None"),
        ("donut", ["a", "b"], [[1, -1]], "not negative"),
        ("donut", ["a"], [[0]], "above zero"),
        ("scatter", ["a"], [[1]], "expected numbers as x"),
        ("box", ["a"], [[[1, 2]]], "min, q1, median, q3, max"),
        ("histogram", [0, 1], [[1], [2]], "one series"),
        ("line", ["a"], [[1]] * 8, "at most 7 series"),
    ],
)
def test_data_that_does_not_fit_is_refused(draw: Draw, kind: str, x: list[Any], values: list[Any], text: str) -> None:
    with pytest.raises(ToolError, match=text):
        draw(kind, x, values)


def test_failed_drawing_leaves_no_file(draw: Draw, tmp_path: Path) -> None:
    with pytest.raises(ToolError):
        draw("line", ["a"], [[1]] * 8)
    assert not list(tmp_path.rglob("*.png"))


def test_unknown_format_of_values_is_refused(draw: Draw) -> None:
    with pytest.raises(ToolError, match="currency:CODE, got 'euros'"):
        draw("bar", ["a"], [[1]], value_format="euros")


def test_hostile_labels_are_drawn_as_they_are(draw: Draw) -> None:
    labels = ["$x^2$", "a\nb", "", "東京", "\\frac{", "100%"]
    assert draw("barh", labels, [[1, 2, 3, 4, 5, 6]])["path"]
    assert draw("bar", labels, [[1, 2, 3, 4, 5, 6]])["path"]


@pytest.mark.parametrize("kind", ["bar", "barh", "line", "area"])
def test_many_points_are_drawn(draw: Draw, kind: str) -> None:
    labels = [f"a rather long category name {i}" for i in range(500)]
    assert draw(kind, labels, [[i % 17 for i in range(500)]])["path"]


@pytest.mark.parametrize(
    ("kind", "x", "values", "said"),
    [
        ("bar", ["east", "west"], [[1, 34_000]], "the largest is west with 34k"),
        ("donut", ["yes", "no"], [[1, 3]], "no with 3, 75% of all"),
        ("histogram", [0, 10, 20], [[1, 5]], "most values (5) lie between 10 and 20"),
        ("line", ["2024-01", "2024-02"], [[5, 7]], "highest at 2024-02 (7), lowest at 2024-01 (5)"),
        ("line", [1999, 2000], [[5, 7]], "highest at 2000 (7)"),
        ("box", ["a", "b"], [[[1, 2, 3, 4, 5], [2, 3, 4, 5, 6]]], "the highest median is that of b (4)"),
        ("heatmap", ["a", "b"], [[1, 2], [3, 4]], "2 by 2 cells from 1 to 4"),
    ],
)
def test_alt_text_says_the_key_figure(draw: Draw, kind: str, x: list[Any], values: list[Any], said: str) -> None:
    assert said in draw(kind, x, values)["alt"]


@pytest.mark.parametrize(
    ("form", "value", "text"),
    [
        ("number", 0, "0"),
        ("number", 1234, "1.23k"),
        ("number", 999_999, "1M"),
        ("number", -0.012345, "-0.0123"),
        ("number", 2.5e-7, "2.5e-07"),
        ("count", 12_345, "12,345"),
        ("count", 123_456, "123k"),
        ("bytes", 999, "999 B"),
        ("bytes", 3_400_000, "3.4 MB"),
        ("percent", 0.125, "12.5%"),
        ("percent", 1, "100%"),
        ("currency:USD", -1234, "-$1.23k"),
        ("currency:SEK", 5, "SEK 5"),
    ],
)
def test_numbers_are_written_for_people(form: str, value: float, text: str) -> None:
    assert formatter(form)(value) == text


def test_small_categories_are_added_up() -> None:
    data = checked("barh", list(range(10)), [{"name": "n", "values": [10, 9, 8, 7, 6, 1, 1, 1, 1, 1]}])
    cut, left_out = largest(data, 6, "count")
    assert cut.labels == (0, 1, 2, 3, 4, "5 others")
    assert cut.lines[0].values == (10, 9, 8, 7, 6, 5)
    assert left_out == 0


def test_shares_are_never_added_up() -> None:
    data = checked("barh", list("abcd"), [{"name": "n", "values": [0.4, 0.1, 0.3, 0.2]}])
    cut, left_out = largest(data, 2, "percent")
    assert (cut.labels, left_out) == (("a", "c"), 2)


def test_times_are_recognised_by_their_form() -> None:
    assert [m.month for m in moments(["2024-01", "2024-03"]) or []] == [1, 3]
    assert [m.hour for m in moments(["2024-01-01 05:00", "2024-01-01T06:30"]) or []] == [5, 6]
    assert moments(["2024 Q1", "2024 Q2"]) is None
    assert moments(["2024-13", "2024-01"]) is None


def test_long_labels_are_cut() -> None:
    assert short("word " * 20, 12) == "word word w…"
