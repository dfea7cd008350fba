"""Runs a command with input, collects what it says on three pipes, each bounded, and ends it when its time is over.

Rule: when `ran` returns, the process and everything in its group has ended.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

_CHUNK = 1 << 16
_TICK_S = 0.05
_LAST_WORDS_S = 6.0  # between closing its pipes, or being asked to end, and ending

Ended = Literal["itself", "time", "output", "cancelled"]
NO_ENVIRONMENT: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """`output_bytes` of standard output and standard error each; more ends the process, unless `cut`: then the first
    and the last halves are kept and `Said.cut` counts the rest.
    """

    seconds: float
    output_bytes: int
    report_bytes: int = 0
    cut: bool = False


@dataclass(slots=True, kw_only=True)
class Said:
    """What a process said. `code` is its exit status, 128 and the signal when one ended it. `ended` says by what.

    `cut` are the bytes left out in the middle of standard output and of standard error.
    """

    stdout: bytearray = field(default_factory=bytearray)
    stderr: bytearray = field(default_factory=bytearray)
    report: bytearray = field(default_factory=bytearray)
    code: int = 0
    seconds: float = 0.0
    ended: Ended = "itself"
    cut: tuple[int, int] = (0, 0)


def _nothing() -> None:
    """Kills without asking."""


def ran(
    command: Callable[[int], Sequence[str]],
    stdin: Callable[[int], bytes],
    bounds: Bounds,
    *,
    environment: Mapping[str, str] = NO_ENVIRONMENT,
    folder: str = "/",
    cancelled: Callable[[], bool] = lambda: False,
    inherited: Sequence[int] = (),
    stop: Callable[[], None] = _nothing,
) -> Said:
    """Runs a command. Both it and its input are made from the number of the descriptor that takes its report.

    `inherited` are more descriptors for it. `stop` asks it to end, before it is killed a little later.

    Raises:
        OSError: it can't be started.
    """
    source, sink = os.pipe()
    try:
        given = stdin(sink)
        process = subprocess.Popen(
            list(command(sink)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(sink, *inherited),
            env=dict(environment),
            cwd=folder,
            start_new_session=True,
        )
    except BaseException:
        os.close(source)
        raise
    finally:
        os.close(sink)
    talk = _Talk(process, source, given, bounds, stop)
    try:
        return talk.held(cancelled)
    finally:
        talk.close()


class _Talk:
    """One process and its pipes."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        report: int,
        given: bytes,
        bounds: Bounds,
        stop: Callable[[], None],
    ) -> None:
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        self._process = process
        self._stdin = process.stdin
        self._report = report
        self._rest = memoryview(given)
        self._bounds = bounds
        self._stop = stop
        self._said = Said()
        self._started = time.monotonic()
        out, err = process.stdout.fileno(), process.stderr.fileno()
        self._sinks = {out: self._said.stdout, err: self._said.stderr, report: self._said.report}
        self._ends: dict[int, bytearray] = {out: bytearray(), err: bytearray()}
        self._left_out = dict.fromkeys(self._ends, 0)

    def held(self, cancelled: Callable[[], bool]) -> Said:
        """Talks until the process has ended, or was ended."""
        said = self._said
        said.ended = self._converse(cancelled)
        self._wait()
        code = self._finish()
        said.code = code if code >= 0 else 128 - code
        said.seconds = time.monotonic() - self._started
        for number, rest in self._ends.items():
            self._sinks[number] += rest
        out, err = self._left_out.values()
        said.cut = (out, err)
        return said

    def close(self) -> None:
        """Ends the process and closes the pipes."""
        self._finish()
        os.close(self._report)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _converse(self, cancelled: Callable[[], bool]) -> Ended:
        """Writes the input and reads all pipes until they are closed; says what ended that."""
        with selectors.DefaultSelector() as selector:
            for number in self._sinks:
                selector.register(number, selectors.EVENT_READ)
            os.set_blocking(self._stdin.fileno(), False)
            selector.register(self._stdin, selectors.EVENT_WRITE)
            is_over = False
            while selector.get_map():
                if cancelled():
                    return "cancelled"
                if time.monotonic() - self._started >= self._bounds.seconds:
                    return "time"
                ready = selector.select(_TICK_S)
                if not ready and is_over:
                    return "itself"  # all was read; what it left behind holds the pipes
                is_over = not ready and self._is_over()
                for key, _ in ready:
                    if key.fileobj is self._stdin:
                        if self._has_given():
                            selector.unregister(self._stdin)
                            with contextlib.suppress(OSError):
                                self._stdin.close()
                    elif not (chunk := os.read(key.fd, _CHUNK)):
                        selector.unregister(key.fd)
                    elif not self._has_room(key.fd, chunk):
                        return "output"
        return "itself"

    def _has_given(self) -> bool:
        """Writes some of the input; whether nothing is left of it."""
        try:
            self._rest = self._rest[os.write(self._stdin.fileno(), self._rest[:_CHUNK]) :] if self._rest else self._rest
        except BlockingIOError:
            return False
        except OSError:
            return True  # nobody reads it any more; what the process says tells why
        return not self._rest

    def _has_room(self, number: int, chunk: bytes) -> bool:
        """Keeps what was read; whether it fits."""
        sink = self._sinks[number]
        most = self._bounds.output_bytes if number in self._ends else self._bounds.report_bytes
        if not self._bounds.cut or number not in self._ends:
            sink += chunk[: most - len(sink)]
            return len(sink) < most
        first = chunk[: max(most // 2 - len(sink), 0)]
        sink += first
        end = self._ends[number]
        end += chunk[len(first) :]
        if (over := len(end) - most // 2) > 0:
            del end[:over]
            self._left_out[number] += over
        return True

    def _wait(self) -> None:
        """Gives it time to end by itself."""
        if self._said.ended != "itself":
            self._stop()
            if self._stop is _nothing:
                return
        end = time.monotonic() + _LAST_WORDS_S
        while not self._is_over() and time.monotonic() < end:
            time.sleep(0.005)

    def _is_over(self) -> bool:
        """Whether the process has ended; it stays there, so that its number is not given to another one."""
        if self._process.returncode is not None:
            return True
        if not hasattr(os, "waitid"):  # macOS before Python 3.13
            return self._process.poll() is not None
        return os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None

    def _finish(self) -> int:
        """Ends the process and its group; gives the exit status. May be called again."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        return self._process.wait()
