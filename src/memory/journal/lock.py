"""One writer a session, across processes. Rule: the kernel holds the lock, so that a dead process holds none.

`flock` on the file `lock` in the session's folder; its text tells people who has it. On NFS the lock needs a server
that takes byte-range locks (any of version 4); where it has none, opening says so.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from ...errors import BusyError, JournalError

NAME = "lock"
_TRIES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who writes a session: `since` in Unix seconds, `purpose` in words."""

    pid: int
    host: str
    since: float
    purpose: str

    def __str__(self) -> str:
        began = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.since))
        return f"process {self.pid} on {self.host} since {began} ({self.purpose})"


class Lock:
    """Held from the moment it is made until `release`."""

    def __init__(self, folder: Path, *, purpose: str, now: float) -> None:
        """`now` in Unix seconds.

        Raises:
            BusyError: another process, or another part of this one, holds it; says who.
            JournalError: the file can't be made or locked.
        """
        self.path = folder / NAME
        self._fd = self._taken(Holder(pid=os.getpid(), host=socket.gethostname(), since=now, purpose=purpose))

    def release(self) -> None:
        """Lets others write; may be called again."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            # Said, not only closed: a child that is just being started may hold a copy of the descriptor.
            fcntl.flock(fd, fcntl.LOCK_UN)
            os.close(fd)

    def _taken(self, me: Holder) -> int:
        for _ in range(_TRIES):
            fd = self._opened()
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is_same(fd, self.path):
                    _write(fd, me)
                    return fd
            except BlockingIOError:
                os.close(fd)
                raise self._busy() from None
            except OSError as error:
                os.close(fd)
                raise JournalError(
                    f"session {self.path.parent.name!r}: can't lock {str(self.path)!r}: {error}"
                ) from error
            os.close(fd)  # the session was deleted between opening and locking
        raise JournalError(f"session {self.path.parent.name!r}: its folder is deleted again and again; try later")

    def _opened(self) -> int:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            return os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise JournalError(
                f"session {self.path.parent.name!r}: expected a folder that can be written, got: {error}; "
                "check its permissions, or set `state` to another folder"
            ) from error

    def _busy(self) -> BusyError:
        found = holder(self.path.parent)
        who = str(found) if found is not None else "a process that has not said who it is yet"
        return BusyError(
            f"session {self.path.parent.name!r} is being written by {who}; wait for its end, or use another session",
            holder=None if found is None else asdict(found),
        )


def is_held(folder: Path) -> bool:
    """Whether somebody writes the session at this moment."""
    try:
        fd = os.open(folder / NAME, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(fd)  # lets go of it again
    return False


def holder(folder: Path) -> Holder | None:
    """Who wrote the session last, or does now; None: nobody said."""
    try:
        data = json.loads((folder / NAME).read_bytes())
        return Holder(pid=data["pid"], host=data["host"], since=data["since"], purpose=data["purpose"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _is_same(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False


def _write(fd: int, me: Holder) -> None:
    """Says who holds the lock, over the same file; a full disk costs only that."""
    text = json.dumps(asdict(me)).encode()
    try:
        os.ftruncate(fd, 0)
        os.pwrite(fd, text, 0)
    except OSError:
        return
