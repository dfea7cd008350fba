"""Where the boxes of a layered picture go. Rule: pure functions over ids and sizes; nothing here knows how it looks.

Layers stand side by side, left to right. An edge over several layers passes each of them at a waypoint, shared by all
edges of its source. The order within a layer comes from barycentre sweeps (Sugiyama, Tagawa and Toda 1981), the heights
from least squares that keep order and gaps (pool adjacent violators).
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

SWEEPS = 8
WAYPOINT_WEIGHT = 4.0  # trunks are kept straighter than boxes


class Spot(NamedTuple):
    """A box, or (`layer` not None) the waypoint where the edges of box `name` pass a layer."""

    name: str
    layer: int | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """`y` is each spot's middle, growing downwards from 0; `layers` hold the spots from top to bottom.

    `links` go from a spot to one in the next layer; `height` is that of the tallest layer.
    """

    layers: list[list[Spot]]
    links: list[tuple[Spot, Spot]]
    y: dict[Spot, float]
    height: float

    def trail(self, start: str, end: str) -> list[tuple[Spot, Spot]]:
        """The links of the edge between two boxes, from its end back to its start."""
        found: list[tuple[Spot, Spot]] = []
        spot = Spot(end)
        while spot != Spot(start):
            spot, behind = next(source for source, at in self.links if at == spot and source.name == start), spot
            found.append((spot, behind))
        return found


@dataclass(slots=True)
class _Net:
    layers: list[list[Spot]]
    before: dict[Spot, list[Spot]] = field(default_factory=dict)
    behind: dict[Spot, list[Spot]] = field(default_factory=dict)

    def link(self, source: Spot, target: Spot) -> None:
        self.behind.setdefault(source, []).append(target)
        self.before.setdefault(target, []).append(source)


def arrange(
    layers: Sequence[Sequence[str]],
    inputs: Mapping[str, Sequence[str]],
    *,
    box_height: float,
    waypoint_height: float,
    gap: float,
) -> Layout:
    """Places boxes in the given layers; every input must stand in an earlier layer than what waits for it."""
    net = _net(layers, inputs)
    _order(net)
    heights = {spot: box_height if spot.layer is None else waypoint_height for spots in net.layers for spot in spots}
    y = _heights(net, heights, gap)
    top = min((y[spot] - heights[spot] / 2 for spot in y), default=0.0)
    bottom = max((y[spot] + heights[spot] / 2 for spot in y), default=0.0)
    links = [(source, target) for source, targets in net.behind.items() for target in targets]
    return Layout(net.layers, links, {spot: place - top for spot, place in y.items()}, bottom - top)


def _net(layers: Sequence[Sequence[str]], inputs: Mapping[str, Sequence[str]]) -> _Net:
    layer_of = {name: number for number, names in enumerate(layers) for name in names}
    net = _Net([[Spot(name) for name in names] for names in layers])
    reach = dict(layer_of)
    for name, layer in layer_of.items():
        for source in inputs[name]:
            while reach[source] < layer - 1:
                last = _spot(source, reach[source], layer_of)
                reach[source] += 1
                spot = Spot(source, reach[source])
                net.layers[reach[source]].append(spot)
                net.link(last, spot)
            net.link(_spot(source, layer - 1, layer_of), Spot(name))
    return net


def _spot(source: str, layer: int, layer_of: Mapping[str, int]) -> Spot:
    return Spot(source, None if layer == layer_of[source] else layer)


def _order(net: _Net) -> None:
    """Sorts each layer to cross few links; the best of all sweeps is kept."""
    best, fewest = [list(spots) for spots in net.layers], _crossings(net)
    for sweep in range(SWEEPS):
        forward = sweep % 2 == 0
        neighbours = net.before if forward else net.behind
        order = range(1, len(net.layers)) if forward else range(len(net.layers) - 2, -1, -1)
        for number in order:
            _sort(net.layers[number], net.layers[number - 1 if forward else number + 1], neighbours)
        found = _crossings(net)
        if found < fewest:
            best, fewest = [list(spots) for spots in net.layers], found
        if fewest == 0:
            break
    net.layers = best


def _sort(spots: list[Spot], fixed: list[Spot], neighbours: Mapping[Spot, list[Spot]]) -> None:
    place = {spot: number for number, spot in enumerate(fixed)}
    own = {spot: number * len(fixed) / max(1, len(spots)) for number, spot in enumerate(spots)}

    def middle(spot: Spot) -> float:
        found = [place[other] for other in neighbours.get(spot, ()) if other in place]
        return sum(found) / len(found) if found else own[spot]

    spots.sort(key=middle)


def _crossings(net: _Net) -> int:
    count = 0
    for left, right in pairwise(net.layers):
        place = {spot: number for number, spot in enumerate(right)}
        seen: list[int] = []
        for spot in left:
            ends = sorted(place[target] for target in net.behind.get(spot, ()))
            count += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return count


def _heights(net: _Net, heights: Mapping[Spot, float], gap: float) -> dict[Spot, float]:
    y: dict[Spot, float] = {}
    for spots in net.layers:
        y.update(_spread([0.0] * len(spots), spots, heights, gap))
    for sweep in range(2 * SWEEPS):
        order = net.layers if sweep % 2 == 0 else net.layers[::-1]
        for spots in order:
            wanted = [_wanted(spot, net, y, forward=sweep % 2 == 0) for spot in spots]
            y.update(_spread(wanted, spots, heights, gap))
    return y


def _wanted(spot: Spot, net: _Net, y: Mapping[Spot, float], *, forward: bool) -> float:
    """The middle of the neighbours; those just placed count double, those of another kind little."""
    pulls = [(y[other], _pull(spot, other) * (2 if forward else 1)) for other in net.before.get(spot, [])]
    pulls += [(y[other], _pull(spot, other) * (1 if forward else 2)) for other in net.behind.get(spot, [])]
    weight = sum(pull for _, pull in pulls)
    return sum(place * pull for place, pull in pulls) / weight if weight else y[spot]


def _pull(spot: Spot, other: Spot) -> float:
    return 4.0 if (spot.layer is None) == (other.layer is None) else 1.0


def _spread(
    wanted: Sequence[float], spots: Sequence[Spot], heights: Mapping[Spot, float], gap: float
) -> dict[Spot, float]:
    """The places nearest to the wanted ones that keep the order and do not overlap."""
    offsets = [0.0]
    for upper, lower in pairwise(spots):
        offsets.append(offsets[-1] + (heights[upper] + heights[lower]) / 2 + gap)
    pools: list[tuple[float, float, int]] = []  # mean, weight, members
    for spot, place, offset in zip(spots, wanted, offsets, strict=False):
        pool = (place - offset, WAYPOINT_WEIGHT if spot.layer is not None else 1.0, 1)
        while pools and pools[-1][0] > pool[0]:
            mean, weight, members = pools.pop()
            total = weight + pool[1]
            pool = ((mean * weight + pool[0] * pool[1]) / total, total, members + pool[2])
        pools.append(pool)
    means = [mean for mean, _, members in pools for _ in range(members)]
    return {spot: mean + offset for spot, mean, offset in zip(spots, means, offsets, strict=False)}
