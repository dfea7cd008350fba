"""The journal of a session: its events as checksummed msgpack records, appended in groups to files in one folder.

Rule: a fact is on disk before anyone sees it; what only says how far something is (`policy.SOFT`) may be up to
`sessions.save_interval_s` late. A group of events is there as a whole or not at all. docs/durability.md says what is
promised, and which test tries to break it.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from ...clock import Clock
from ...config import Sessions
from ...errors import JournalError
from ...events import Event, Payload
from .appending import Appender, running_loop
from .compaction import Compacted, compact, ended_runs, restore
from .frames import Broken
from .lock import Holder, Lock, holder
from .opening import Found, opened
from .packing import pack_segment
from .policy import GAP, SOFT, SOFT_BYTES, SOFT_EVENTS, Effects
from .reading import read
from .records import Record, group_body, packed
from .repair import Report, repair, verify
from .segments import Segment, as_journal_error

Listener = Callable[[Event], None]


class Journal:
    """The events of one session, which this object alone writes, until `close`.

    `append` numbers and keeps, `commit` writes and shows. Numbers rise by one, except after a process that ended
    without `close`: then they go on 100,000 higher, since events that were shown and not written had lower ones.

    `cut_bytes`: bytes of a torn group that opening cut off; `notice` says it in words, None: nothing to say.
    `writes`: system calls that wrote.
    """

    def __init__(
        self,
        path: Path,
        session_id: str,
        clock: Clock,
        settings: Sessions | None = None,
        *,
        purpose: str = "planloom",
    ) -> None:
        """`path` is the session's folder, made if need be; `purpose` is told to others who want to write.

        Raises:
            BusyError: another process writes the session.
            JournalError: the folder can't be written, or the newest file is damaged.
        """
        self.path = path
        self.session_id = session_id
        self.settings = settings or Sessions()
        self._clock = clock
        self._lock = Lock(path, purpose=purpose, now=clock.wall())
        found = self._found()
        self.cut_bytes = found.cut_bytes
        self.notice = _notice(found, session_id)
        self._seq = found.last if found.is_clean else found.last + GAP
        self._appender = Appender(path, found, self.settings, clock)
        self._effects = Effects()
        self._listeners: list[Listener] = []
        self._pending: list[Event] = []
        self._records: list[bytes] = []
        self._is_hard = self._needs_sync = self._is_closed = self._is_showing = False
        self._unwritten: list[Event] = []
        self._unwritten_records: list[bytes] = []
        self._unwritten_bytes = 0
        self._to_show: deque[Event] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._packer: threading.Thread | None = None

    @property
    def seq(self) -> int:
        """The last number given."""
        return self._seq

    @property
    def writes(self) -> int:
        """System calls that wrote, so far."""
        return self._appender.writes

    @property
    def syncs(self) -> int:
        """Times the disk was told to keep what was written, so far."""
        return self._appender.syncs

    def append(self, payload: Payload, run_id: str) -> Event:
        """The numbered event; it is neither on disk nor shown before the next `commit`.

        Raises:
            TypeError, ValueError, OverflowError: the payload is not plain data; no number was used.
        """
        event = Event(self._seq + 1, self._clock.wall(), self.session_id, run_id, payload)
        self._records.append(packed(event))
        self._pending.append(event)
        self._seq = event.seq
        if type(payload) not in SOFT:
            self._is_hard = True
            if self._effects.need_sync(payload, run_id):
                self._needs_sync = True
        return event

    def commit(self, *, sync: bool = False) -> None:
        """Writes what was appended as one group, unless nothing of it has to be there at once, then shows it in order.

        `sync`: the disk has to keep it before anyone sees it, for effects that the events do not tell. Groups with
        writes, approvals and cancels are synced without it. With `sessions.fsync: never` nothing is.

        Raises:
            JournalError: it could not be written; nothing of it was shown, and the next commit tries again.
        """
        if self._pending:
            is_hard = self._is_hard or sync or not self._appender.is_begun or not self.settings.save_interval_s
            if is_hard or self._unwritten_bytes > SOFT_BYTES or len(self._unwritten) >= SOFT_EVENTS:
                self._write(sync=sync or self._needs_sync)
            else:
                self._put_off()
        elif sync and self._appender.is_begun and self.settings.fsync != "never":
            self._appender.sync()
        self._show()

    def save(self) -> None:
        """Writes what was put off; nothing to do is no error.

        Raises:
            JournalError: it could not be written; it is kept, and the next commit tries again.
        """
        if self._unwritten:
            self._write(sync=False)
            self._show()

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Calls `listener` with every event once it counts; returns what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def events(self, *, after: int = 0) -> Iterator[Event]:
        """The events that were shown, in order, from number `after` + 1; those of newer versions are left out.

        Raises:
            JournalError: a file is damaged; names the place and what to run.
        """
        last = after
        for record in read(self.path, after=after):
            event = record.event(self.session_id)
            last = record.seq
            if event is not None:
                yield event
        yield from [event for event in self._unwritten if event.seq > last]

    def close(self) -> None:
        """Commits, notes the clean end, and lets others write; may be called again.

        Raises:
            JournalError: the rest could not be written; all is closed and released all the same.
        """
        if self._is_closed:
            return
        self._stop_timer()
        try:
            self.commit()
            self.save()
            self._appender.finish()
        finally:
            self._is_closed = True
            self._stop_timer()
            self._appender.abandon()
            if self._packer is not None:
                self._packer.join()
            self._lock.release()

    # ---- inside

    def _found(self) -> Found:
        try:
            return opened(self.path)
        except OSError as error:
            self._lock.release()
            raise as_journal_error(self.path, error) from error
        except BaseException:
            self._lock.release()
            raise

    def _write(self, *, sync: bool) -> None:
        """One group of all that is not on disk yet."""
        if self._is_closed:
            raise JournalError(f"session {self.session_id!r}: expected an open journal, got one that was closed")
        records = [*self._unwritten_records, *self._records]
        body = group_body(self._appender.last, records)
        self._appender.append(body, self._seq, events=len(records), sync=sync)
        self._clear_unwritten()
        self._take_pending()
        if self._appender.full and self.settings.compression == "zstd":
            self._pack_full()

    def _put_off(self) -> None:
        """Shows soft events now; the next hard commit or the timer writes them."""
        self._unwritten += self._pending
        self._unwritten_records += self._records
        self._unwritten_bytes += sum(map(len, self._records))
        self._take_pending()
        loop = running_loop()
        if loop is not None and (self._timer is None or self._loop is not loop):
            self._stop_timer()
            self._loop = loop
            self._timer = loop.call_later(self.settings.save_interval_s, self._save_in_time)

    def _save_in_time(self) -> None:
        self._timer = None
        try:
            self.save()
        except JournalError:
            return  # kept, and the next commit, which somebody waits for, raises it

    def _take_pending(self) -> None:
        self._to_show.extend(self._pending)
        self._pending, self._records = [], []
        self._is_hard = self._needs_sync = False

    def _clear_unwritten(self) -> None:
        self._unwritten, self._unwritten_records, self._unwritten_bytes = [], [], 0
        self._stop_timer()

    def _show(self) -> None:
        """Calls the listeners in order of numbers, also when a listener commits."""
        if self._is_showing:
            return
        self._is_showing = True
        try:
            while self._to_show:
                event = self._to_show.popleft()
                for listener in tuple(self._listeners):
                    listener(event)
        finally:
            self._is_showing = False

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _pack_full(self) -> None:
        """Makes closed segments small, one after another, in a thread that `close` waits for."""
        if self._packer is not None:
            self._packer.join()
        full, self._appender.full = self._appender.full, []
        self._packer = threading.Thread(target=_pack, args=(full,), daemon=True, name="planloom-journal")
        self._packer.start()


def _pack(segments: list[Segment]) -> None:
    for segment in segments:
        try:
            pack_segment(segment)
        except (OSError, Broken):
            continue  # it stays as it is, and reading says what is wrong with it


def _notice(found: Found, session_id: str) -> str | None:
    if not found.cut_bytes:
        return None
    return (
        f"session {session_id!r}: its last process ended while it wrote; {found.cut_bytes} bytes that are no whole "
        "group were cut off and kept beside the journal"
    )


__all__ = [
    "Journal",
    "Listener",
    "read",
    "verify",
    "repair",
    "compact",
    "restore",
    "ended_runs",
    "holder",
    "Record",
    "Report",
    "Compacted",
    "Holder",
]
