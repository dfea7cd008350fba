from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from timed_runs import random_run
from told import Told

from planloom.errors import UsageError
from planloom.events import RunResumed
from planloom.orchestrator.analysis import Analysis, analyze
from planloom.orchestrator.analysis.picture import draw
from planloom.orchestrator.analysis.picture.layout import WIDE, scene
from planloom.orchestrator.analysis.picture.shapes import Box, Words, fitted, width

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = '<script>alert("x")</script>\x1b[2J\x00 ${a} ]]> &amp; \u202e'


def small() -> Analysis:
    told = Told().add(0, "first", "second").start(0, "first").end(2, "first")
    return analyze(told.start(2, "second", queued_s=2).end(3, "second", "failed", error=HOSTILE).finish(3, "failed"))


def texts(path: Path) -> list[str]:
    tree = ElementTree.fromstring(path.read_bytes())  # noqa: S314 - it is our own
    return [node.text or "" for node in tree.iter() if node.tag in (f"{SVG}text", f"{SVG}title")]


def test_svg_is_whole_and_names_steps_and_parts(tmp_path: Path):
    told = texts(draw(small(), tmp_path / "run.svg"))
    assert {"first", "◆ second", "goal"} <= set(told)
    assert any(text.startswith("queue 2.00 s") for text in told)
    assert any(text.startswith("first: ran 2.00 s") for text in told)


def test_nothing_a_step_says_becomes_markup(tmp_path: Path):
    analysis = replace(small(), goal=HOSTILE, run_id=HOSTILE)
    for kind in ("svg", "html"):
        text = draw(analysis, tmp_path / f"run.{kind}").read_text(encoding="utf-8")
        assert "<script" not in text and "\x1b" not in text and "\x00" not in text and "\u202e" not in text
    assert any("<script>" in text for text in texts(tmp_path / "run.svg"))


def test_png_is_a_png_and_the_page_fetches_nothing(tmp_path: Path):
    assert draw(small(), tmp_path / "run.png").read_bytes().startswith(b"\x89PNG")
    page = draw(small(), tmp_path / "folder" / "run.html").read_text(encoding="utf-8")
    assert "<svg" in page and "<td>demo" not in page and page.count("<tr") == 3
    assert not any(word in page for word in ("src=", "href=", "@import", "url("))


def test_light_and_dark_readers_have_colours_of_their_own(tmp_path: Path):
    text = draw(small(), tmp_path / "run.svg").read_text(encoding="utf-8")
    assert "prefers-color-scheme:dark" in text


@pytest.mark.parametrize("seed", range(0, 60, 3))
def test_every_shape_lies_inside_the_picture(seed: int):
    made = scene(analyze(random_run(seed).events), state="done")
    for shape in made.shapes:
        if isinstance(shape, Box):
            assert shape.x >= -0.01 and shape.x + shape.wide <= WIDE + 0.01, shape
            assert shape.y >= 0 and shape.y + shape.tall <= made.tall
        elif isinstance(shape, Words):
            shift = {"start": 0.0, "middle": 0.5, "end": 1.0}[shape.anchor] * width(shape.text, shape.size)
            assert shape.x - shift >= 0 and shape.y <= made.tall, shape


def test_a_run_without_steps_and_one_without_time_are_drawn(tmp_path: Path):
    draw(analyze(Told().finish(0, "failed")), tmp_path / "none.svg")
    draw(analyze(Told().add(0, "a").start(0, "a").end(0, "a").finish(0)), tmp_path / "still.png")
    assert "goal" in texts(tmp_path / "none.svg")


def test_a_pause_without_a_process_is_marked(tmp_path: Path):
    told = Told().add(0, "a").start(0, "a").at(600, RunResumed()).add(600, "a").start(600, "a").end(601, "a")
    assert any("without a process" in text for text in texts(draw(analyze(told.finish(601)), tmp_path / "run.svg")))


def test_a_thousand_steps_become_a_picture_of_bounded_height():
    told = Told().add(0, "each")
    names = [f"each[{n}]" for n in range(1000)]
    told.add(0, *names, parent="each")
    for number, name in enumerate(names):
        told.start(number, name).end(number + 1, name)
    assert scene(analyze(told.finish(1000)), state="done").tall < 4200


def test_another_ending_and_a_place_that_cannot_be_written_are_told(tmp_path: Path):
    with pytest.raises(UsageError, match=r"\.svg, \.png or \.html"):
        draw(small(), tmp_path / "run.gif")
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="expected a place to write"):
        draw(small(), tmp_path / "file" / "run.svg")


def test_texts_are_cut_to_their_room_wide_letters_too():
    assert width(fitted("報" * 80, 12, 100), 12) <= 100
    assert fitted("short", 12, 100) == "short"
