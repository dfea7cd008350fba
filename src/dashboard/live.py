"""What a server's `/metrics` said, look by look. Rule: one thread asks; memory is bounded; a server may come and go."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

EVERY_S = 2.0
KEPT = 1_800  # looks, an hour of them
_ANSWER_S = 4.0
_PREFIXES = ("planloom_", "process_")

Labels = tuple[tuple[str, str], ...]
Values = Mapping[str, Mapping[Labels, float]]


@dataclass(frozen=True, slots=True)
class Look:
    """The values at a moment (Unix seconds), by metric and labels; None: no answer, `problem` says why."""

    at: float
    values: Values | None
    problem: str = ""

    def total(self, name: str, **labels: str) -> float:
        """The sum over all label values that fit; 0.0 where there are none."""
        wanted = labels.items()
        found = (self.values or {}).get(name, {})
        return sum(value for given, value in found.items() if all(pair in given for pair in wanted))

    def by(self, name: str, label: str) -> dict[str, float]:
        """Sums by one label."""
        made: dict[str, float] = {}
        for given, value in (self.values or {}).get(name, {}).items():
            key = dict(given).get(label, "")
            made[key] = made.get(key, 0.0) + value
        return made


def parsed(text: str) -> dict[str, dict[Labels, float]]:
    """The values in Prometheus' text format, ours and the process's."""
    from prometheus_client.parser import text_string_to_metric_families

    found: dict[str, dict[Labels, float]] = {}
    for family in text_string_to_metric_families(text):
        if family.name.startswith(_PREFIXES):
            for sample in family.samples:
                found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found


def quantile(part: float, before: Look | None, after: Look, name: str, **labels: str) -> float | None:
    """The value below which this part of what a histogram took between two looks lies, linear within a bucket.

    As `histogram_quantile` of Prometheus; the last bucket gives its lower end. None: it took nothing.
    """
    counts = _buckets(after, name, labels)
    if before is not None and before.values is not None:
        old = _buckets(before, name, labels)
        counts = {edge: max(0.0, count - old.get(edge, 0.0)) for edge, count in counts.items()}
    edges = sorted(counts)
    if not edges or counts[edges[-1]] <= 0:
        return None
    rank, below, low = part * counts[edges[-1]], 0.0, 0.0
    for edge in edges:
        if counts[edge] >= rank:
            if edge == float("inf"):
                return low
            inside = counts[edge] - below
            return low + (edge - low) * ((rank - below) / inside if inside else 1.0)
        below, low = counts[edge], edge
    return low


def _buckets(look: Look, name: str, labels: Mapping[str, str]) -> dict[float, float]:
    """Cumulative counts by the upper edge of a bucket."""
    found: dict[float, float] = {}
    for given, value in (look.values or {}).get(f"{name}_bucket", {}).items():
        told = dict(given)
        if all(told.get(key) == wanted for key, wanted in labels.items()):
            edge = float(told["le"])
            found[edge] = found.get(edge, 0.0) + value
    return found


def rates(looks: Sequence[Look], name: str, *, per_s: float = 1.0, **labels: str) -> list[tuple[float, float]]:
    """How fast a counter grew between looks, in units of `per_s` seconds; a counter that went back began anew."""
    made = []
    for before, after in pairwise(looks):
        if before.values is None or after.values is None or after.at <= before.at:
            continue
        grown = after.total(name, **labels) - before.total(name, **labels)
        grown = after.total(name, **labels) if grown < 0 else grown
        made.append((after.at, grown / (after.at - before.at) * per_s))
    return made


@dataclass(slots=True)
class Poller:
    """Asks a server again and again, from the first time somebody looks."""

    url: str
    token: str = field(default="", repr=False)
    _looks: deque[Look] = field(default_factory=lambda: deque(maxlen=KEPT))
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _thread: threading.Thread | None = None

    def looks(self, within_s: float = 900.0) -> list[Look]:
        """What was seen in the last seconds, oldest first; begins to look when nobody did."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._poll, name="metrics", daemon=True)
                self._thread.start()
            looks = list(self._looks)
        since = time.time() - within_s
        return [look for look in looks if look.at >= since]

    def look(self, http: httpx.Client) -> Look:
        """One look now."""
        import httpx

        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        try:
            answer = http.get(f"{self.url.rstrip('/')}/metrics", headers=headers)
            if answer.status_code == 401:
                return Look(time.time(), None, "the server wants a token: set PLANLOOM_SERVER__TOKEN")
            if answer.status_code != 200:
                told = (
                    f"it answers {answer.status_code}; a Planloom server gives metrics while monitoring.enabled is on"
                )
                return Look(time.time(), None, told)
            return Look(time.time(), parsed(answer.text))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Look(time.time(), None, str(error) or type(error).__name__)
        except ValueError:
            return Look(time.time(), None, "what answers there gives no metrics of Prometheus")

    def _poll(self) -> None:
        import httpx

        with httpx.Client(timeout=_ANSWER_S) as http:
            while True:
                seen = self.look(http)
                with self._lock:
                    self._looks.append(seen)
                time.sleep(EVERY_S)


def last_answer(looks: Iterable[Look]) -> Look | None:
    """The newest look that had an answer."""
    return next((look for look in reversed(list(looks)) if look.values is not None), None)
