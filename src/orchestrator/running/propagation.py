"""How one cell's change reaches others: inputs there, inputs final, skipped, invalidated.

Rule: every change of a status goes through `move`, which keeps the counters right. Long chains are walked with a
stack, never by recursion.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from ...events import StepFinished, StepInvalidated
from .state import DEAD, TERMINAL, Cell, State, Status
from .ticks import Ask, Collect, Expand, Stop

_BUSY = frozenset({Status.READY, Status.RUNNING})


def is_busy(cell: Cell) -> bool:
    """Whether the run waits for this cell to do something by itself."""
    return cell.status in _BUSY or cell.backing_off or cell.verdict == "pending"


def move(state: State, cell: Cell, status: Status, *, backing_off: bool = False, judging: bool = False) -> None:
    """Gives a cell its status; frees its place when it stops running."""
    was_busy, old = is_busy(cell), cell.status
    cell.status = status
    cell.backing_off = backing_off
    if status is Status.READY:
        cell.ready_at, cell.limited_at, cell.because = state.now, None, state.tick
    if judging:
        cell.verdict = "pending"
    elif cell.verdict == "pending":
        cell.verdict = None
    state.busy += is_busy(cell) - was_busy
    state.asking += (status in (Status.ASKING, Status.DOUBT)) - (old in (Status.ASKING, Status.DOUBT))
    if (status in TERMINAL) != (old in TERMINAL):
        change = -1 if status in TERMINAL else 1
        state.unfinished += change
        state.level_open[cell.level] += change
    if old is Status.RUNNING and cell.group is not None:
        cell.group.live -= 1
        if cell.group.live == 0:
            state.slots -= 1
        cell.group = None


def judge(state: State, cell: Cell, verdict: str) -> None:
    """Records the verdict of a cell whose verification was pending or came with the result."""
    if cell.verdict == "pending":
        state.busy -= 1
    cell.verdict = verdict  # type: ignore[assignment]  # Verdict.status minus "fail", which is handled before


def count_inputs(cell: Cell) -> None:
    """Counts anew what is missing and what may still change."""
    inputs = cell.inputs if cell.kids is None else cell.inputs + cell.kids
    unknown = len(cell.edges) - len(cell.inputs) - (cell.leader is not None)
    cell.missing = unknown + sum(not i.has_value for i in inputs)
    cell.unsettled = unknown + sum(not i.settled for i in inputs)
    if cell.leader is not None:
        cell.missing += cell.kids is None and cell.leader.kids is None
        cell.unsettled += not cell.leader.settled


def blocker(cell: Cell) -> Cell | None:
    """An input that can never come, None if all may."""
    sources = cell.inputs if cell.kids is None else cell.inputs + cell.kids
    for source in sources:
        if source.blocks:
            return source
    leader = cell.leader
    if leader is None or cell.kids is not None or leader.kids is not None or leader.status not in DEAD:
        return None
    return leader


def users(cell: Cell) -> Iterable[Cell]:
    """The cells that wait for this one."""
    return [d for d in (*cell.dependents, *(cell.followers or ())) if not d.removed]


def satisfy(state: State, cell: Cell) -> None:
    """A cell's value is there: dependents that waited for nothing else can go on."""
    for dependent in cell.dependents:
        if dependent.removed or dependent.status in DEAD:
            continue
        dependent.missing -= 1
        if dependent.missing == 0:
            enable(state, dependent)


def enable(state: State, cell: Cell) -> None:
    """Starts what a cell can do next, if all its inputs are there: expand, collect, ask, or get ready."""
    if cell.status is not Status.WAITING or cell.missing or cell.backing_off or state.stopping:
        return
    if state.settings.schedule == "generations" and cell.level > state.level:
        state.held[cell.level].append(cell)
    elif cell.kids is not None:
        move(state, cell, Status.RUNNING)
        state.out.append(Collect(cell.id, cell.epoch, tuple(k.id for k in cell.kids)))
    elif cell.step.for_each is not None:
        leader = cell.leader
        count = len(leader.kids or ()) if leader is not None else 0
        move(state, cell, Status.RUNNING)
        state.out.append(Expand(cell.id, cell.epoch, leader.id if leader else None, count))
    elif _may_start(state, cell):
        move(state, cell, Status.READY)
        queue(state, cell)


def _may_start(state: State, cell: Cell) -> bool:
    """The commit barrier: a write, or a step that needs approval, waits until no input can change any more."""
    is_write = cell.traits.effect == "write"
    doubtful: Cell | None = None
    wants = cell.step.approval if cell.step.approval is not None else cell.traits.destructive
    if not is_write and not wants:
        return True
    if cell.unsettled:
        return False
    if is_write:
        doubtful = next((i for i in cell.inputs if i.doubted), None)
    if cell.approval == "granted" or not (wants or doubtful):
        return True
    cell.approval = "asked"
    move(state, cell, Status.ASKING)
    reason = f"verification of its input {doubtful.id!r} was not sure" if doubtful else "it needs approval"
    state.out.append(Ask(cell.id, "step", reason))
    return False


def queue(state: State, cell: Cell) -> None:
    """Puts a ready cell in line: longest remaining path first, plan order among equals."""
    priority = float(cell.order) if state.sequential else -cell.remaining
    entry = (priority, cell.order, cell.epoch)
    heapq.heappush(state.ready, entry)
    if cell.traits.batch_limit and state.settings.batching and not cell.alone:
        heapq.heappush(state.ready_to_merge[cell.step.action], entry)


def settle(state: State, cell: Cell) -> None:
    """Makes a cell final if nothing can change it any more, and then all whose last changeable input it was."""
    stack = [cell]
    while stack:
        top = stack.pop()
        if top.settled or top.unsettled or not _is_decided(top):
            continue
        top.settled = True
        top.doubted = top.verdict == "unsure" or any(i.doubted for i in _behind(top))
        for user in users(top):
            user.unsettled -= 1
            if user.unsettled == 0:
                stack.append(user)
                enable(state, user)


def _behind(cell: Cell) -> Iterable[Cell]:
    """All whose results went into this one."""
    return (*cell.inputs, *(cell.kids or ()), *((cell.leader,) if cell.leader is not None else ()))


def _is_decided(cell: Cell) -> bool:
    return cell.status in DEAD or (cell.status is Status.DONE and cell.verdict in ("pass", "unsure", "off"))


def drop(state: State, cell: Cell, status: Status, *, error: str | None = None, cause: str | None = None) -> None:
    """Ends a cell without a result; dependents are skipped, or go on without it when it is optional."""
    stack: list[tuple[Cell, Status, str | None, str | None]] = [(cell, status, error, cause)]
    while stack:
        top, status, error, cause = stack.pop()
        if status is Status.SKIPPED and top.status not in (Status.WAITING, Status.READY, Status.ASKING):
            continue
        move(state, top, status)
        top.error, top.cause = error, cause
        state.out.append(finished(top))
        root = cause if status is Status.SKIPPED else top.id
        for user in users(top):
            if top.step.optional and user.leader is not top:
                if user.status not in DEAD:
                    user.missing -= 1
                    if user.missing == 0:
                        enable(state, user)
            elif user.leader is top and (top.kids is not None or user.kids is not None):
                continue
            else:
                stack.append((user, Status.SKIPPED, _skipped(top, root), root))
        settle(state, top)


def _skipped(blocked_by: Cell, root: str | None) -> str:
    verb = "was cancelled" if blocked_by.status is Status.CANCELLED else "failed"
    return f"skipped because {root!r} {verb}" if blocked_by.id == root else f"skipped because {root!r} did not finish"


def finished(cell: Cell, *, seconds: float = 0.0) -> StepFinished:
    """The event of a cell that ended without a result."""
    return StepFinished(
        step=cell.id,
        status=cell.status.value,  # type: ignore[arg-type]  # DEAD values are step statuses
        epoch=cell.epoch,
        attempts=cell.tries,
        seconds=seconds,
        error=cell.error,
        caused_by=cell.cause,
    )


def invalidate(state: State, source: Cell, *, because: str) -> None:
    """Takes back everything that used the value of `source`, which has changed or is gone.

    Exactly the descendants that used it get a new epoch and run again; those that only waited go on waiting. A write
    that ran is never taken back: it ran on settled inputs, so only a changed input of the goal can lead here.
    """
    touched: dict[str, Cell] = {}
    still_skipped: list[Cell] = []
    stack = [source]
    while stack:
        used = stack.pop()
        for user in _users_of_value(used):
            if user.status is Status.CANCELLED or _is_committed(user):
                continue
            if user.status is Status.SKIPPED and blocker(user) is not None:
                still_skipped.append(user)  # by another input; comes again if that one is taken back too
                continue
            from_kid = used.step.parent == user.id
            if user.kids is not None and not from_kid:
                stack += [user, *_remove_kids(state, user)]
            if user.id not in touched:
                touched[user.id] = user
                if _reset(state, user, because):
                    stack.append(user)
    reconsider_all(state, [cell for cell in touched.values() if not cell.removed])
    _name_causes(state, still_skipped)


def _name_causes(state: State, cells: list[Cell]) -> None:
    """Says anew why cells are skipped, where the step that was named runs again."""
    stack = [cell for cell in cells if not cell.removed]
    while stack:
        cell = stack.pop()
        dead = blocker(cell) if cell.status is Status.SKIPPED else None
        if dead is None:
            continue
        count_inputs(cell)
        root = _root(dead)
        if root != cell.cause:
            cell.cause, cell.error = root, _skipped(dead, root)
            state.out.append(finished(cell))
            stack += users(cell)


def _users_of_value(cell: Cell) -> Iterable[Cell]:
    """Who may have used this cell's value; followers of an expanded for_each use the values of its parts instead."""
    followers = (cell.followers or ()) if cell.kids is None else ()
    return [d for d in (*cell.dependents, *followers) if not d.removed]


def _is_committed(cell: Cell) -> bool:
    return cell.traits.effect == "write" and cell.tries > 0


def _reset(state: State, cell: Cell, because: str) -> bool:
    """Sets a cell back to waiting; True if others may have used it."""
    if cell.status in (Status.READY, Status.ASKING) or (cell.status is Status.WAITING and not cell.backing_off):
        cell.approval = None if cell.status is Status.ASKING else cell.approval
        move(state, cell, Status.WAITING)
        return False
    used = cell.status is not Status.SKIPPED
    if cell.status is Status.RUNNING:
        state.out.append(Stop(cell.id, cell.epoch))
    move(state, cell, Status.WAITING)
    restart(cell)
    if used:
        state.out.append(StepInvalidated(cell.id, cell.epoch, because))
    return True


def restart(cell: Cell) -> None:
    """A cell's history no longer counts; its next call belongs to a new epoch."""
    cell.epoch += 1
    cell.attempt = 0
    cell.verdict = None
    cell.settled = cell.doubted = cell.withheld = False
    cell.error = cell.cause = None


def _remove_kids(state: State, cell: Cell) -> list[Cell]:
    """Takes the steps of a for_each out of the run, because its items may be others; gives those taken out."""
    kids, cell.kids = cell.kids or [], None
    cell.epoch += 1
    for kid in kids:
        if kid.status is Status.RUNNING:
            state.out.append(Stop(kid.id, kid.epoch))
        move(state, kid, Status.CANCELLED)
        kid.removed = True
        kid.epoch += 1
        del state.cells[kid.id]
        for source in kid.inputs:
            source.dependents = [d for d in source.dependents if d is not kid]
        for user in kid.dependents:
            if user is not cell and not user.removed:
                user.inputs.remove(kid)
                state.awaited[kid.id].append(user)
    return kids


def _root(dead: Cell) -> str | None:
    return dead.cause if dead.status is Status.SKIPPED else dead.id


def reconsider_all(state: State, cells: list[Cell]) -> None:
    """As `reconsider` for each, with every count right before the first decision."""
    for cell in cells:
        count_inputs(cell)
    for cell in cells:
        reconsider(state, cell)


def reconsider(state: State, cell: Cell) -> None:
    """Decides anew about a waiting cell after its inputs changed."""
    count_inputs(cell)
    if cell.status is not Status.WAITING:
        return
    dead = blocker(cell)
    if dead is not None:
        root = _root(dead)
        drop(state, cell, Status.SKIPPED, error=_skipped(dead, root), cause=root)
    elif cell.missing == 0:
        enable(state, cell)


def reopen(state: State, cell: Cell, *, because: str) -> None:
    """Takes back a cell whose own parameters changed, with all that used it; a write that ran stays as it is."""
    if _is_committed(cell):
        return
    if cell.kids is not None:
        for source in (*_remove_kids(state, cell), cell):
            invalidate(state, source, because=because)
    if _reset(state, cell, because):
        invalidate(state, cell, because=because)
    reconsider(state, cell)
