"""What the wall time would have been without a limit: the run's own durations, scheduled again.

Rule: an estimate. Each step takes what it took in all; only what is asked about is taken away. Steps that shared a
call keep sharing its place.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A step to schedule.

    `needs_settled`: it waits for every verdict before it. `takes_place`: it counts for limits.
    """

    id: str
    inputs: tuple[str, ...] = ()
    added_s: float = 0.0
    run_s: float = 0.0
    ledger_s: float = 0.0
    verification_s: float = 0.0
    approval_s: float = 0.0
    is_blocking: bool = False
    needs_settled: bool = False
    takes_place: bool = True
    action: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What limits the run. `places` 0: no limit; `caps` are the places by action."""

    places: int = 0
    caps: Mapping[str, int] = field(default_factory=dict)
    has_ledger: bool = True
    has_approvals: bool = True
    has_verification: bool = True


FREE = World(has_ledger=False, has_approvals=False, has_verification=False)


def without(world: World) -> dict[str, World]:
    """The worlds in which one thing does not limit the run, and, last, the one in which nothing does."""
    return {
        "places": replace(world, places=0),
        "action_limits": replace(world, caps={}),
        "model_limits": replace(world, has_ledger=False),
        "approvals": replace(world, has_approvals=False),
        "verification": replace(world, has_verification=False),
        "everything": FREE,
    }


def seconds(nodes: Sequence[Node], world: World) -> float | None:
    """When the last step and its verdict are done; None when the steps wait for each other."""
    try:
        return _Replay(nodes, world).run()
    except CycleError:
        return None


class _Replay:
    """One scheduling of all steps: longest remaining path first."""

    def __init__(self, nodes: Sequence[Node], world: World) -> None:
        self.nodes = {node.id: node for node in nodes}
        self.world = world
        self.inputs = {node.id: [name for name in node.inputs if name in self.nodes] for node in nodes}
        self.users: dict[str, list[str]] = defaultdict(list)
        for name, inputs in self.inputs.items():
            for source in inputs:
                self.users[source].append(name)
        self.missing = {name: len(inputs) for name, inputs in self.inputs.items()}
        self.remaining = self._remaining()
        self.done: dict[str, float] = {}
        self.settled: dict[str, float] = {}
        self.moments: list[tuple[float, int, str]] = []  # (when, 0 a call ends or 1 a step is ready, step)
        self.line: list[tuple[float, str]] = []
        self.free = world.places or len(nodes)
        self.free_at = dict(world.caps)

    def _remaining(self) -> dict[str, float]:
        remaining: dict[str, float] = {}
        for name in reversed(list(TopologicalSorter(self.inputs).static_order())):
            behind = max((remaining[user] for user in self.users[name]), default=0.0)
            remaining[name] = self._duration(self.nodes[name]) + behind
        return remaining

    def _duration(self, node: Node) -> float:
        return node.run_s if self.world.has_ledger else max(0.0, node.run_s - node.ledger_s)

    def run(self) -> float:
        for name, missing in self.missing.items():
            if not missing:
                self._announce(name)
        while self.moments:
            now = self.moments[0][0]
            while self.moments and self.moments[0][0] <= now:
                _, kind, name = heapq.heappop(self.moments)
                if kind == 0:
                    self._end(name, now)
                else:
                    heapq.heappush(self.line, (-self.remaining[name], name))
            self._start(now)
        return max(self.settled.values(), default=0.0)

    def _announce(self, name: str) -> None:
        """All inputs are there: when the step will be ready."""
        node, inputs = self.nodes[name], self.inputs[name]
        moments = [node.added_s]
        for source in inputs:
            waits = node.needs_settled or self.nodes[source].is_blocking
            moments.append(self.settled[source] if waits and self.world.has_verification else self.done[source])
        asked = node.approval_s if self.world.has_approvals else 0.0
        heapq.heappush(self.moments, (max(moments) + asked, 1, name))

    def _start(self, now: float) -> None:
        refused = []
        while self.line and self.free > 0:
            entry = heapq.heappop(self.line)
            node = self.nodes[entry[1]]
            if node.takes_place:
                if self.free_at.get(node.action, 1) <= 0:
                    refused.append(entry)
                    continue
                self.free -= 1
                if node.action in self.free_at:
                    self.free_at[node.action] -= 1
            heapq.heappush(self.moments, (now + self._duration(node), 0, node.id))
        for entry in refused:
            heapq.heappush(self.line, entry)

    def _end(self, name: str, now: float) -> None:
        node = self.nodes[name]
        if node.takes_place:
            self.free += 1
            if node.action in self.free_at:
                self.free_at[node.action] += 1
        self.done[name] = now
        verdict = now + (node.verification_s if self.world.has_verification else 0.0)
        self.settled[name] = max([verdict, *(self.settled[source] for source in self.inputs[name])])
        for user in self.users[name]:
            self.missing[user] -= 1
            if not self.missing[user]:
                self._announce(user)
