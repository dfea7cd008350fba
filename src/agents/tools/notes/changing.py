"""Changes a text file safely beside others who change it. Rule: what was not read is never written over."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ....errors import ToolError, TransientError

_MOST_BYTES = 8_000_000
_WAIT_S = 15.0
_TRIES = 20

Change = Callable[[str | None], str | None]


def read(path: Path) -> str:
    """The text of a file with its own line ends.

    Raises:
        ToolError: it is no text, too large, or can't be read.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ToolError(f"expected a file that may be read, got {str(path)!r}: {error.strerror}") from error
    if len(data) > _MOST_BYTES:
        raise ToolError(f"expected notes of at most {_MOST_BYTES} bytes, got a larger file: {str(path)!r}")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise ToolError(f"expected text in UTF-8, got something else in {str(path)!r}") from None


def changed(path: Path, change: Change) -> bool:
    """Replaces the text by what `change` makes of it (None in: no file; None out: leave it); whether it did.

    `change` is called again when somebody else changed the file meanwhile.

    Raises:
        TransientError: others hold or change it all the time.
        ToolError: it can't be read or written.
    """
    with _locked(path.parent):
        for _ in range(_TRIES):
            before = _state(path)
            text = change(read(path) if before is not None else None)
            if text is None:
                return False
            if _replaced(path, text, before):
                return True
    raise TransientError(f"{str(path)!r} is being changed by others all the time; try again later")


def _state(path: Path) -> tuple[int, int, int] | None:
    """What tells one version of a file from another, None without a file."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _replaced(path: Path, text: str, before: tuple[int, int, int] | None) -> bool:
    """Writes beside the file and moves it into place, unless the file is another one than it was."""
    handle, temporary = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("utf-8", "replace"))
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(path.stat().st_mode & 0o777 if before is not None else 0o644)
        if _state(path) != before:
            return False
        if before is not None:
            Path(temporary).replace(path)
            return True
        os.link(temporary, path)
        return True
    except (FileExistsError, FileNotFoundError):
        return False
    except OSError as error:
        raise ToolError(f"expected a file that may be written, got {str(path)!r}: {error.strerror}") from error
    finally:
        Path(temporary).unlink(missing_ok=True)


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Holds the folder against other processes and threads of ours; no file is left behind."""
    import fcntl

    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    end = time.monotonic() + _WAIT_S
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() >= end:
                    raise TransientError(f"{str(folder)!r} is held by another process; try again later") from None
                time.sleep(0.01)
        yield
    finally:
        os.close(handle)
