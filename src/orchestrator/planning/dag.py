"""The plan as a graph: waves, critical path, cycles, and the schedule to compare with. Owner of networkx.

Rule: pure functions over ids, edges and seconds. Edges point from a step to those that wait for it.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from typing import Any

import networkx as nx

from .plan import Plan, ReferenceSyntaxError, edges

Edges = Mapping[str, Sequence[str]]


def inputs_of(plan: Plan) -> dict[str, tuple[str, ...]]:
    """What each step waits for, by id; ids that are no steps are left out, faulty references too."""
    known = {step.id for step in plan.steps}
    found: dict[str, tuple[str, ...]] = {}
    for step in plan.steps:
        try:
            wanted = edges(step)
        except ReferenceSyntaxError:
            wanted = step.dependencies
        found[step.id] = tuple(name for name in wanted if name in known)
    return found


def graph(inputs: Plan | Edges) -> nx.DiGraph[Any]:
    """The graph of a plan, or of the inputs by id."""
    deps = inputs_of(inputs) if isinstance(inputs, Plan) else inputs
    made: nx.DiGraph[Any] = nx.DiGraph()
    made.add_nodes_from(deps)
    made.add_edges_from((source, step) for step, sources in deps.items() for source in sources)
    return made


def waves(inputs: Plan | Edges) -> list[list[str]]:
    """The topological generations: each wave's steps need only earlier waves.

    Raises:
        networkx.NetworkXUnfeasible: there is a cycle.
    """
    return [list(wave) for wave in nx.topological_generations(graph(inputs))]


def find_cycle(inputs: Plan | Edges) -> list[str] | None:
    """The steps of one cycle, each before the one that waits for it; None when there is none."""
    try:
        return [source for source, _ in nx.find_cycle(graph(inputs))]
    except nx.NetworkXNoCycle:
        return None


def remaining(inputs: Plan | Edges, seconds: Mapping[str, float]) -> dict[str, float]:
    """Seconds of the longest path from each step's start to the end."""
    made = graph(inputs)
    left: dict[str, float] = {}
    for step in reversed(list(nx.topological_sort(made))):
        left[step] = seconds.get(step, 0.0) + max((left[d] for d in made.successors(step)), default=0.0)
    return left


def critical_path(inputs: Plan | Edges, seconds: Mapping[str, float]) -> list[str]:
    """The steps of the longest path, in order; empty for an empty plan."""
    made = graph(inputs)
    left = remaining(inputs, seconds)
    path: list[str] = []
    candidates = [step for step in made if made.in_degree(step) == 0]
    while candidates:
        path.append(max(candidates, key=lambda step: left[step]))
        candidates = list(made.successors(path[-1]))
    return path


def descendants(inputs: Plan | Edges, step: str) -> set[str]:
    """Every step that waits for `step`, directly or not."""
    return set(nx.descendants(graph(inputs), step))


def list_schedule(seconds: Mapping[str, float], inputs: Edges, slots: int) -> float:
    """The makespan of list scheduling with the longest remaining path first on so many equal slots (Graham 1969).

    Ties go to the step that comes first. `slots` 0: no limit.
    """
    left = remaining({step: inputs.get(step, ()) for step in seconds}, seconds)
    order = {step: number for number, step in enumerate(seconds)}
    missing = {step: len(inputs.get(step, ())) for step in seconds}
    users: dict[str, list[str]] = {step: [] for step in seconds}
    for step, sources in inputs.items():
        for source in sources:
            users[source].append(step)
    ready = [(-left[step], order[step], step) for step, count in missing.items() if count == 0]
    heapq.heapify(ready)
    running: list[tuple[float, int, str]] = []
    now = 0.0
    while ready or running:
        while ready and (slots == 0 or len(running) < slots):
            _, number, step = heapq.heappop(ready)
            heapq.heappush(running, (now + seconds[step], number, step))
        now = running[0][0]
        while running and running[0][0] <= now:  # all that end now free their users before the next choice
            for user in users[heapq.heappop(running)[2]]:
                missing[user] -= 1
                if missing[user] == 0:
                    heapq.heappush(ready, (-left[user], order[user], user))
    return now
