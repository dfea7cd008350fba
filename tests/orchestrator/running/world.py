"""A world for the scheduler without an event loop: it performs commands in any order and checks every promise.

What it knows, it works out by itself from the commands; it never looks into the scheduler's cells for an answer.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from planloom.events import (
    StepAdded,
    StepFinished,
    StepInvalidated,
    StepVerified,
)
from planloom.orchestrator.planning.plan import Step, children, edges, paired_children
from planloom.orchestrator.running.scheduler import reduce
from planloom.orchestrator.running.state import Settings, State
from planloom.orchestrator.running.ticks import (
    Added,
    Answered,
    Ask,
    Cancel,
    Clock,
    Collect,
    Command,
    End,
    Entry,
    Expand,
    Expanded,
    Failed,
    Failure,
    Finished,
    Idle,
    Judged,
    PlanEnded,
    Start,
    Stop,
    Tick,
    Traits,
    Verdict,
    Verify,
)

ENDED_BADLY = ("failed", "skipped", "cancelled")


@dataclass
class Chances:
    """How often, from 0 to 1, something other than success happens."""

    fail: float = 0.0
    transient: float = 0.0
    reject: float = 0.0
    unsure: float = 0.0
    refuse: float = 0.0
    cancel: float = 0.0
    in_doubt: float = 0.0
    merge_fails: float = 0.0


@dataclass
class Record:
    """What the world knows of a step."""

    entry: Entry
    done: bool = False
    verified: str | None = None
    epoch: int = 0
    used: dict[str, int] | None = None
    used_when_rejected: dict[str, int] | None = None
    version: int = 0
    status: str | None = None
    caused_by: str | None = None
    granted: bool = False
    runs: int = 0
    writes: int = 0


@dataclass
class World:
    """Runs entries to the end, in an order drawn from `rng`."""

    rng: random.Random
    settings: Settings = field(default_factory=Settings)
    chances: Chances = field(default_factory=Chances)
    now: float = 0.0
    end: End | None = None
    pending: list[Callable[[], Tick | None]] = field(default_factory=list)
    records: dict[str, Record] = field(default_factory=dict)
    calls: list[tuple[str, ...]] = field(default_factory=list)
    log: list[Command] = field(default_factory=list)
    peak: int = 0
    dynamic: bool = False

    def __post_init__(self) -> None:
        self.state = State(self.settings)
        self.running: dict[str, int] = {}
        self.was_rejected = False
        self.invalidated: set[str] = set()

    # ---- driving

    def run(self, entries: list[Entry], *, streamed: bool = False) -> End:
        if streamed:
            for entry in entries:
                self.pending.append(lambda entry=entry: self._added(entry))
                if self.rng.random() < 0.5:
                    self._step()
            while any(entry.step.id not in self.records for entry in entries):
                self._step()
        else:
            self.tick(Added(tuple(entries)))
        self.tick(PlanEnded())
        for _ in range(200_000):
            if self.end is not None:
                return self.end
            self._step()
        raise AssertionError(f"the run does not end: {self.state!r}")

    def _added(self, entry: Entry) -> Tick:
        return Added((entry,))

    def _step(self) -> None:
        if self.chances.cancel and self.rng.random() < self.chances.cancel and self.records:
            self.tick(Cancel(self.rng.choice(list(self.records))))
        elif self.pending:
            tick = self.pending.pop(self.rng.randrange(len(self.pending)))()
            if tick is not None:
                self.tick(tick)
        else:
            due = self.state.next_timer()
            assert due is not None, f"nothing can happen and the run is not over: {self.state!r}"
            self.now = max(self.now, due)
            self.tick(Clock())

    def tick(self, tick: Tick) -> None:
        self.now += 0.001
        before = {k: dict(r.used) for k, r in self.records.items() if r.used is not None}
        self.invalidated = set()
        rejected = tick.step if isinstance(tick, (Judged, Finished)) and _is_fail(tick) else None
        expected = self._closure(rejected, before) if rejected is not None else set()
        self.was_rejected = False
        for command in reduce(self.state, tick, self.now):
            self.log.append(command)
            self._perform(command)
        self._forget_removed()
        if self.was_rejected and not self.dynamic:
            assert self.invalidated == expected, f"after {rejected}: {self.invalidated} re-run, not {expected}"
        limit = self.settings.max_parallel_steps
        assert not limit or len(set(map(self._call_of, self.running))) <= limit

    def _forget_removed(self) -> None:
        for name in [name for name in self.records if name not in self.state.cells]:
            del self.records[name]
            self.running.pop(name, None)

    def _call_of(self, step: str) -> tuple[str, ...]:
        return next(c for c in reversed(self.calls) if step in c)

    def _closure(self, source: str, used: dict[str, dict[str, int]]) -> set[str]:
        """Every step whose last call used, directly or not, the value that `source` had.

        A step skipped only because of such steps may now run, so whoever did without it counts too.
        """
        reach: set[str] = {source}
        found: set[str] = set()
        grows = True
        while grows:
            grows = False
            for name, record in self.records.items():
                if name in reach or record.status == "cancelled":
                    continue
                if name in used and reach & used[name].keys():
                    found.add(name)
                elif record.status != "skipped" or not self._blocked_only_by(record, reach):
                    continue
                reach.add(name)
                grows = True
        return found

    def _blocked_only_by(self, record: Record, reach: set[str]) -> bool:
        sources = {name: self.records[name] for name in record.entry.edges if name in self.records}
        dead = {n for n, s in sources.items() if s.status in ENDED_BADLY and not s.entry.step.optional}
        return bool(dead) and dead <= reach

    # ---- performing

    def _perform(self, command: Command) -> None:
        match command:
            case Start():
                self._start(command)
            case Stop():
                self.running.pop(command.step, None)
            case Verify():
                self.pending.append(lambda: self._judge(command.step, command.epoch))
            case Ask():
                self.pending.append(lambda: self._answer(command))
            case Expand():
                self.pending.append(lambda: self._expand(command))
            case Collect():
                for part in command.parts:
                    record = self.records[part]
                    lacks = record.entry.step.optional and record.status in ENDED_BADLY
                    assert record.done or lacks, f"{command.step} collected before {part} was done"
                self.pending.append(lambda: self._collected(command))
            case End():
                self.end = command
                self._check_end(command)
            case Idle():
                assert self.pending, "idle although nobody was asked"
            case StepAdded():
                cell = self.state.cells[command.step]
                self.records[command.step] = Record(Entry(cell.step, cell.edges, cell.traits))
            case StepFinished():
                record = self.records[command.step]
                record.status, record.caused_by = command.status, command.caused_by
                record.done = False
                if command.status == "failed" and record.used is None:
                    record.used = record.used_when_rejected
                self.running.pop(command.step, None)
            case StepInvalidated():
                self.invalidated.add(command.step)
                record = self.records[command.step]
                record.epoch, record.done, record.verified, record.used = command.epoch, False, None, None
                record.status = record.caused_by = None
                self.running.pop(command.step, None)
            case StepVerified():
                record = self.records[command.step]
                record.verified = command.verdict
                if command.verdict == "fail":
                    self.was_rejected = True
                    record.done = False
                    record.version += 1
                    record.epoch = self.state.cells[command.step].epoch
                    record.used, record.used_when_rejected = None, record.used
            case _:
                pass

    def _start(self, command: Start) -> None:
        ids = tuple(call.step for call in command.calls)
        self.calls.append(ids)
        for call in command.calls:
            record = self.records[call.step]
            assert call.step not in self.running, f"{call.step} started twice"
            assert not record.done, f"{call.step} started although it has a result"
            record.epoch, record.status, record.runs = call.epoch, None, record.runs + 1
            record.used = {}
            for name in record.entry.edges:
                assert name in self.records, f"{call.step} started although {name} is not there"
                source = self.records[name]
                may_lack = source.entry.step.optional and source.status in ENDED_BADLY
                assert source.done or may_lack, f"{call.step} started before its input {name}"
                record.used[name] = source.version
            if record.entry.traits.effect == "write":
                self._check_write(call.step)
                record.writes += 1
            self.running[call.step] = call.epoch
        self.peak = max(self.peak, len({self._call_of(s) for s in self.running}))
        merged = len(ids) > 1 and self.rng.random() < self.chances.merge_fails
        for call in command.calls:
            self.pending.append(lambda call=call: self._outcome(call.step, call.epoch, merged))

    def _check_write(self, step: str) -> None:
        record = self.records[step]
        wants = record.entry.step.approval or (record.entry.step.approval is None and record.entry.traits.destructive)
        unsure = False
        for name in self.ancestors(step):
            source = self.records[name]
            ended = source.status in ENDED_BADLY
            is_list = source.entry.step.for_each is not None and source.status is None
            if is_list or (ended and name not in self.running):
                continue  # a step of a paired for_each needs its item, not the whole list
            assert source.done, f"write {step} started while its ancestor {name} has no result"
            assert source.verified in ("pass", "unsure", None if self.off(name) else "pass"), (step, name, source)
            unsure = unsure or source.verified == "unsure"
        assert record.granted or not (wants or unsure), f"write {step} started without approval"

    def off(self, step: str) -> bool:
        return (self.records[step].entry.step.verify or self.settings.verify) == "off" or (
            self.records[step].entry.step.for_each is not None
        )

    def ancestors(self, step: str) -> set[str]:
        found: set[str] = set()
        stack = [step]
        while stack:
            top = stack.pop()
            kids = [n for n, r in self.records.items() if r.entry.step.parent == top] if self.dynamic else []
            for name in (*self.records[top].entry.edges, *kids):
                if name not in found and name in self.records:
                    found.add(name)
                    stack.append(name)
        return found

    def _outcome(self, step: str, epoch: int, merged: bool) -> Tick | None:
        record = self.records.get(step)
        if record is None or self.running.get(step) != epoch:
            return None
        if merged:
            del self.running[step]
            record.used = None
            return Failed(step, epoch, Failure("the merged call failed"), merged=True)
        draw = self.rng.random()
        is_write = record.entry.traits.effect == "write"
        if draw < self.chances.fail:
            return Failed(step, epoch, Failure("it broke"))
        if draw < self.chances.fail + self.chances.transient:
            del self.running[step]
            unknown = is_write and self.rng.random() < self.chances.in_doubt
            return Failed(step, epoch, Failure("busy", transient=True, overloaded=True, outcome_unknown=unknown))
        del self.running[step]
        record.done, record.status = True, "ok"
        inline = self.rng.random() < 0.3
        return Finished(step, epoch, self._verdict(step) if inline else None)

    def _verdict(self, step: str) -> Verdict:
        draw = self.rng.random()
        if draw < self.chances.reject:
            return Verdict("fail", "not good enough", ("test",))
        return Verdict("unsure" if draw < self.chances.reject + self.chances.unsure else "pass", "", ("test",))

    def _judge(self, step: str, epoch: int) -> Tick | None:
        return Judged(step, epoch, self._verdict(step)) if step in self.records else None

    def _answer(self, ask: Ask) -> Tick | None:
        granted = self.rng.random() >= self.chances.refuse
        record, cell = self.records.get(ask.step), self.state.cells.get(ask.step)
        if record is None or cell is None or cell.status.value not in ("asking", "in_doubt"):
            return Answered(ask.step, granted)
        if ask.kind == "step":
            record.granted = granted
        elif granted:
            record.done, record.status, record.verified = True, "ok", "pass"
        return Answered(ask.step, granted)

    def _expand(self, command: Expand) -> Tick | None:
        record = self.records.get(command.step)
        if record is None:
            return None
        if self.rng.random() < self.chances.fail / 3:
            return Failed(command.step, command.epoch, Failure("no list"))
        step = record.entry.step
        if command.pairs_with is not None:
            kids = paired_children(step, command.pairs_with, (), command.count)
        else:
            kids = children(step, list(range(self.rng.randrange(4))))
        known = frozenset(kid.id for kid in kids) | {name for name in self.state.cells if "[" in name}
        entries = tuple(Entry(kid, edges(kid, known), record.entry.traits) for kid in kids)
        return Expanded(command.step, command.epoch, entries)

    def _collected(self, command: Collect) -> Tick | None:
        record = self.records.get(command.step)
        cell = self.state.cells.get(command.step)
        if record is None or cell is None or cell.epoch != command.epoch or cell.status.value != "running":
            return None
        record.done, record.status, record.epoch, record.verified = True, "ok", command.epoch, "pass"
        record.used = {}
        return Finished(command.step, command.epoch)

    # ---- the end

    def _check_end(self, end: End) -> None:
        self._forget_removed()
        for name, record in self.records.items():
            ended = record.status in ("ok", "failed", "skipped", "cancelled")
            assert ended, f"{name} is not terminal at the end: {record}"
            if record.status == "ok":
                assert record.done
            if record.status == "skipped":
                cause = record.caused_by
                assert cause in self.ancestors(name), f"{name} was skipped because of {cause}, no ancestor"
                assert self.records[cause].status in ("failed", "cancelled")
            if record.status == "ok":
                for source in record.entry.edges:
                    assert self.records[source].done or self.records[source].entry.step.optional or self.dynamic


def _is_fail(tick: Judged | Finished) -> bool:
    return tick.verdict is not None and tick.verdict.status == "fail"


def entry(step: Step, **traits: object) -> Entry:
    return Entry(step, edges(step), Traits(**traits))  # type: ignore[arg-type]


def random_dag(rng: random.Random, count: int, *, writes: float = 0.2, dynamic: bool = False) -> list[Entry]:
    """A DAG in any order of definition, with some writes, approvals, optional steps and batch forms."""
    density = rng.choice((0.5, 1.0, 2.0))
    entries: list[Entry] = []
    for number in range(count):
        if dynamic and rng.random() < 0.3:
            entries.append(_unfolding(rng, number, entries))
            continue
        wanted = min(number, int(rng.expovariate(1 / density)) if rng.random() < 0.9 else 5)
        dependencies = tuple(f"s{d}" for d in sorted(rng.sample(range(number), wanted)))
        is_write = rng.random() < writes
        step = Step(
            id=f"s{number}",
            action=rng.choice(("a", "b")),
            dependencies=dependencies,
            optional=rng.random() < 0.15,
            approval=rng.choice((None, None, None, True, False)) if is_write else None,
            verify=rng.choice((None, None, None, "off", "blocking")),
        )
        effect = "write" if is_write else rng.choice(("pure", "read"))
        batch = 0 if is_write or rng.random() < 0.5 else 4
        entries.append(
            entry(
                step,
                effect=effect,
                batch_limit=batch,
                batch_growth=rng.choice((0.0, 0.5)),
                destructive=is_write and rng.random() < 0.3,
                idempotent=is_write and rng.random() < 0.3,
                duration_s=rng.choice((1.0, 5.0)),
            )
        )
    if rng.random() < 0.3:
        rng.shuffle(entries)
    return entries


def _unfolding(rng: random.Random, number: int, before: list[Entry]) -> Entry:
    """A for_each over a list that an earlier step gives, or paired with an earlier for_each."""
    leaders = [e.step.id for e in before if e.step.for_each is not None]
    step_id = f"s{number}"
    if leaders and rng.random() < 0.5:
        over = f"${{{rng.choice(leaders)}[*]}}"
    elif before:
        over = f"${{{rng.choice(before).step.id}}}"
    else:
        over = "${inputs.list}"
    others = [e.step.id for e in before if rng.random() < 0.1]
    step = Step(
        id=step_id,
        action=rng.choice(("a", "b")),
        for_each=over,
        parameters={"n": "${item}"},
        dependencies=tuple(others),
        optional=rng.random() < 0.3,
    )
    is_write = rng.random() < 0.2
    return entry(step, effect="write" if is_write else "read", batch_limit=0 if is_write else 4)
