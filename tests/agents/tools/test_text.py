from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planloom.agents.tool import ToolContext
from planloom.agents.tools import text
from planloom.agents.tools.text import reading
from planloom.agents.workspace import Workspace
from planloom.errors import ToolError

BEES = """Bees collect nectar from flowers and carry it back to the hive. Honey is made from the nectar that bees
collect in summer. The weather was mild on that day. A hive of bees can hold sixty thousand bees and much honey.

Beekeepers harvest honey when the bees have closed the combs with wax. Wax is used for candles and polish. The
neighbours painted their fence green. Without bees many flowers would never bear fruit.
"""
GERMAN = "Der Garten ist im Sommer voller Blumen, und die Kinder spielen den ganzen Tag draußen in der Sonne."


@pytest.fixture
def context(tmp_path: Path) -> ToolContext:
    return ToolContext(workspace=Workspace(tmp_path, tmp_path / "out"))


@pytest.mark.parametrize(
    ("words", "code", "name"),
    [
        (BEES, "en", "English"),
        (GERMAN, "de", "German"),
        ("C'est la vie, mon ami, et le soleil brille sur la mer.", "fr", "French"),
        ("12 34 ...", "", ""),
        ("", "", ""),
    ],
)
def test_language_is_named(words: str, code: str, name: str) -> None:
    found = text.language(words)
    assert (found["language"], found["name"]) == (code, name)
    assert 0 <= found["confidence"] <= 1


def test_keywords_are_what_the_text_is_about() -> None:
    found = text.keywords(BEES, count=4)
    terms = [k["term"].lower() for k in found["keywords"]]
    assert {"bees", "honey"} <= set(terms)
    assert found["keywords"][0]["score"] == 1.0


def test_keywords_have_no_stop_words_of_the_language() -> None:
    terms = {k["term"].lower() for k in text.keywords(GERMAN, count=20)["keywords"]}
    assert {"blumen", "kinder"} <= terms
    assert not terms & {"der", "ist", "und", "die", "den", "ganzen", "in"}


def test_repeated_pair_of_words_is_one_keyword() -> None:
    words = "Solar panels turn light into power. Old solar panels are recycled. New solar panels cost less."
    assert text.keywords(words, count=1)["keywords"][0]["term"].lower() == "solar panels"


@pytest.mark.parametrize("words", ["", "the and of", "12 34", "```\ncode = 1\n```"])
def test_text_without_content_has_no_keywords(words: str) -> None:
    assert text.keywords(words)["keywords"] == []


def test_summary_is_made_of_central_sentences_in_their_order() -> None:
    found = text.summary(BEES, sentences=3)
    assert len(found["sentences"]) == 3
    assert [s["position"] for s in found["sentences"]] == sorted(s["position"] for s in found["sentences"])
    plain = " ".join(BEES.split())
    assert all(s["text"] in plain for s in found["sentences"])
    assert "fence" not in found["text"]
    assert "weather" not in found["text"]


def test_summary_of_markdown_leaves_out_code_and_tables() -> None:
    markdown = f"---\nkey: value of the front matter here\n---\n# Bees\n\n{BEES}\n```\nprint('not a sentence.')\n```\n"
    markdown += "\n| a | b |\n|---|---|\n| This cell is no sentence of it. | x |\n\n[Bees](https://x.org/y) are kept.\n"
    told = " ".join(s["text"] for s in text.summary(markdown, sentences=50)["sentences"])
    assert "Honey is made" in told
    assert not [word for word in ("print", "cell", "front matter", "https", "|") if word in told]


def test_sentence_that_repeats_another_is_left_out() -> None:
    words = " ".join(["The old bridge crosses the wide river near the town."] * 5 + [BEES])
    told = text.summary(words, sentences=3)["text"]
    assert told.count("bridge") <= 1


@pytest.mark.parametrize(
    ("paragraph", "count"),
    [
        ("Dr. Smith met Mrs. Jones at 5 p.m. in town. They talked for hours there.", 2),
        ("Use a tool, e.g. Make, to build it. Then run all the tests.", 2),
        ("Is this one whole sentence? Yes! It surely is one of them.", 2),
        ("没有空格的文字也要分开。这是第二个句子在这里。", 2),
    ],
)
def test_sentences_end_where_people_end_them(paragraph: str, count: int) -> None:
    assert len(reading.sentences(reading.Prose("", (paragraph,)))) == count


def test_items_of_a_plain_list_are_sentences_of_their_own() -> None:
    prose = reading.prose_of("Words that\ncome before:\n* the first item of it\n* the second one\n", is_markdown=False)
    assert prose.paragraphs == ("Words that come before:", "* the first item of it", "* the second one")
    assert "the first item of it" in reading.sentences(prose)


def test_text_without_spaces_has_keywords_and_a_summary() -> None:
    words = "天安门广场在北京的中心。每天有很多人来到天安门广场。北京的春天很美丽很温暖。"
    assert text.keywords(words, count=2)["keywords"]
    assert text.summary(words, sentences=1)["text"] in words


def test_batch_gives_what_single_calls_give() -> None:
    calls = [{"text": BEES}, {"text": GERMAN}, {"text": ""}]
    for tool in (text.language, text.keywords, text.summary):
        assert tool.batch_function is not None
        assert tool.batch_function(calls) == [tool(**call) for call in calls]


def test_bad_call_in_a_batch_spoils_no_other() -> None:
    assert text.summary.batch_function is not None
    good, bad = text.summary.batch_function([{"text": BEES}, {"text": BEES, "sentences": 0}])
    assert good == text.summary(BEES)
    assert isinstance(bad, ToolError)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=400))
def test_any_text_is_taken(words: str) -> None:
    assert len(text.summary(words, sentences=2)["sentences"]) <= 2
    assert len(text.keywords(words, count=3)["keywords"]) <= 3


def test_profile_tells_title_length_and_language(tmp_path: Path, context: ToolContext) -> None:
    (tmp_path / "bees.md").write_text(f"# The *bee* book\n\n{BEES}")
    found = text.profile("bees.md", "notes/bees.md", context=context)
    assert (found["title"], found["language_name"], found["minutes"]) == ("The bee book", "English", 1)
    assert found["words"] == reading.word_count(BEES)
    assert found["section"]["heading"] == "notes/bees.md"
    assert found["summary"] in found["section"]["text"]


def test_markup_in_prose_has_no_effect_in_the_report(tmp_path: Path, context: ToolContext) -> None:
    (tmp_path / "a.txt").write_text("The *stars* and <b>tags</b> and [links](javascript:x) stay as they are.")
    told = text.profile("a.txt", context=context)["section"]["text"]
    assert r"\*stars\*" in told
    assert r"\<b\>" in told
    assert r"\[links\]" in told


def test_terms_of_several_files_leave_out_unreadable_ones(tmp_path: Path, context: ToolContext) -> None:
    (tmp_path / "a.md").write_text(BEES)
    (tmp_path / "b.md").write_bytes(b"\x00\x01")
    found = text.terms(["a.md", "b.md", "gone.md"], context=context)
    assert (found["files"], found["unread"]) == (1, 2)
    assert "bees" in [k["term"].lower() for k in found["keywords"]]
    assert len(found["charts"]) == 1


def test_no_prose_has_no_sections() -> None:
    assert text.overview([]) == {"words": 0, "sentence": "", "sections": []}
