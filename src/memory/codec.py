"""Plain data to bytes and back (msgpack). Rule: no class is ever rebuilt from bytes, only plain data."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import msgpack
import xxhash

_packer = msgpack.Packer(use_bin_type=True, autoreset=True)


def pack(value: Any) -> bytes:
    """`value` (plain data) as msgpack. Lone surrogates in texts become U+FFFD, halves of one character are joined.

    Raises:
        TypeError, ValueError, OverflowError: the value is not plain data.
    """
    try:
        packed: bytes = _packer.pack(value)
    except UnicodeEncodeError:
        packed = _packer.pack(clean(value))
    return packed


def pack_list(items: Sequence[bytes]) -> bytes:
    """The list of values that are packed already."""
    count = len(items)
    if count < 16:
        head = bytes((0x90 | count,))
    elif count < 1 << 16:
        head = struct.pack(">BH", 0xDC, count)
    else:
        head = struct.pack(">BI", 0xDD, count)
    return head + b"".join(items)


def unpack(data: bytes | memoryview) -> Any:
    """The value `pack` was given; tuples come back as lists.

    Raises:
        ValueError: `data` is not one whole msgpack value.
    """
    try:
        return msgpack.unpackb(data, raw=False, strict_map_key=False)
    except (ValueError, TypeError) as error:  # TypeError: a key that can't be one
        raise ValueError(f"expected one msgpack value, got {len(data)} bytes that are not: {error}") from error


def clean(value: Any) -> Any:
    """The value with texts that UTF-8 can carry; keys too."""
    match value:
        case str():
            return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        case dict():
            return {clean(key): clean(item) for key, item in value.items()}
        case list() | tuple():
            return [clean(item) for item in value]
        case _:
            return value


def digest(data: bytes) -> str:
    """128 bits of XXH3 as 32 hexadecimal digits; for equality, not for security."""
    return xxhash.xxh3_128_hexdigest(data)
