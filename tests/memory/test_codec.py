"""Plain data survives; nothing that is no plain data gets in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planloom.memory.codec import pack, pack_list, unpack

plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(plain)
def test_plain_data_comes_back_as_it_was(value):
    assert unpack(pack(value)) == value


@given(st.lists(plain, max_size=40))
def test_list_of_packed_values_is_the_list(values):
    assert unpack(pack_list([pack(value) for value in values])) == values


@pytest.mark.parametrize("count", [0, 15, 16, 65_535, 65_536])
def test_list_heads_of_every_size(count: int):
    assert unpack(pack_list([pack(1)] * count)) == [1] * count


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a\ud800b", "a\ufffdb"),
        ("\udfff", "\ufffd"),
        ("\ud83d\ude00", "😀"),
        ({"k\ud800": ["\udc00", ("x", 1)]}, {"k\ufffd": ["\ufffd", ["x", 1]]}),
    ],
)
def test_lone_surrogate_in_a_text_costs_one_character_and_not_the_run(given, kept):
    assert unpack(pack(given)) == kept


@given(st.text(st.characters()))
def test_any_text_can_be_packed(text: str):
    again = unpack(pack(text))
    assert again == text or any(0xD800 <= ord(c) < 0xE000 for c in text)


@pytest.mark.parametrize("value", [object(), {1, 2}, 2**64, {"a": object()}])
def test_what_is_no_plain_data_is_refused(value):
    with pytest.raises((TypeError, OverflowError)):
        pack(value)


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x92\x01", b"\x01\x01", b"\xa2\xff\xff", b"\x81\x90\x01"])
def test_broken_bytes_are_a_value_error(data: bytes):
    with pytest.raises(ValueError, match="expected one msgpack value"):
        unpack(data)
