"""The words of a forgotten fact are found however they were written down, and nothing else is."""

from __future__ import annotations

import html
import io
import json
import zipfile

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from planloom.memory.codec import pack
from planloom.memory.forgetting.wording import MARK, Wording

FACT = 'Ana\'s café, "Zur Möwe", opens at 7:30'
WORDING = Wording([FACT], ["f00d"])


@pytest.mark.parametrize(
    "told",
    [
        FACT,
        FACT.upper(),
        FACT.replace(" ", "\n   "),
        f"You said: {FACT}!",
        json.dumps({"text": FACT}),
        json.dumps({"text": FACT}, ensure_ascii=False),
        json.dumps(json.dumps([f"two lines\n{FACT}\n"])),
        html.escape(FACT),
        FACT.replace("é", "&#233;").replace("ö", "&#xF6;"),
        FACT.replace("é", "e\u0301").replace("ö", "o\u0308"),
        "**Ana's** _café_, `Zur` **Möwe**: opens at *7*:30",
        yaml.dump({"a": f"{FACT} " * 3}, width=20, allow_unicode=True),
        "Anas cafe? No: Ana's café Zur Möwe opens at 7:30.",
        'Ana\'s café, "Zur Möwe", op…',
        'Ana\'s café, "Zur Möwe", opens...',
        "ana-s-café-zur-möwe-opens-a-20260102-030405-abcdef",
    ],
)
def test_the_words_are_found_in_any_dress(told):
    left = WORDING.without(told)
    assert MARK in left and "Möwe" not in left and "MÖWE" not in left
    assert WORDING.without(left) is left


@pytest.mark.parametrize(
    "told",
    [
        "",
        "Ana's café opens",
        "The café Zur Möwe opens at 7:30",
        "Banana's café, Zur Möwe, opens at 7:30",
        "Ana's café, Zur Möwe, opens at 7:301",
        "Ana's café, Zur Möwe, is nice and has good cake",
        "We met at Ana's café, Zur Möwe",
        MARK,
    ],
)
def test_other_words_stay(told):
    assert WORDING.without(told) is told


def test_data_that_does_not_hold_the_words_is_the_same_object():
    data = {"a": [1, None, {"b": ("text", b"bytes", 2.5)}], "c": True}
    assert WORDING.without(data) is data
    assert WORDING.without({"a": [FACT], FACT: (1, FACT)}) == {"a": [MARK], MARK: [1, MARK]}


def test_who_mentions_the_id_knew_it():
    assert WORDING.is_named_in({"a": [{"id": "f00d"}]})
    assert not WORDING.is_named_in({"a": ["xf00d", {"f00d": 1}]})


def test_a_short_fact_goes_only_where_it_stands_alone():
    wording = Wording(["Oslo"])
    assert wording.without({"text": " oslo ", "goal": "Weather in Oslo"}) == {"text": MARK, "goal": "Weather in Oslo"}


def test_scripts_without_spaces_are_found_inside_sentences():
    assert Wording(["用户住在汉堡的港口附近"]).without("我知道用户住在汉堡的港口附近。") == f"我知道{MARK}。"


def test_files_and_packed_values_are_read():
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("word/document.xml", f"<w:t>{html.escape(FACT, quote=False)}</w:t>")
    assert WORDING.is_in(archive.getvalue())
    assert WORDING.is_in(pack([{"a": FACT}]))
    assert WORDING.is_in(FACT.encode())
    assert not WORDING.is_in(pack(["other"])) and not WORDING.is_in(b"PK\x03\x04 broken")


@settings(max_examples=200, deadline=None)
@given(
    words=st.lists(st.text(st.characters(categories=("L", "N")), min_size=1, max_size=8), min_size=2, max_size=12),
    before=st.text(max_size=20),
    after=st.text(max_size=20),
)
def test_any_fact_is_found_in_json_and_plain(words, before, after):
    fact = " ".join(words)
    wording = Wording([fact])
    told = f"{before} {fact} {after}"
    assert fact not in wording.without(told)
    assert wording.is_in(json.dumps({"text": told}))
    assert wording.is_in(json.dumps([told], ensure_ascii=False).encode())
