"""Which ready steps start now. Rule: longest remaining path first, within the run's limit and the shared ones.

Additive increase, multiplicative decrease of the run's limit follows Chiu and Jain (1989).
"""

from __future__ import annotations

import heapq
import math

from ...events import LimitChanged, LimitWaiting, StepStarted
from .propagation import enable, move
from .state import Cell, Group, State, Status
from .ticks import (
    Added,
    Answered,
    Call,
    Cancel,
    Clock,
    Expanded,
    Failed,
    Finished,
    InputsChanged,
    Judged,
    Start,
    Unparked,
)

_OVERLOAD_WINDOW_S = 10.0
_COOL_DOWN_S = 1.0

# what made a step ready, in the words of `StepStarted.because`
_REASONS: dict[type, str] = {
    Added: "added",
    Expanded: "added",
    Finished: "finished",
    Failed: "finished",
    Cancel: "finished",
    Judged: "verified",
    Answered: "answered",
    Unparked: "answered",
    InputsChanged: "inputs",
    Clock: "time",
}
_OF_A_STEP = (Finished, Failed, Cancel, Judged, Answered, Unparked)

_Entry = tuple[float, int, int]


def dispatch(state: State, now: float) -> None:
    """Starts as many ready steps as the limits allow."""
    if state.settings.schedule == "generations":
        _advance_generation(state)
    while state.ready and (state.limit == 0 or state.slots < state.limit):
        entry = heapq.heappop(state.ready)
        cell = _current(state, entry)
        if cell is None:
            continue
        limit = cell.traits.limit
        if limit is not None and not state.capacity.take(limit):
            heapq.heappush(state.blocked[limit], entry)
            state.capacity.wait(limit)
            state.out.append(LimitWaiting(cell.id, limit))
            if cell.limited_at is None:
                cell.limited_at = now
            continue
        _start(state, _members(state, cell, now), now)


def freed(state: State, limit: str) -> None:
    """Uses a place reserved at a shared limit: the best step that waits for it gets in line again."""
    waiting = state.blocked[limit]
    while waiting:
        if _current(state, waiting[0]) is None:
            heapq.heappop(waiting)
        elif state.limit and state.slots >= state.limit:
            break
        else:
            heapq.heappush(state.ready, heapq.heappop(waiting))
            if waiting:
                state.capacity.wait(limit)
            return
    for entry in waiting:
        heapq.heappush(state.ready, entry)
    waiting.clear()
    state.capacity.decline(limit)


def _current(state: State, entry: _Entry) -> Cell | None:
    cell = state.order[entry[1]]
    return cell if cell.status is Status.READY and cell.epoch == entry[2] and not cell.removed else None


def _advance_generation(state: State) -> None:
    while state.level_open[state.level] == 0 and state.held:
        state.level = min(state.held)
        for cell in state.held.pop(state.level):
            enable(state, cell)
        if state.level_open[state.level]:
            return


def _members(state: State, head: Cell, now: float) -> list[Cell]:
    """The steps that go into one call with `head`, which comes first."""
    size = merged_size(state, head, now) if head.traits.batch_limit and not head.alone else 1
    if size <= 1:
        return [head]
    members, line = {head.order: head}, state.ready_to_merge[head.step.action]
    while line and len(members) < size:
        cell = _current(state, heapq.heappop(line))
        if cell is not None and not cell.alone:
            members[cell.order] = cell
    return list(members.values())


def merged_size(state: State, head: Cell, now: float) -> int:
    """How many calls may be merged without lengthening the critical path.

    A merged call of n steps takes `t * (1 + growth * (n - 1))`. It may take as long as n single calls would on the
    free places, or as much longer than one call as the longest path now under way leaves slack.
    """
    growth, limit = head.traits.batch_growth, head.traits.batch_limit
    if growth <= 0:
        return limit
    seconds = head.traits.duration_s
    longest = max(c.remaining - (now - c.started_at) for c in (head, *state) if c.status is Status.RUNNING or c is head)
    slack = max(0.0, longest - head.remaining) if longest < math.inf else 0.0
    free = max(1, state.limit - state.slots) if state.limit else limit
    size = 1
    while size < limit:
        merged = seconds * (1 + growth * size)
        if merged > max(seconds * math.ceil((size + 1) / free), seconds + slack) + 1e-9:
            break
        size += 1
    return size


def _start(state: State, members: list[Cell], now: float) -> None:
    group = Group(len(members))
    state.slots += 1
    ids = tuple(cell.id for cell in members) if len(members) > 1 else ()
    for cell in members:
        move(state, cell, Status.RUNNING)
        cell.group = group
        cell.attempt += 1
        cell.tries += 1
        cell.started_at = now
        if cell.traits.timeout_s:
            set_timer(state, now + cell.traits.timeout_s, "deadline", cell)
        state.out.append(_started(cell, now, ids))
    calls = tuple(Call(c.id, c.epoch, c.tries, c.feedback) for c in members)
    state.out.append(Start(calls, members[0].traits.limit))


def _started(cell: Cell, now: float, batch: tuple[str, ...]) -> StepStarted:
    """The event of a start, with what it waited for since it was ready."""
    refused = now if cell.limited_at is None else cell.limited_at
    because = _REASONS.get(type(cell.because), "")
    after = cell.because.step or "" if isinstance(cell.because, _OF_A_STEP) else ""
    return StepStarted(cell.id, cell.tries, cell.epoch, batch, refused - cell.ready_at, now - refused, because, after)


def set_timer(state: State, due: float, kind: str, cell: Cell) -> None:
    """Wakes the scheduler at `due` about this cell's present attempt."""
    state.serial += 1
    heapq.heappush(state.timers, (due, state.serial, kind, cell, cell.epoch, cell.attempt))  # type: ignore[misc]


def lower_limit(state: State, now: float) -> None:
    """Halves the run's limit at the second overload within ten seconds, at most once a second."""
    previous, state.overloaded_at = state.overloaded_at, now
    repeated = previous is not None and now - previous <= _OVERLOAD_WINDOW_S
    if not repeated or (state.lowered_at is not None and now - state.lowered_at < _COOL_DOWN_S):
        return
    present = state.limit or max(state.slots, 1)
    lowered = max(1, present // 2)
    if lowered == state.limit:
        return
    state.limit, state.lowered_at, state.credit = lowered, now, 0
    state.out.append(LimitChanged(lowered, "repeated overload: half as many steps side by side"))


def raise_limit(state: State) -> None:
    """One more step side by side after as many successes as there are places, until the limit is whole again."""
    if state.lowered_at is None:
        return
    state.credit += 1
    if state.credit < state.limit:
        return
    state.credit = 0
    state.limit += 1
    if state.full_limit and state.limit >= state.full_limit:
        state.limit, state.lowered_at = state.full_limit, None
    state.out.append(LimitChanged(state.limit, "calls succeed again"))
