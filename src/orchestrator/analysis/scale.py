"""Unix time to seconds of working time: since the run was asked for, times in which no process ran it left out."""

from __future__ import annotations

from collections.abc import Sequence

from .timeline import Time


class Scale:
    """Maps moments of a run; one between two stretches maps to where they meet."""

    def __init__(self, times: Sequence[Time]) -> None:
        self._times = times
        self._starts: list[float] = []
        total = 0.0
        for time in times:
            self._starts.append(total)
            total += time.ended - time.began
        self.total_s = total

    def at(self, moment: float) -> float:
        """Working seconds until this moment."""
        for time, start in zip(reversed(self._times), reversed(self._starts), strict=True):
            if moment >= time.began:
                return start + (min(moment, time.ended) - time.began)
        return 0.0

    def of(self, time: Time) -> tuple[float, float]:
        """Beginning and end of a stretch."""
        start = self._starts[list(self._times).index(time)]
        return start, start + (time.ended - time.began)
