"""The guard of one server process: starts it, and sees to it that nothing it started outlives us.

Rule: standard library only; it runs as a script of its own, between us and the server, and touches none of the
messages: the server has our pipes. It ends the server and all descendants when the server's first process ends, when
it is told to (`k` on the control pipe), or when the control pipe closes, which also happens when we are killed.

Usage: guard.py CONTROL_FD STATUS_FD GRACE_S COMMAND ARGS...
On the status pipe it writes one line of JSON: {"exit": n}, {"signal": n} or {"failed": "why"}.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import sys
import time
from collections.abc import Iterator

_DEATH_SIGNAL, _SUBREAPER = 1, 36  # prctl(2)
_TERM_S, _KILL_S = 0.5, 5.0
_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


def main(arguments: list[str]) -> int:
    """Guards until nothing is left; 0 when that worked."""
    control, status, grace_s, command = int(arguments[0]), int(arguments[1]), float(arguments[2]), arguments[3:]
    for inherited in (control, status):
        os.set_inheritable(inherited, False)
    wakes, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    for number in (signal.SIGCHLD, *_ENDING):
        signal.signal(number, lambda *_: None)
    _prctl(_SUBREAPER, 1)
    server = _start(command, status)
    _let_go_of_pipes()
    outcome = _watch(server, control, wakes, grace_s)
    with contextlib.suppress(OSError):
        os.write(status, (json.dumps(outcome) + "\n").encode())
    _end_all(outcome)
    return 0


def _start(command: list[str], status: int) -> int:
    parent = os.getpid()
    child = os.fork()
    if child:
        return child
    try:
        _prctl(_DEATH_SIGNAL, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGPIPE, *_ENDING):
            signal.signal(number, signal.SIG_DFL)
        os.execvp(command[0], command)  # noqa: S606 - a program of the settings, never a shell
    except OSError as error:
        os.write(status, (json.dumps({"failed": error.strerror or str(error)}) + "\n").encode())
    finally:
        os._exit(127)


def _let_go_of_pipes() -> None:
    """The pipes belong to the server alone, so that its end is seen as their end."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    os.close(nothing)


def _watch(server: int, control: int, wakes: int, grace_s: float) -> dict[str, int]:
    """How the server's first process ended; ends it when it has to."""
    deadline: float | None = None
    is_kill = False
    sources = [control, wakes]
    while True:
        if (outcome := _reaped(server)) is not None:
            return outcome
        wait = None if deadline is None else max(0.0, deadline - time.monotonic())
        ready, _, _ = select.select(sources, [], [], wait)
        if wakes in ready and any(number in _ENDING for number in os.read(wakes, 512)):
            deadline = time.monotonic()
        if control in ready:
            told = os.read(control, 64)
            is_kill = b"k" in told
            deadline = time.monotonic() + (0.0 if is_kill else grace_s)
            sources = [wakes]
        if deadline is not None and time.monotonic() >= deadline:
            return {"signal": int(signal.SIGKILL if is_kill else signal.SIGTERM)}


def _reaped(server: int) -> dict[str, int] | None:
    """Buries the dead; how the server ended if it is among them."""
    found = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found if found is not None else {"exit": 0}
        if not pid:
            return found
        if pid == server:
            code = os.waitstatus_to_exitcode(status)
            found = {"exit": code} if code >= 0 else {"signal": -code}


def _end_all(outcome: dict[str, int]) -> None:
    """Asks every descendant to end, then kills until there is none."""
    if outcome.get("signal") != signal.SIGKILL:
        _signal_all(signal.SIGTERM)
        if _alone(time.monotonic() + _TERM_S):
            return
    until = time.monotonic() + _KILL_S
    while time.monotonic() < until:
        _signal_all(signal.SIGKILL)
        if _alone(time.monotonic() + 0.02):
            return


def _alone(until: float) -> bool:
    """Whether every child is gone before `until`; orphans of children become ours, as we are the subreaper."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return True
        if not pid:
            if time.monotonic() >= until:
                return False
            time.sleep(0.005)


def _signal_all(number: signal.Signals) -> None:
    found = list(_descendants())
    for pid in found:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
    if not found:  # no /proc: the group, which is ours too
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(0, number)


def _descendants() -> Iterator[int]:
    """Every process below this one, by /proc; nothing where there is none."""
    parents: dict[int, list[int]] = {}
    with contextlib.suppress(OSError):
        for name in os.listdir("/proc"):  # noqa: PTH208 - pathlib would double the time to start
            if name.isdigit():
                with contextlib.suppress(OSError, ValueError, IndexError), open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
                    parents.setdefault(int(file.read().rpartition(b")")[2].split()[1]), []).append(int(name))
    todo = [os.getpid()]
    while todo:
        below = parents.get(todo.pop(), [])
        todo += below
        yield from below


def _prctl(option: int, value: int) -> None:
    """Linux only; elsewhere the control pipe and the process group do what they can."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(option, int(value), 0, 0, 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
