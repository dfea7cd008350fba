"""Closed segments made small with zstd, block by block, so that damage costs a block and not the file.

Rule: a packed segment holds the same frames as before; only their bytes are fewer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import Any

from .frames import GROUP, HEAD, PACKED, Frame, framed, walk
from .segments import Segment, swap

# A flipped bit costs a block: small ones cost little, and pack nearly as well.
BLOCK_BYTES = 1 << 15
_LEVEL = 3


def pack_segment(segment: Segment) -> int:
    """Swaps a closed segment for its packed form; gives the bytes saved, 0 when it was packed already.

    Raises:
        OSError: it can't be read or written; the segment stays as it is.
        Broken: it is damaged, and stays as it is.
    """
    before = segment.path.stat().st_size
    with segment.path.open("rb") as file:
        frames = list(walk(file))
    if not any(frame.kind == GROUP for frame in frames):
        return 0
    return before - swap(segment.path, blocks(frames))


def blocks(frames: Iterable[Frame]) -> Iterator[bytes]:
    """The bytes of the frames with groups packed; packed frames and the head stay as they are."""
    waiting: list[bytes] = []
    size = 0
    for frame in frames:
        if frame.kind in (PACKED, HEAD):
            if waiting:
                yield block(waiting)
                waiting, size = [], 0
            yield framed(frame.kind, frame.body)
            continue
        waiting.append(framed(frame.kind, frame.body))
        size += len(waiting[-1])
        if size >= BLOCK_BYTES:
            yield block(waiting)
            waiting, size = [], 0
    if waiting:
        yield block(waiting)


def block(frames: list[bytes]) -> bytes:
    """One packed frame of several."""
    return framed(PACKED, _compressor().compress(b"".join(frames)))


def unpacked(frame: Frame) -> Iterator[Frame]:
    """The frames inside a packed one.

    Raises:
        ValueError: the content is not what was packed.
    """
    import zstandard

    try:
        data = zstandard.ZstdDecompressor().decompress(frame.body)
    except zstandard.ZstdError as error:
        raise ValueError(f"expected a packed block, got: {error}") from error
    yield from walk(BytesIO(data))


def _compressor() -> Any:
    import zstandard

    return zstandard.ZstdCompressor(level=_LEVEL)
