"""Plain data to bytes and back (msgpack). Rule: no class is ever rebuilt from bytes, only plain data."""

from __future__ import annotations

from typing import Any

import msgpack
import xxhash

_packer = msgpack.Packer(use_bin_type=True, autoreset=True)


def pack(value: Any) -> bytes:
    """`value` (plain data) as msgpack.

    Raises:
        TypeError, ValueError, OverflowError: the value is not plain data.
    """
    packed: bytes = _packer.pack(value)
    return packed


def unpack(data: bytes | memoryview) -> Any:
    """The value `pack` was given; tuples come back as lists.

    Raises:
        ValueError: `data` is not one whole msgpack value.
    """
    try:
        return msgpack.unpackb(data, raw=False, strict_map_key=False)
    except (msgpack.ExtraData, msgpack.FormatError, msgpack.StackError, UnicodeDecodeError) as error:
        raise ValueError(f"expected one msgpack value, got {len(data)} bytes that are not: {error}") from error


def digest(data: bytes) -> str:
    """128 bits of XXH3 as 32 hexadecimal digits; for equality, not for security."""
    return xxhash.xxh3_128_hexdigest(data)
