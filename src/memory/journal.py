"""The journal of a session: its events as framed, checksummed msgpack records, appended in groups.

Rule: an event is on disk before anyone sees it. A record is `length (4 bytes, big-endian), CRC-32 of the body (4),
body`; the body is `[version, seq, at, run_id, type, payload]`. A torn last record is cut off when the file is opened.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..clock import Clock
from ..errors import JournalError
from ..events import Event, Payload, payload_from
from .codec import pack, unpack

VERSION = 1
_HEAD = struct.Struct(">II")

Listener = Callable[[Event], None]


class Journal:
    """The events of one session. `append` numbers and buffers, `commit` writes them and then shows them."""

    def __init__(self, path: Path, session_id: str, clock: Clock) -> None:
        self.path = path
        self.session_id = session_id
        self.cut_bytes = 0
        self.writes = 0
        self._clock = clock
        self._listeners: list[Listener] = []
        self._buffer: list[bytes] = []
        self._waiting: list[Event] = []
        self._seq = 0
        self._fd = self._open()

    def append(self, payload: Payload, run_id: str) -> Event:
        """The numbered event; it is neither on disk nor shown before the next `commit`."""
        self._seq += 1
        event = Event(self._seq, self._clock.wall(), self.session_id, run_id, payload)
        body = pack([VERSION, event.seq, event.at, run_id, payload.type, payload.to_dict()])
        self._buffer.append(_HEAD.pack(len(body), zlib.crc32(body)))
        self._buffer.append(body)
        self._waiting.append(event)
        return event

    def commit(self) -> None:
        """Writes what was appended, with one system call for all of it, then calls the listeners in order.

        Raises:
            JournalError: the disk is full or the folder can't be written; nothing of it was shown.
        """
        if not self._buffer:
            return
        data = b"".join(self._buffer)
        self._buffer.clear()
        self._write(data)
        events, self._waiting = self._waiting, []
        for event in events:
            for listener in self._listeners:
                listener(event)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Calls `listener` with every event after it is on disk; returns what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def events(self, *, after: int = 0) -> Iterator[Event]:
        """The events on disk, in order, from number `after` + 1; those of newer versions of Planloom are left out."""
        for _, seq, at, run_id, type_name, payload in read(self.path):
            if seq > after:
                try:
                    yield Event(seq, at, self.session_id, run_id, payload_from(type_name, payload))
                except (KeyError, TypeError):
                    continue

    def close(self) -> None:
        """Commits and closes; may be called again."""
        if self._fd >= 0:
            self.commit()
            os.close(self._fd)
            self._fd = -1

    def _open(self) -> int:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise JournalError(f"expected a writable journal {str(self.path)!r}, got: {error}") from error
        size = os.fstat(fd).st_size
        whole = 0
        for record, end in _records(self.path):
            self._seq, whole = record[1], end
        if whole < size:
            self.cut_bytes = size - whole
            os.ftruncate(fd, whole)
        return fd

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                self.writes += 1
                view = view[os.write(self._fd, view) :]
        except OSError as error:
            raise JournalError(
                f"expected to write {len(data)} bytes to {str(self.path)!r}, got: {error}; make room, then run again"
            ) from error


def read(path: Path) -> Iterator[list[Any]]:
    """The whole records of a journal file, in order.

    Raises:
        JournalError: a record before the end is damaged; names the offset.
    """
    for record, _ in _records(path):
        yield record


def _records(path: Path) -> Iterator[tuple[list[Any], int]]:
    """Each record and the offset behind it. A torn or damaged last record ends the iteration."""
    with path.open("rb") as file:
        data = file.read()
    offset = 0
    while offset + _HEAD.size <= len(data):
        length, checksum = _HEAD.unpack_from(data, offset)
        end = offset + _HEAD.size + length
        body = data[offset + _HEAD.size : end]
        if end > len(data):
            return
        if zlib.crc32(body) != checksum:
            if end == len(data):
                return
            raise JournalError(f"expected a whole record at byte {offset} of {str(path)!r}, got a damaged one")
        yield unpack(body), end
        offset = end
