"""Processor time and memory of this process and of those it started. Rule: a look costs little; each run takes two."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_MB = 1 << 20
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
    for process in _below(Path("/proc/self")):
        cpu_s += _cpu_s(process)
        memory_mb += _memory_mb(process)
    return Consumption(cpu_s=cpu_s, memory_mb=memory_mb)


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
