"""Pictures of plans."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from matplotlib.image import imread

from planloom.agents.tool import Tool, tool
from planloom.errors import UsageError
from planloom.memory.history import Estimate
from planloom.orchestrator.planning.explain import Explanation, explain, pictures
from planloom.orchestrator.planning.explain.lettering import fitted, width
from planloom.orchestrator.planning.plan import Plan, Step

WRITE_BAND = "#d98200"
ASKS = pictures.ASKS.lower()


@tool(effect="pure", name="text.count")
def count(text: str) -> int:
    """Counts letters."""
    return len(text)


@tool(effect="write", name="files.delete", destructive=True)
def delete(path: str) -> None:
    """Deletes a file."""


TOOLS: dict[str, Tool] = {made.name: made for made in (count, delete)}


def explained(*steps: Step, goal: str = "Tidy up") -> Explanation:
    return explain(Plan(goal=goal, steps=steps), TOOLS.get, lambda _: Estimate(1.0, None, None, 1))


def chain(length: int) -> list[Step]:
    return [Step(id=f"s{n}", action="text.count", dependencies=(f"s{n - 1}",) if n else ()) for n in range(length)]


def drawn(explanation: Explanation, folder: Path) -> str:
    return pictures.draw(explanation, folder / "plan.svg").read_text("utf-8")


def test_png_shows_something(tmp_path: Path) -> None:
    path = pictures.draw(explained(*chain(3)), tmp_path / "new" / "plan.PNG")
    picture = imread(path, format="png")
    assert path == tmp_path / "new" / "plan.PNG"
    assert 700 < picture.shape[1] < 2500
    assert picture[..., :3].std() > 0.05


def test_svg_is_well_formed_and_the_same_each_time(tmp_path: Path) -> None:
    first = drawn(explained(*chain(3), goal="Fish & <chips>"), tmp_path)
    assert ET.fromstring(first).tag.endswith("svg")  # noqa: S314
    assert first == drawn(explained(*chain(3), goal="Fish & <chips>"), tmp_path)


def test_approval_and_write_effect_have_their_colours(tmp_path: Path) -> None:
    plain = drawn(explained(*chain(2)), tmp_path)
    marked = drawn(explained(*chain(2), Step(id="gone", action="files.delete")), tmp_path)
    assert WRITE_BAND not in plain
    assert ASKS not in plain
    assert WRITE_BAND in marked
    assert ASKS in marked


def test_critical_path_has_bold_lines_all_the_way_past_other_waves(tmp_path: Path) -> None:
    steps = (
        Step(id="a", action="text.count"),
        Step(id="b", action="quick", dependencies=("a",)),
        Step(id="c", action="quick", dependencies=("b",)),
        Step(id="slow", action="text.count", dependencies=("a",)),
        Step(id="d", action="text.count", dependencies=("c", "slow")),
    )
    seconds = {"quick": 0.1, "text.count": 5.0}
    made = explain(Plan(goal="", steps=steps), TOOLS.get, lambda action: Estimate(seconds[action], None, None, 1))
    assert made.critical_path == ("a", "slow", "d")
    curves = re.findall(r'<path d="([^"]*C[^"]*)"[^>]*style="fill: none; ([^"]*)"', drawn(made, tmp_path))
    bold = [path for path, style in curves if "stroke-width: 2.2" in style]
    assert len([path for path in bold if "z" not in path]) == 3  # a to slow, slow past c, on to d


@pytest.mark.parametrize("name", ["plan.pdf", "plan", "plan.svg.txt"])
def test_other_endings_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"ends in \.png or \.svg"):
        pictures.draw(explained(*chain(1)), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_place_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="expected a place to write the picture"):
        pictures.draw(explained(*chain(1)), tmp_path / "file" / "plan.png")


@pytest.mark.parametrize("size", [0, 1, 300])
def test_any_size_fits_into_a_picture_that_can_be_opened(size: int, tmp_path: Path) -> None:
    picture = imread(pictures.draw(explained(*chain(size)), tmp_path / "plan.png"))
    assert max(picture.shape[:2]) <= pictures.MOST_PIXELS


def test_wide_wave_of_different_steps_is_drawn_compactly(tmp_path: Path) -> None:
    steps = [Step(id=f"s{n}", action="text.count") for n in range(60)]
    picture = imread(pictures.draw(explained(*steps), tmp_path / "plan.png"))
    assert picture.shape[0] < 60 * 0.5 * pictures.DPI


@pytest.mark.parametrize("goal", ["Bericht über 日本 📈", "$x^2$ and $y", "", "a\nb\tc", "word " * 500])
def test_any_goal_can_be_drawn(goal: str, tmp_path: Path) -> None:
    assert pictures.draw(explained(*chain(1), goal=goal), tmp_path / "plan.png").stat().st_size > 1000


@pytest.mark.parametrize("room", [0.3, 1.0, 2.5])
def test_text_is_cut_to_its_room(room: float) -> None:
    text = fitted("a rather long name of a step that goes on", 9.5, True, room)
    assert text.endswith("…")
    assert width(text, 9.5, True) <= room
    assert fitted("short", 9.5, False, 2.5) == "short"
