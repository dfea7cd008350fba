"""Nothing that is printed controls the terminal or reads otherwise than it stands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planloom.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07x", "x"),
        ("\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\", "click"),
        ("\x1b]52;c;Y29weQ==\x07x", "x"),
        ("\x1b]52;c;open ended", "]52;c;open ended"),
        ("\x1b[2J\x1b[Hgone", "gone"),
        ("\x9b31mred", "red"),
        ("\x1bP$q\x1b\\x", "x"),
        ("\x1bcreset", "reset"),
        ("safe\u202etxt.exe\u202c", "safetxt.exe"),
        ("a\u2066b\u2069\u200b\ufeffc", "abc"),
        ("over\rwritten", "over\nwritten"),
        ("a\r\nb\u2028c", "a\nb\nc"),
        ("bell\x07 back\x08space null\x00", "bell backspace null"),
        ("".join(chr(0xE0000 + ord(c)) for c in "hidden") + "x", "x"),
        ("lone \ud800 surrogate", "lone  surrogate"),
    ],
)
def test_what_controls_a_terminal_is_removed(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.parametrize(
    "text", ["a\tb\nc", "Grüße, 数据, 한국어, עברית, العربية", "👩‍👩‍👧 🇩🇪 e\u0301", "[31m", "n\u00a0b"]
)
def test_what_can_be_read_stays(text: str) -> None:
    assert printable(text) == text


@given(text=st.text(alphabet=st.characters(codec=None), max_size=60) | st.text("\x1b\x9b[]m;0\x07\\P", max_size=30))
def test_nothing_left_is_a_control_and_nothing_changes_twice(text: str) -> None:
    shown = printable(text)
    assert not set(shown) & {chr(i) for i in (*range(9), *range(11, 32), *range(0x7F, 0xA0), *range(0x202A, 0x202F))}
    assert printable(shown) == shown
