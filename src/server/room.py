"""The events of one session, for all who hear it. Rule: a reader holds a number, the room holds the events.

What readers have not taken yet is kept once for all of them and up to a bound; a reader that is behind it reads from
the journal. So a reader that never reads costs nothing, and nobody ever waits for it.

A room is warm while something runs in its session here: then it hears the journal itself. Cold, it leaves the session
to whoever wants to write it, another process too, and looks now and then whether there is more in the files.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ..events import Event, Payload
from ..memory.journal import Journal, read

MOST = 1024  # events kept for readers that are behind
_ENOUGH = 64  # events kept when all have been taken, for those who come back after a cut
PAGE = 256  # events that are sent before another session has its turn

Wake = Callable[[], None]
Observer = Callable[[Event], None]


@dataclass(slots=True)
class Heard:
    """An event, and its frame once somebody wanted it."""

    event: Event
    _frame: str | None = None

    @property
    def frame(self) -> str:
        """The event as it is sent."""
        if self._frame is None:
            self._frame = encoded(self.event)
        return self._frame


def encoded(event: Event) -> str:
    """The frame of an event."""
    return json.dumps(event.to_dict(), ensure_ascii=False, separators=(",", ":"), default=str)


class Room:
    """One session. `last` is the highest number it knows of; `floor`: all events above it, up to `last`, are kept."""

    def __init__(self, session_id: str, path: Path, *, last: int, observer: Observer | None = None) -> None:
        self.id = session_id
        self.path = path
        self.last = self.floor = last
        self._kept: list[Heard] = []
        self._readers: dict[object, tuple[Wake, Callable[[], int]]] = {}
        self._observer = observer
        self._hold: ExitStack | None = None
        self._journal: Journal | None = None
        self._users = 0

    def __repr__(self) -> str:
        warmth = "warm" if self.is_warm else "cold"
        return f"Room({self.id!r}, {warmth}, {self.floor}..{self.last}, {len(self._readers)} readers)"

    @property
    def is_warm(self) -> bool:
        """Whether this process writes the session."""
        return self._hold is not None

    @property
    def is_idle(self) -> bool:
        """Whether nobody hears it and nothing runs in it."""
        return not self._readers and not self.is_warm

    # ---- who hears

    def join(self, reader: object, wake: Wake, cursor: Callable[[], int]) -> None:
        """From here on `wake` is called when there is more; `cursor` says what the reader has taken."""
        self._readers[reader] = (wake, cursor)

    def leave(self, reader: object) -> None:
        """Ends what `join` began; unknown readers are none."""
        self._readers.pop(reader, None)

    def after(self, cursor: int, most: int = PAGE) -> Sequence[Heard] | None:
        """The kept events above `cursor`, in order; None: some of them are only in the journal (`past` has them)."""
        if cursor < self.floor:
            return None
        start = bisect_right(self._kept, cursor, key=lambda heard: heard.event.seq)
        return self._kept[start : start + most]

    def past(self, cursor: int, most: int = PAGE) -> list[Event]:
        """Events above `cursor` from the files, in order, `most` at most. Reads from disk: call it in a thread.

        Raises:
            JournalError: the journal is damaged.
        """
        return list(islice(_events(self.path, self.id, cursor), most))

    def skip(self, cursor: int) -> int:
        """From where to read on when the files have nothing between `cursor` and what is kept."""
        if self._journal is not None:
            self._journal.save()
        return max(cursor, self.floor)

    # ---- what happens

    def warm(self, held: Callable[[], AbstractContextManager[Journal]]) -> None:
        """One more run needs the session; `held` opens its journal.

        Raises:
            BusyError: another process writes it.
            JournalError: it can't be opened.
        """
        if self._hold is None:
            with ExitStack() as hold:
                journal = hold.enter_context(held())
                for event in journal.events(after=self.last) if journal.seq > self.last else ():
                    self._take(event)
                hold.callback(journal.listen(self._take))
                self._hold, self._journal = hold.pop_all(), journal
        self._users += 1

    def cool(self) -> None:
        """A run that `warm` was called for needs the session no longer.

        Raises:
            JournalError: what was put off can't be written.
        """
        self._users -= 1
        if self._users == 0 and self._hold is not None:
            hold, self._hold, self._journal = self._hold, None, None
            hold.close()

    def tell(self, payload: Payload) -> None:
        """Adds an event that belongs to no run, where somebody may be listening: in a warm room."""
        if self._journal is not None:
            self._journal.append(payload, "")
            self._journal.commit()

    def look(self) -> None:
        """Takes in what others wrote since; for cold rooms.

        Raises:
            JournalError: the journal is damaged.
        """
        if not self.is_warm:
            for event in _events(self.path, self.id, self.last):
                self._take(event)

    def _take(self, event: Event) -> None:
        if event.seq <= self.last:
            return
        self.last = event.seq
        if self._observer is not None:
            self._observer(event)
        self._kept.append(Heard(event))
        if len(self._kept) > _ENOUGH:
            self._trim()
        for wake, _ in tuple(self._readers.values()):
            wake()

    def _trim(self) -> None:
        """Drops what all have taken, and the oldest beyond the bound."""
        taken = min((cursor() for _, cursor in self._readers.values()), default=self.last)
        surplus = bisect_right(self._kept, taken, key=lambda heard: heard.event.seq)
        drop = max(min(surplus, len(self._kept) - _ENOUGH), len(self._kept) - MOST)
        if drop > _ENOUGH // 2 or len(self._kept) > MOST:
            self.floor = self._kept[drop - 1].event.seq
            del self._kept[:drop]


def _events(path: Path, session_id: str, after: int) -> Iterator[Event]:
    if not path.is_dir():
        return
    for record in read(path, after=after):
        event = record.event(session_id)
        if event is not None:
            yield event
