"""Plans to schedule: from a file of plans, or seeded DAGs of the same shapes. Rule: data only, nothing is run."""

from __future__ import annotations

import itertools
import json
import math
import random
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Timed:
    """A DAG whose steps take known seconds."""

    id: str
    seconds: dict[str, float]
    deps: dict[str, tuple[str, ...]]

    def critical_path(self) -> float:
        """Seconds of the longest chain."""
        ends: dict[str, float] = {}
        for step in self.order():
            ends[step] = self.seconds[step] + max((ends[d] for d in self.deps[step]), default=0.0)
        return max(ends.values(), default=0.0)

    def order(self) -> list[str]:
        """The steps, each after its dependencies."""
        done: dict[str, None] = {}
        stack = [(s, iter(self.deps[s])) for s in reversed(self.seconds)]
        while stack:
            step, rest = stack[-1]
            waiting = next((d for d in rest if d not in done), None)
            if waiting is not None:
                stack.append((waiting, iter(self.deps[waiting])))
            else:
                done.setdefault(step)
                stack.pop()
        return list(done)

    def scaled(self, critical_path_s: float) -> Timed:
        """The same plan with a critical path of so many seconds."""
        factor = critical_path_s / max(self.critical_path(), 1e-12)
        return Timed(self.id, {s: t * factor for s, t in self.seconds.items()}, self.deps)


def load(path: Path, sample: int, seed: int) -> list[Timed]:
    """A seeded sample of a file's plans; steps without seconds get lognormal ones, 20 to 200 ms mostly."""
    rng = random.Random(seed)
    plans = json.loads(path.read_text(encoding="utf-8"))["plans"]
    chosen = plans if len(plans) <= sample else rng.sample(plans, sample)
    return [_timed(plan, rng) for plan in chosen]


def _timed(plan: dict, rng: random.Random) -> Timed:  # type: ignore[type-arg]
    seconds = {s["id"]: float(s["seconds"]) if "seconds" in s else lognormal(rng) for s in plan["steps"]}
    deps = {s["id"]: tuple(dict.fromkeys(s["deps"])) for s in plan["steps"]}
    return Timed(plan["id"], seconds, deps)


def lognormal(rng: random.Random) -> float:
    """Seconds with 90 % between 20 and 200 ms."""
    return math.exp(rng.gauss(math.log(math.sqrt(0.02 * 0.2)), math.log(10) / 2 / 1.645))


def generate(count: int, seed: int) -> list[Timed]:
    """Seeded DAGs: mostly small ones as models write them, and a tenth large layered ones as workflows are."""
    rng = random.Random(seed)
    return [_large(rng, i) if rng.random() < 0.1 else _small(rng, i) for i in range(count)]


def _small(rng: random.Random, number: int) -> Timed:
    count = rng.randint(3, 9)
    deps = {
        f"s{i}": tuple(f"s{d}" for d in sorted(rng.sample(range(i), min(i, rng.choice((0, 1, 1, 1, 2))))))
        for i in range(count)
    }
    return Timed(f"small/{number}", {s: lognormal(rng) for s in deps}, deps)


def _large(rng: random.Random, number: int) -> Timed:
    layers = [[f"l{layer}n{i}" for i in range(rng.randint(1, 30))] for layer in range(rng.randint(3, 8))]
    deps: dict[str, tuple[str, ...]] = dict.fromkeys(layers[0], ())
    for above, layer in itertools.pairwise(layers):
        deps |= {s: tuple(rng.sample(above, min(len(above), rng.randint(1, 3)))) for s in layer}
    return Timed(f"large/{number}", {s: lognormal(rng) for s in deps}, deps)
