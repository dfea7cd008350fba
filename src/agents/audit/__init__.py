"""The audit log: one line for each tool call, approval and decision, chained by hashes, without secrets.

Rule: appended to and never changed, by any number of processes; a lock beside it keeps the chain whole. Lines that
come close together are written together; `flush` writes them now, which callers do before anything has an effect. What
a line tells can be taken out, which the log itself then says; who did what, and when, stays.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ...clock import Clock
from ...errors import JournalError
from .chain import Link, Report, check, emptied, entry_of, link_of, linked
from .redaction import Redaction

_NAME = "audit.jsonl"
_WAIT_S = 2.0
_DELAY_S = 0.1
_TAIL = 1 << 16


class Audit:
    """An audit log in a folder. `max_bytes` 0: it stays one file. `secrets` are values that must not stand in it."""

    def __init__(self, folder: Path, clock: Clock, *, max_bytes: int = 0, secrets: Redaction | None = None) -> None:
        self.folder = folder
        self._clock = clock
        self._max = max_bytes
        self._clean = secrets or Redaction()
        self._buffer: list[dict[str, Any]] = []
        self._last = Link()
        self._known = (0, -1)  # inode and size of the file as we left it
        self._due: asyncio.TimerHandle | None = None

    @property
    def path(self) -> Path:
        """The file that is written to."""
        return self.folder / _NAME

    def add(self, kind: str, names: Mapping[str, str], **told: Any) -> None:
        """An entry: `names` as they are, `told` without secrets; on disk after `flush`.

        In a running event loop that follows by itself within a tenth of a second.
        """
        self._buffer.append({"at": self._clock.wall(), "kind": kind, **names, "told": self._clean(told)})
        if self._due is not None:
            return
        with suppress(RuntimeError):  # without a loop: whoever adds flushes
            self._due = asyncio.get_running_loop().call_later(_DELAY_S, self.flush)

    def flush(self) -> None:
        """Writes what was added.

        Raises:
            JournalError: the log can't be written; what it would have told must not happen then.
        """
        if self._due is not None:
            self._due.cancel()
            self._due = None
        if not self._buffer:
            return
        try:
            with self._locked():
                self._write()
        except OSError as error:
            raise JournalError(
                f"expected to write the audit log {str(self.path)!r}, got: {error}; "
                "make room, or set audit.enabled to off"
            ) from error

    def empty(self, is_gone: Callable[[Mapping[str, Any]], bool]) -> int:
        """Takes out what entries tell for which `is_gone` is true, and says so in the log; gives how many.

        Raises:
            JournalError: the log can't be written; it is whole all the same.
        """
        count = 0
        try:
            with self._locked():
                for path in _files(self.folder):
                    count += _empty(path, is_gone)
        except OSError as error:
            raise JournalError(
                f"expected to write the audit log {str(self.path)!r}, got: {error}; make room"
            ) from error
        if count:
            self.add("note", {}, told=f"took out what {count} lines told, for facts that were forgotten")
            self.flush()
        return count

    def _write(self) -> None:
        self._catch_up()
        last, lines = self._last, []
        for entry in self._buffer:
            at = dt.datetime.fromtimestamp(entry["at"], dt.UTC).isoformat(timespec="microseconds")
            line, last = linked({**entry, "at": at}, last)
            lines.append(line)
        data = "".join(lines).encode()
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            _write_whole(fd, data)
            status = os.fstat(fd)
        finally:
            os.close(fd)
        self._buffer.clear()
        self._last, self._known = last, (status.st_ino, status.st_size)
        self._write_head(last)
        if self._max and status.st_size >= self._max:
            self._rotate()

    def _catch_up(self) -> None:
        """Learns the last line, if another process wrote it, and cuts off one that was not written whole."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            files = _files(self.folder)
            self._last = (_last_link(files[-1])[0] if files else None) or Link()
            return
        if (status.st_ino, status.st_size) == self._known:
            return
        found, whole = _last_link(self.path)
        if whole < status.st_size:
            os.truncate(self.path, whole)
            told = f"cut off {status.st_size - whole} bytes of a line that was not written whole"
            self._buffer.insert(0, {"at": self._buffer[0]["at"], "kind": "note", "told": {"told": told}})
        older = [path for path in _files(self.folder) if path != self.path]
        if found is None and whole == 0 and older:
            found = _last_link(older[-1])[0]
        self._last = found or read_head(self.folder) or Link()

    def _write_head(self, last: Link) -> None:
        text = json.dumps({"n": last.number, "hash": last.hash}).encode().ljust(120) + b"\n"
        fd = os.open(self.folder / "audit.head", os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.pwrite(fd, text, 0)
        finally:
            os.close(fd)

    def _rotate(self) -> None:
        older = [path for path in _files(self.folder) if path != self.path]
        number = int(older[-1].stem.rpartition("-")[2]) + 1 if older else 1
        self.path.rename(self.folder / f"audit-{number:06}.jsonl")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        import fcntl

        self.folder.mkdir(parents=True, exist_ok=True)
        fd = os.open(self.folder / "audit.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            until = time.monotonic() + _WAIT_S
            while True:
                try:
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > until:
                        raise
                    time.sleep(0.001)  # others hold it for microseconds
            yield
        finally:
            os.close(fd)  # gives the lock back


def _write_whole(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _empty(path: Path, is_gone: Callable[[Mapping[str, Any]], bool]) -> int:
    """As `Audit.empty`, for one file, which is swapped whole."""
    with path.open(encoding="utf-8", errors="surrogateescape", newline="\n") as file:
        before = list(file)
    after = []
    for line in before:
        entry = entry_of(line)
        after.append(emptied(line) if entry is not None and entry.get("told") and is_gone(entry) else line)
    count = sum(a is not b for a, b in zip(before, after, strict=True))
    if count:
        new = path.with_suffix(".new")
        with new.open("w", encoding="utf-8", errors="surrogateescape", newline="\n") as file:
            file.writelines(after)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    return count


# ---- reading


def entries(folder: Path) -> Iterator[dict[str, Any]]:
    """The entries of a log, oldest first; lines that are not JSON are left out."""
    for _, line in lines(folder):
        if (entry := entry_of(line)) is not None:
            told = entry.pop("told", {})
            yield {**entry, **told} if isinstance(told, dict) else entry


def lines(folder: Path) -> Iterator[tuple[str, str]]:
    """The lines of a log's files with their places, oldest first."""
    for path in _files(folder):
        with path.open(encoding="utf-8", errors="replace", newline="\n") as file:
            for number, line in enumerate(file, 1):
                yield f"{path.name} line {number}", line


def verify(folder: Path) -> Report:
    """Whether nothing in a log was changed, left out or moved; the first fault if something was."""
    return check(lines(folder), read_head(folder))


def read_head(folder: Path) -> Link | None:
    """The last link as it is kept beside the log, None when there is none."""
    try:
        head: Mapping[str, Any] = json.loads((folder / "audit.head").read_text(encoding="utf-8"))
        return Link(int(head["n"]), str(head["hash"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _files(folder: Path) -> list[Path]:
    """The log's files, oldest first."""
    older = sorted(folder.glob("audit-[0-9]*.jsonl"))
    return [*older, folder / _NAME] if (folder / _NAME).is_file() else older


def _last_link(path: Path) -> tuple[Link | None, int]:
    """The link of the last whole line, and where that line ends; None and 0 when there is none."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        step = _TAIL
        while True:
            start = max(0, size - step)
            file.seek(start)
            data = file.read(size - start)
            end = data.rfind(b"\n") + 1
            begin = data.rfind(b"\n", 0, end - 1) + 1 if end else 0
            if end and (begin or start == 0):
                return link_of(data[begin:end].decode("utf-8", "replace")), start + end
            if start == 0:
                return None, 0
            step *= 4


__all__ = ["Audit", "Redaction", "Report", "entries", "lines", "verify"]
