"""Random DAGs, random orders of everything that can happen: the promises of the scheduler hold in each."""

import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from world import Chances, World, random_dag

from planloom.orchestrator.running.state import Settings

EXAMPLES = 5000


def run_one(seed: int, *, dynamic: bool = False) -> World:
    rng = random.Random(seed)
    kinds = {name: rng.choice((0.0, 0.0, 0.1, 0.3)) for name in ("fail", "transient", "reject", "unsure", "refuse")}
    world = World(
        rng,
        Settings(
            max_parallel_steps=rng.choice((0, 1, 2, 5)),
            schedule=rng.choice(("dataflow", "dataflow", "dataflow", "generations", "sequential")),
            verify=rng.choice(("background", "background", "blocking", "off")),
            batching=rng.random() < 0.7,
            max_redos=rng.choice((0, 2)),
            seed=seed,
        ),
        Chances(**kinds, cancel=rng.choice((0.0, 0.0, 0.03)), in_doubt=rng.choice((0.0, 0.5)), merge_fails=0.3),
        dynamic=dynamic,
    )
    world.run(random_dag(rng, rng.randint(1, 25), dynamic=dynamic), streamed=rng.random() < 0.3)
    return world


@settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(min_value=0, max_value=2**48))
def test_every_promise_holds_on_random_plans(seed: int) -> None:
    run_one(seed)


@settings(max_examples=EXAMPLES // 5, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(min_value=0, max_value=2**48))
def test_every_promise_holds_while_steps_unfold(seed: int) -> None:
    run_one(seed, dynamic=True)
