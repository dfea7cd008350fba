"""How steps join a run: linked to their inputs, given a priority and a generation, and, for a for_each, unfolded.

Rule: steps may come in any order and while others run; a step may name one that has not come yet.
"""

from __future__ import annotations

from ...events import PlanReady, StepAdded
from ..planning.plan import paired_with
from .propagation import drop, move, queue, reconsider, reconsider_all
from .state import TERMINAL, Cell, State, Status
from .ticks import Entry, Expanded


def add(state: State, entries: tuple[Entry, ...], parent: Cell | None = None) -> list[Cell]:
    """Adds steps to the run; those whose inputs are all there become ready.

    Raises:
        ValueError: an id is taken.
    """
    cells = []
    for entry in entries:
        if entry.step.id in state.cells:
            raise ValueError(f"expected a new step, got {entry.step.id!r} twice; lint the plan before running it")
        cell = Cell(entry, len(state.order))
        state.cells[cell.id] = cell
        state.order.append(cell)
        state.unfinished += 1
        state.level_open[0] += 1
        cells.append(cell)
        state.out.append(
            StepAdded(
                cell.id,
                cell.step.action,
                cell.edges,
                cell.traits.effect,
                parent.id if parent else None,
                cell.step.parameters,
                None if parent else cell.step.options(),
            )
        )
    for cell in cells:
        _link(state, cell)
    for cell in reversed(cells):
        _lengthen(state, cell)
    reconsider_all(state, cells)
    return cells


def _link(state: State, cell: Cell) -> None:
    for name in cell.edges:
        source = state.cells.get(name)
        if source is None:
            state.awaited[name].append(cell)
        else:
            _connect(cell, source)
            _deepen(state, cell, source.level + 1)
    for user in state.awaited.pop(cell.id, ()):
        _connect(user, cell)
        _deepen(state, user, cell.level + 1)


def _connect(cell: Cell, source: Cell) -> None:
    pair = paired_with(cell.step) if cell.step.for_each is not None else None
    if pair is not None and pair.step == source.id and source.step.for_each is not None:
        cell.leader = source
        source.followers = [*(source.followers or ()), cell]
    else:
        cell.inputs.append(source)
        source.dependents.append(cell)


def _deepen(state: State, cell: Cell, level: int) -> None:
    """Moves a cell, and all behind it, to a later generation."""
    stack = [(cell, level)]
    while stack:
        top, level = stack.pop()
        if level > top.level:
            if top.status not in TERMINAL:
                state.level_open[top.level] -= 1
                state.level_open[level] += 1
            top.level = level
            stack += [(d, level + 1) for d in (*top.dependents, *(top.followers or ()))]


def _lengthen(state: State, cell: Cell) -> None:
    """Brings the longest remaining path up to date, from a new cell back to the first steps."""
    behind = max((d.remaining for d in (*cell.dependents, *(cell.followers or ()))), default=0.0)
    cell.remaining = cell.traits.duration_s + behind
    stack = [cell]
    while stack:
        top = stack.pop()
        for source in (*top.inputs, *((top.leader,) if top.leader else ())):
            through = source.traits.duration_s + top.remaining
            if through > source.remaining:
                source.remaining = through
                stack.append(source)
                if source.status is Status.READY:
                    queue(state, source)


def end_plan(state: State, answer: str | None = None) -> None:
    """No step will come any more: who waits for one that never came fails."""
    state.plan_ended = True
    state.out.append(PlanReady(len(state.cells), answer))
    for name, cells in state.awaited.items():
        for cell in cells:
            if cell.status is Status.WAITING:
                drop(state, cell, Status.FAILED, error=f"expected a step {name!r} in the plan, got none")
    state.awaited.clear()


def expand(state: State, tick: Expanded) -> None:
    """A for_each step becomes one step an item; it ends when all of them have."""
    cell = state.cell(tick.step, tick.epoch)
    if cell is None or cell.status is not Status.RUNNING:
        return
    cell.kids = []
    move(state, cell, Status.WAITING)
    cell.kids = add(state, tick.entries, cell)
    level = cell.level
    for kid in cell.kids:
        kid.dependents.append(cell)
        _deepen(state, kid, level)
        _deepen(state, cell, kid.level + 1)
        kid.remaining = max(kid.remaining, kid.traits.duration_s + cell.remaining - cell.traits.duration_s)
        if kid.status is Status.READY:
            queue(state, kid)
    for follower in cell.followers or ():
        if not follower.removed and follower.status is Status.WAITING:
            reconsider(state, follower)
    reconsider(state, cell)
