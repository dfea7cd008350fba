"""Where boxes go, and which are folded into one."""

from __future__ import annotations

from itertools import pairwise

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planloom.orchestrator.planning import dag
from planloom.orchestrator.planning.explain import Explanation, explain
from planloom.orchestrator.planning.explain.folding import Folded, fold
from planloom.orchestrator.planning.explain.layout import Layout, Spot, arrange
from planloom.orchestrator.planning.plan import Plan, Step

Inputs = dict[str, tuple[str, ...]]


def arranged(inputs: Inputs) -> Layout:
    return arrange(dag.waves(inputs), inputs, box_height=1.0, waypoint_height=0.1, gap=0.2)


def explained(inputs: Inputs, actions: dict[str, str] | None = None) -> Explanation:
    actions = actions or {}
    steps = [Step(id=name, action=actions.get(name, "a.b"), dependencies=deps) for name, deps in inputs.items()]
    return explain(Plan(goal="", steps=tuple(steps)), lambda _: None, lambda _: None)


def chain(length: int) -> Inputs:
    return {f"s{number}": (f"s{number - 1}",) if number else () for number in range(length)}


@st.composite
def graphs(draw: st.DrawFn) -> Inputs:
    size = draw(st.integers(1, 25))
    inputs: Inputs = {}
    for number in range(size):
        sources = draw(st.lists(st.integers(0, number - 1), max_size=3, unique=True)) if number else []
        inputs[f"s{number}"] = tuple(f"s{source}" for source in sources)
    return inputs


def test_long_edge_passes_each_layer_at_a_waypoint() -> None:
    layout = arranged({"a": (), "b": ("a",), "c": ("b",), "d": ("c", "a")})
    assert layout.trail("a", "d") == [
        (Spot("a", 2), Spot("d")),
        (Spot("a", 1), Spot("a", 2)),
        (Spot("a"), Spot("a", 1)),
    ]


def test_edges_of_one_source_share_their_waypoints() -> None:
    layout = arranged({"a": (), "b": ("a",), "c": ("b", "a"), "d": ("b", "a")})
    assert [spot for spots in layout.layers for spot in spots if spot.layer is not None] == [Spot("a", 1)]


def test_order_avoids_crossings() -> None:
    layout = arranged({"a": (), "b": (), "c": (), "x": ("c",), "y": ("b",), "z": ("a",)})
    upper, lower = ([spot.name for spot in spots] for spots in layout.layers)
    assert list(zip(upper, lower, strict=True)) in (
        [("a", "z"), ("b", "y"), ("c", "x")],
        [("c", "x"), ("b", "y"), ("a", "z")],
    )


def test_straight_chain_is_drawn_straight() -> None:
    assert {round(y, 6) for y in arranged(chain(6)).y.values()} == {0.5}


def test_nothing_is_arranged_as_nothing() -> None:
    assert arranged({}) == Layout([], [], {}, 0.0)


@given(graphs())
@settings(max_examples=80, deadline=None)
def test_nothing_overlaps_and_every_edge_is_drawn(inputs: Inputs) -> None:
    layout = arranged(inputs)
    layer_of = {spot: number for number, spots in enumerate(layout.layers) for spot in spots}
    tall = {spot: 1.0 if spot.layer is None else 0.1 for spot in layer_of}
    for spots in layout.layers:
        for upper, lower in pairwise(spots):
            assert layout.y[lower] - layout.y[upper] >= (tall[lower] + tall[upper]) / 2 + 0.2 - 1e-6
    assert all(layer_of[target] == layer_of[source] + 1 for source, target in layout.links)
    assert len(layout.links) == len(set(layout.links))
    for name, sources in inputs.items():
        for source in sources:
            trail = layout.trail(source, name)
            assert trail[-1][0] == Spot(source)
            assert set(trail) <= set(layout.links)
    assert all(layout.y[s] - tall[s] / 2 >= -1e-6 and layout.y[s] + tall[s] / 2 <= layout.height + 1e-6 for s in tall)


def test_small_plan_stays_as_it_is() -> None:
    folded = fold(explained(chain(9)), most=9, longest=9)
    assert list(folded.boxes) == list(chain(9))
    assert dict(folded.inputs) == chain(9)


def test_equal_neighbours_become_one_box() -> None:
    fan: Inputs = {"a": (), **{f"m{n}": ("a",) for n in range(20)}, "odd": ("a",)}
    fan["z"] = (*(f"m{n}" for n in range(20)), "odd")
    folded = fold(explained(fan, {"odd": "c.d"}), most=10, longest=10)
    assert {name: len(box.steps) for name, box in folded.boxes.items()} == {"a": 1, "m0": 20, "odd": 1, "z": 1}
    assert dict(folded.inputs) == {"a": (), "m0": ("a",), "odd": ("a",), "z": ("m0", "odd")}


def test_long_chain_becomes_a_chain_of_boxes_in_order() -> None:
    folded = fold(explained(chain(20)), most=50, longest=5)
    assert [len(box.steps) for box in folded.boxes.values()] == [8, 8, 4]
    assert [step.id for box in folded.boxes.values() for step in box.steps] == list(chain(20))


@pytest.mark.parametrize("size", [50, 400])
def test_ladder_is_folded_to_ranges_of_waves(size: int) -> None:
    ladder: Inputs = {"l0": (), "r0": ()}
    for n in range(1, size):
        ladder |= {f"l{n}": (f"l{n - 1}", f"r{n - 1}"), f"r{n}": (f"r{n - 1}", f"l{n - 1}")}
    folded = fold(explained(ladder, {f"r{n}": "c.d" for n in range(size)}), most=30, longest=30)
    assert 5 <= len(folded.boxes) <= 20
    assert sum(len(box.steps) for box in folded.boxes.values()) == 2 * size


@given(graphs(), st.integers(1, 12), st.integers(1, 12), st.data())
@settings(max_examples=80, deadline=None)
def test_folding_keeps_every_step_and_every_edge(inputs: Inputs, most: int, longest: int, data: st.DataObject) -> None:
    actions = {name: data.draw(st.sampled_from(["a.b", "c.d"])) for name in inputs}
    folded: Folded = fold(explained(inputs, actions), most=most, longest=longest)
    box_of = {step.id: name for name, box in folded.boxes.items() for step in box.steps}
    assert sorted(box_of) == sorted(inputs)
    assert sum(len(box.steps) for box in folded.boxes.values()) == len(inputs)
    expected = {(box_of[s], box_of[t]) for t, sources in inputs.items() for s in sources} - {(n, n) for n in inputs}
    assert {(source, name) for name, sources in folded.inputs.items() for source in sources} == expected
    assert nx.is_directed_acyclic_graph(nx.DiGraph(list(expected)))
