"""Processor time and memory of this process and of those it started. Rule: looking takes no more than 2 % of the time.

Each run takes two looks, and who our children are stands with each of our threads: with hundreds of threads a look
takes milliseconds. So what was seen of the children holds fifty times as long as it took to see it.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_MB = 1 << 20
_KEPT = 50  # times as long as a look took
_USER_TIME = 11  # of the fields of /proc/PID/stat behind the name; see proc(5): utime, stime, cutime, cstime


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumption:
    """`cpu_s` of all processes since they began; `memory_mb` is the sum of the most that each held so far.

    Other runs of the same process are in it. Where there is no /proc, processes that have not ended are left out.
    """

    cpu_s: float
    memory_mb: float


def consumption() -> Consumption:
    """What was used until now."""
    import resource

    own, ended = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    size = 1 if sys.platform == "darwin" else 1024
    cpu_s = own.ru_utime + own.ru_stime + ended.ru_utime + ended.ru_stime
    memory_mb = own.ru_maxrss * size / _MB
    children = _CHILDREN.look()
    return Consumption(cpu_s=cpu_s + children.cpu_s, memory_mb=memory_mb + children.memory_mb)


class _Children:
    """What the processes below this one used, looked at anew when the last look is too old for what it took."""

    def __init__(self) -> None:
        self._seen = Consumption(cpu_s=0.0, memory_mb=0.0)
        self._until = 0.0

    def look(self) -> Consumption:
        began = time.perf_counter()
        if began >= self._until:
            processes = tuple(_below(Path("/proc/self")))
            cpu_s, memory_mb = sum(map(_cpu_s, processes)), sum(map(_memory_mb, processes))
            self._seen = Consumption(cpu_s=cpu_s, memory_mb=memory_mb)
            now = time.perf_counter()
            self._until = now + _KEPT * (now - began)
        return self._seen


_CHILDREN = _Children()


def _below(process: Path) -> Iterator[Path]:
    """The processes that a process started and that have not ended, and theirs."""
    for line in _each(process.glob("task/*/children")):
        for number in line.split():
            child = Path("/proc", number)
            yield child
            yield from _below(child)


def _each(files: Iterator[Path]) -> Iterator[str]:
    try:
        for file in files:
            yield file.read_text()
    except OSError:  # it has ended meanwhile, or there is no /proc
        return


def _cpu_s(process: Path) -> float:
    text = next(_each(iter([process / "stat"])), "")
    fields = text.rpartition(")")[2].split()[_USER_TIME : _USER_TIME + 4]
    return sum(map(int, fields)) / os.sysconf("SC_CLK_TCK")


def _memory_mb(process: Path) -> float:
    text = next(_each(iter([process / "status"])), "")
    most = next((line.split()[1] for line in text.splitlines() if line.startswith("VmHWM:")), "0")
    return int(most) * 1024 / _MB
