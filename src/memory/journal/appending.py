"""Bytes to the end of a journal, on disk or not there. Rule: a write that fails leaves the file as it was.

After a failed sync nobody knows what the disk has: the appender refuses everything from then on, and the next opening
reads what is really there.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path

from ...clock import Clock
from ...config import Sessions
from ...errors import JournalError
from .frames import GROUP, HEAD, MAX_BODY, ending, framed
from .opening import Found
from .policy import UNSYNCED_EVENTS
from .records import VERSION, Head, head_body
from .segments import Segment, named, sync_data, sync_folder


class Appender:
    """The last segment of a session, open for appending; `full` are the segments that were closed meanwhile."""

    def __init__(self, folder: Path, found: Found, settings: Sessions, clock: Clock) -> None:
        self.folder = folder
        self.settings = settings
        self.writes = 0
        self.syncs = 0
        self.full: list[Segment] = []
        self._clock = clock
        self._segment = found.segment
        self._size = found.size
        self._last = found.last
        self._has_first = found.last > 0 or found.size > 0
        self._fd = -1
        self._unsynced = 0
        self._synced_at = clock.now()
        self._new_file = False
        self._broken: str | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def is_begun(self) -> bool:
        """Whether anything was written since the session was opened."""
        return self._fd >= 0

    @property
    def last(self) -> int:
        """The last number on disk."""
        return self._last

    def append(self, body: bytes, last: int, *, events: int, sync: bool) -> None:
        """Writes one group, and syncs it when asked to or when the policy says so.

        Raises:
            JournalError: it could not be written or synced.
        """
        if len(body) > MAX_BODY:
            raise JournalError(f"{self._told()}: expected a group of at most 4 GiB, got {len(body):,} bytes")
        self._check()
        if self._fd < 0 or self._size + len(body) > self.settings.segment_bytes:
            self._roll(len(body))
        self._write(framed(GROUP, body))
        self._last = last
        self._unsynced += events
        self._sync_by_policy(sync)

    def finish(self) -> None:
        """Writes that everything that was shown is here, syncs, and closes.

        Raises:
            JournalError: it could not be written or synced; the file is closed all the same.
        """
        try:
            if self._fd >= 0 and self._broken is None:
                self._write(ending(self._last, self._size))
                self._sync_at_end()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Closes the file as it is; the next opening sees that there was no clean end."""
        self._stop_timer()
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def sync(self) -> None:
        """Has the disk keep what was written.

        Raises:
            JournalError: the disk says no.
        """
        self._stop_timer()
        try:
            _synced(self._fd, self._folders())
        except OSError as error:
            self._broken = f"the disk could not keep what was written: {error}"
            self._check()
        self._note_sync()

    # ---- syncs

    def _sync_by_policy(self, wanted: bool) -> None:
        policy = self.settings.fsync
        if policy == "never":
            return
        now = self._clock.now()
        due = now - self._synced_at >= self.settings.fsync_interval_s
        if wanted or policy == "always" or self._unsynced >= UNSYNCED_EVENTS or not self.settings.fsync_interval_s:
            self.sync()
        elif (loop := running_loop()) is None:
            if due:
                self.sync()
        elif self._timer is None or self._loop is not loop:
            self._stop_timer()
            self._loop = loop
            self._timer = loop.call_later(self.settings.fsync_interval_s, self._sync_beside, loop)

    def _sync_beside(self, loop: asyncio.AbstractEventLoop) -> None:
        """Syncs in a thread, on a descriptor of its own, so that the loop goes on."""
        self._timer = None
        if self._fd < 0 or self._broken is not None:
            return
        fd, folders = os.dup(self._fd), self._folders()
        self._note_sync()
        future = loop.run_in_executor(None, _synced_and_closed, fd, folders)
        future.add_done_callback(self._heard)

    def _sync_at_end(self) -> None:
        """Syncs before the file is closed; with the policy `interval` beside the loop, when there is one."""
        if self.settings.fsync == "never":
            return
        loop = running_loop()
        if loop is None or self.settings.fsync == "always" or not self.settings.fsync_interval_s:
            self.sync()
        else:
            self._sync_beside(loop)

    def _heard(self, future: asyncio.Future[None]) -> None:
        if future.cancelled() or (error := future.exception()) is None:
            return
        self._broken = f"the disk could not keep what was written: {error}"
        if self._fd < 0:  # closed meanwhile: no append will say it
            told = {"message": f"{self._told()}: {self._broken}", "exception": error}
            future.get_loop().call_exception_handler(told)

    def _folders(self) -> tuple[Path, ...]:
        """The folders whose entries the disk has to keep as well."""
        return (self.folder, self.folder.parent) if self._new_file else ()

    def _note_sync(self) -> None:
        self.syncs += 1
        self._unsynced = 0
        self._new_file = False
        self._synced_at = self._clock.now()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # ---- files

    def _roll(self, coming: int) -> None:
        """Opens the segment to append to: the one that was found, or the next when it would be too large."""
        try:
            if self._fd < 0 and 0 < self._size <= self.settings.segment_bytes - coming:
                self._fd = os.open(self._segment.path, os.O_WRONLY | os.O_APPEND)
                return
            self._next()
        except OSError as error:
            raise self._failed(error) from error

    def _next(self) -> None:
        following = self._segment
        if self._size:
            following = named(self.folder, self._segment.number + 1)
        if self._fd >= 0 and self.settings.fsync != "never":
            self.sync()
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        fd = os.open(following.path, flags, 0o600)
        head = framed(HEAD, head_body(Head(VERSION, self._last, not self._has_first)))
        try:
            if os.write(fd, head) != len(head):
                raise OSError(28, "No space left on device")
        except OSError:
            os.close(fd)
            following.path.unlink()
            raise
        if self._fd >= 0:
            os.close(self._fd)
        if self._size:
            self.full.append(self._segment)
        self._segment, self._fd, self._size = following, fd, len(head)
        self._has_first = self._new_file = True

    def _write(self, data: bytes) -> None:
        view, size = memoryview(data), self._size
        try:
            while view:
                self.writes += 1
                view = view[os.write(self._fd, view) :]
        except OSError as error:
            self._undo(size)
            raise self._failed(error) from error
        self._size = size + len(data)

    def _undo(self, size: int) -> None:
        try:
            os.ftruncate(self._fd, size)
        except OSError as error:
            self._broken = f"a write failed half way and can't be taken back: {error}"

    def _check(self) -> None:
        if self._broken is not None:
            raise JournalError(
                f"{self._told()}: {self._broken}; nothing that was confirmed before is lost; make room or check the "
                f"disk, then run: planloom sessions verify {self.folder.name}"
            )

    def _failed(self, error: OSError) -> JournalError:
        return JournalError(
            f"{self._told()}: expected to write to {str(self._segment.path)!r}, got: {error}; nothing that was "
            "confirmed is lost; make room, then run: planloom resume RUN"
        )

    def _told(self) -> str:
        return f"session {self.folder.name!r}"


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The event loop of this thread, None when there is none."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _synced(fd: int, folders: Iterable[Path]) -> None:
    sync_data(fd)
    for folder in folders:
        sync_folder(folder)


def _synced_and_closed(fd: int, folders: Iterable[Path]) -> None:
    try:
        _synced(fd, folders)
    finally:
        os.close(fd)
