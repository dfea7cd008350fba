"""The scheduler: a pure reducer from what happened to what to do.

Rule: no I/O, no clock, no randomness from outside; `reduce` is the only way the state of a run changes. Retries use
exponential back-off with full jitter (Brooker, "Exponential Backoff And Jitter", 2015).
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from typing import Any

from ...events import StepRetrying, StepVerified
from .dispatch import dispatch, freed, lower_limit, raise_limit, set_timer
from .growth import add, end_plan, expand
from .propagation import (
    drop,
    enable,
    finished,
    invalidate,
    judge,
    move,
    queue,
    reopen,
    restart,
    satisfy,
    settle,
)
from .state import TERMINAL, Cell, State, Status
from .ticks import (
    Added,
    Answered,
    Ask,
    BudgetEnded,
    Cancel,
    Clock,
    Command,
    End,
    Expanded,
    Failed,
    Failure,
    Finished,
    Freed,
    Idle,
    InputsChanged,
    Judged,
    Parked,
    PlanEnded,
    Stop,
    Tick,
    Unparked,
    Verdict,
    Verify,
)


def reduce(state: State, tick: Tick, now: float) -> list[Command]:
    """What to do, in order, now that `tick` happened at `now` (monotonic seconds)."""
    if state.ended:
        return []
    state.out, state.tick, state.now = [], tick, now
    _HANDLERS[type(tick)](state, tick, now)
    if not state.stopping:
        dispatch(state, now)
    _conclude(state)
    return state.out


# ---- calls end


def _finish(state: State, tick: Finished, now: float) -> None:
    cell = state.cell(tick.step, tick.epoch)
    if cell is None or cell.status is not Status.RUNNING:
        return
    raise_limit(state)
    mode = cell.step.verify or state.settings.verify
    if cell.kids is not None or mode == "off":
        verdict: Verdict | None = Verdict("off", "", ())
    else:
        verdict = tick.verdict
    if verdict is not None and verdict.status == "fail":
        move(state, cell, Status.DONE, judging=True)
        _reject(state, cell, verdict)
        return
    move(state, cell, Status.DONE, judging=verdict is None)
    if verdict is None:
        state.out.append(Verify(cell.id, cell.epoch))
    else:
        _accept(state, cell, verdict)
    cell.withheld = verdict is None and mode == "blocking"
    if not cell.withheld:
        satisfy(state, cell)
    settle(state, cell)


def _fail(state: State, tick: Failed, now: float) -> None:
    cell = state.cell(tick.step, tick.epoch)
    if cell is None or cell.status is not Status.RUNNING:
        return
    failure = tick.failure
    if failure.overloaded:
        lower_limit(state, now)
    if state.stopping is not None:
        drop(state, cell, Status.FAILED, error=failure.message)
    elif tick.merged:
        cell.alone = True
        cell.attempt -= 1
        cell.tries -= 1
        move(state, cell, Status.READY)
        queue(state, cell)
    elif failure.outcome_unknown and cell.traits.effect == "write" and not cell.traits.idempotent:
        move(state, cell, Status.DOUBT)
        state.out.append(Ask(cell.id, "in_doubt", failure.message))
    elif failure.transient and cell.attempt < state.settings.max_attempts:
        _retry(state, cell, failure, now)
    else:
        drop(state, cell, Status.FAILED, error=_told(cell, failure))


def _told(cell: Cell, failure: Failure) -> str:
    return f"{failure.message} (gave up after {cell.attempt} tries)" if cell.attempt > 1 else failure.message


def _retry(state: State, cell: Cell, failure: Failure, now: float) -> None:
    settings = state.settings
    ceiling = min(settings.backoff_cap_s, settings.backoff_base_s * 2 ** (cell.attempt - 1))
    jitter = random.Random(f"{settings.seed}/{cell.id}/{cell.epoch}/{cell.attempt}")  # noqa: S311  # not a secret
    delay = max(jitter.uniform(0, ceiling), failure.retry_after_s or 0.0)
    move(state, cell, Status.WAITING, backing_off=True)
    set_timer(state, now + delay, "retry", cell)
    state.out.append(StepRetrying(cell.id, cell.attempt, delay, failure.message))


def _judge(state: State, tick: Judged, now: float) -> None:
    cell = state.cell(tick.step, tick.epoch)
    if cell is None or cell.verdict != "pending":
        return
    if tick.verdict.status == "fail":
        _reject(state, cell, tick.verdict)
        return
    _accept(state, cell, tick.verdict)
    if cell.withheld:
        cell.withheld = False
        satisfy(state, cell)
    settle(state, cell)


def _accept(state: State, cell: Cell, verdict: Verdict) -> None:
    judge(state, cell, verdict.status)
    if verdict.status != "off":
        state.out.append(StepVerified(cell.id, cell.epoch, verdict.status, verdict.reason, verdict.by))


def _reject(state: State, cell: Cell, verdict: Verdict) -> None:
    """Redoes a step with the verifier's reason, or fails it for good; takes back what used its result."""
    state.out.append(StepVerified(cell.id, cell.epoch, "fail", verdict.reason, verdict.by))
    may_redo = cell.traits.effect != "write" and cell.redos < state.settings.max_redos and not state.stopping
    move(state, cell, Status.WAITING)
    if may_redo:
        restart(cell)
        cell.redos += 1
        cell.feedback = verdict.reason
        invalidate(state, cell, because=cell.id)
        enable(state, cell)
        return
    cell.epoch += 1
    invalidate(state, cell, because=cell.id)
    tries = f" after {cell.redos + 1} attempts" if cell.redos else ""
    drop(state, cell, Status.FAILED, error=f"verification failed{tries}: {verdict.reason}")


# ---- people, time, ends


def _park(state: State, tick: Parked, now: float) -> None:
    """Waits for people without a place or a deadline; what the call reports from now on does not count."""
    cell = state.cell(tick.step, tick.epoch)
    if cell is None or cell.status is not Status.RUNNING:
        return
    cell.epoch += 1
    cell.attempt -= 1
    cell.tries -= 1
    move(state, cell, Status.ASKING)
    if tick.reason is not None:
        cell.approval = "asked"
        state.out.append(Ask(cell.id, "step", tick.reason))


def _unpark(state: State, tick: Unparked, now: float) -> None:
    cell = state.cells.get(tick.step)
    if cell is not None and cell.status is Status.ASKING:
        move(state, cell, Status.WAITING)
        enable(state, cell)


def _answer(state: State, tick: Answered, now: float) -> None:
    cell = state.cells.get(tick.step)
    if cell is None:
        return
    if cell.status is Status.ASKING:
        if tick.granted:
            cell.approval = "granted"
            move(state, cell, Status.WAITING)
            enable(state, cell)
        else:
            drop(state, cell, Status.FAILED, error=f"approval was refused{': ' + tick.note if tick.note else ''}")
    elif cell.status is Status.DOUBT and tick.granted:
        move(state, cell, Status.DONE)
        judge(state, cell, "off")
        satisfy(state, cell)
        settle(state, cell)
    elif cell.status is Status.DOUBT:
        move(state, cell, Status.WAITING)
        cell.attempt = 0
        enable(state, cell)


def _change_inputs(state: State, tick: InputsChanged, now: float) -> None:
    for name in tick.steps:
        cell = state.cells.get(name)
        if cell is not None and cell.status is not Status.CANCELLED:
            reopen(state, cell, because="inputs")


def _wake(state: State, tick: Clock, now: float) -> None:
    while state.timers and state.timers[0][0] <= now:
        _, _, kind, cell, epoch, attempt = heapq.heappop(state.timers)
        if cell.removed or cell.epoch != epoch or cell.attempt != attempt:
            continue
        if kind == "retry" and cell.backing_off:
            move(state, cell, Status.WAITING)
            enable(state, cell)
        elif kind == "deadline" and cell.status is Status.RUNNING:
            _time_out(state, cell, now)


def _time_out(state: State, cell: Cell, now: float) -> None:
    state.out.append(Stop(cell.id, cell.epoch))
    message = (
        f"expected a result within {cell.traits.timeout_s:g} s, got none; raise the step's timeout_s if it is only slow"
    )
    is_write = cell.traits.effect == "write"
    failure = Failure(message, transient=is_write and cell.traits.idempotent, outcome_unknown=is_write)
    cell.epoch += 1
    _fail(state, Failed(cell.id, cell.epoch, failure), now)


def _cancel(state: State, tick: Cancel, now: float) -> None:
    if tick.step is None:
        state.stopping = ("cancelled", tick.reason)
        _stop_all(state, tick.reason or "the run was cancelled", running_too=True)
        return
    cell = state.cells.get(tick.step)
    if cell is not None and cell.status not in TERMINAL:
        _cancel_cell(state, cell, tick.reason or "cancelled")


def _cancel_cell(state: State, cell: Cell, reason: str) -> None:
    if cell.status is Status.RUNNING:
        state.out.append(Stop(cell.id, cell.epoch))
        if cell.traits.effect == "write":
            reason += "; it was running, so its effect may have happened"
    drop(state, cell, Status.CANCELLED, error=reason)
    for kid in cell.kids or ():
        if kid.status not in TERMINAL:
            _cancel_cell(state, kid, reason)


def _stop_all(state: State, reason: str, *, running_too: bool) -> None:
    for cell in list(state.cells.values()):
        if cell.status in TERMINAL or (cell.status is Status.RUNNING and not running_too):
            continue
        if cell.status is Status.RUNNING:
            state.out.append(Stop(cell.id, cell.epoch))
        move(state, cell, Status.CANCELLED)
        cell.error = reason
        state.out.append(finished(cell))


def _end_budget(state: State, tick: BudgetEnded, now: float) -> None:
    if state.stopping is None:
        state.stopping = ("budget", tick.budget)
        _stop_all(state, f"the budget {tick.budget!r} is used up", running_too=tick.running_too)


def _conclude(state: State) -> None:
    """Ends the run when every step is terminal and judged; says when only people can go on."""
    if state.stopping is not None:
        over = state.stopping[0] == "cancelled" or state.busy == 0
        if over:
            _end(state, End(state.stopping[0], state.stopping[1]))
        return
    if not state.plan_ended or state.busy:
        state.idle = False
    elif state.unfinished == 0:
        failed = [c.id for c in state if c.blocks]
        named = ", ".join(failed[:5]) + (f" and {len(failed) - 5} more" if len(failed) > 5 else "")
        _end(state, End("failed", f"not done: {named}") if failed else End("done"))
    elif state.asking:
        if not state.idle:
            state.out.append(Idle())
        state.idle = True
    else:
        stuck = ", ".join(c.id for c in state if c.status not in TERMINAL)[:200]
        raise AssertionError(f"steps wait for nothing: {stuck}; this is a bug in the scheduler, please report it")


def _end(state: State, end: End) -> None:
    state.ended = True
    state.out.append(end)


_HANDLERS: dict[type, Callable[[State, Any, float], object]] = {
    Added: lambda state, tick, now: add(state, tick.entries),
    PlanEnded: lambda state, tick, now: end_plan(state, tick.answer),
    Expanded: lambda state, tick, now: expand(state, tick),
    Finished: _finish,
    Failed: _fail,
    Parked: _park,
    Unparked: _unpark,
    Judged: _judge,
    Answered: _answer,
    InputsChanged: _change_inputs,
    Freed: lambda state, tick, now: freed(state, tick.limit),
    Clock: _wake,
    Cancel: _cancel,
    BudgetEnded: _end_budget,
}
