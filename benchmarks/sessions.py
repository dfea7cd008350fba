"""What does a session cost: on disk, to save a turn, to load, and while it is idle? Beside LangGraph's saver and JSON.

`python -m benchmarks.sessions --json OUT`. `mb_200x5k` is the whole state folder after a real run of 200 steps that
give 5 KB each; the saver's figure is a graph whose state is a dict of the same results. A turn of a session is a goal,
three steps with results and an answer, all of real English text; JSON is the same events, compact, rewritten by way of
a new file as one does. `write_share` counts the system calls that write, for steps with progress and an answer in
pieces, against saving each change. Times are medians of turns side by side in one process.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from planloom import events
from planloom.clock import SystemClock
from planloom.config import Sessions as Settings
from planloom.events import Event, Payload
from planloom.memory.journal import Journal, compact, read
from planloom.memory.sessions.state import folded

from .harness import Measured, Target, main

RUN = "20260101-120000-abcdef"
STEPS, RESULT_BYTES = 200, 5_000
WINDOW = 40


def passages() -> list[str]:
    """Paragraphs of English: those that come with Python, in its manual and its modules' descriptions."""
    from pydoc_data import topics

    texts = list(topics.topics.values())
    for path in sorted(Path(os.__file__).parent.glob("**/*.py"))[:900]:
        if "site-packages" not in path.parts and "test" not in path.parts:
            texts += re.findall(r'"""(.*?)"""', path.read_text(encoding="utf-8", errors="ignore"), re.DOTALL)
    return list({part.strip() for text in texts for part in text.split("\n\n") if len(part) > 60})


class Turns:
    """Turns of a conversation. No paragraph comes twice before all have come once."""

    def __init__(self) -> None:
        self._chance = random.Random(1)
        self._texts = sorted(passages())
        self._chance.shuffle(self._texts)
        self._next = itertools.cycle(self._texts).__next__

    def text(self, size: int) -> str:
        """English text of a size."""
        text = self._next()
        while len(text) < size:
            text += "\n\n" + self._next()
        return text[:size]

    def rows(self, count: int) -> list[dict[str, Any]]:
        """Rows of a table as tools give them."""
        chance = self._chance
        return [
            {
                "name": f"item {n}",
                "amount": round(chance.uniform(0, 1e4), 2),
                "share": chance.random(),
                "ok": n % 2 == 0,
            }
            for n in range(count)
        ]

    def groups(self, number: int) -> Iterator[list[Payload]]:
        """The events of one turn, in the groups that are committed together."""
        yield [events.RunStarted(self.text(100), {}, "model", {"schedule": "dataflow"})]
        yield [events.StepAdded(f"s{n}", "text.summary", (), "read") for n in range(3)]
        for n, value in enumerate((self.text(400), self.rows(8), {"text": self.text(200), "pages": number})):
            yield [events.StepStarted(f"s{n}", 1, 0)]
            yield [finished(f"s{n}", value), events.StepVerified(f"s{n}", 0, "pass", "", ("schema",))]
        yield [events.RunFinished("done", "", self.text(700), 2.5, {"usd": 0.01, "tokens": 1200, "model_calls": 2})]


def finished(step: str, value: Any) -> events.StepFinished:
    return events.StepFinished(step, "ok", 0, 1, 0.731, digest="0123456789abcdef" * 2, value=value, key="fedcba" * 5)


def timed(work: Callable[[], Any]) -> float:
    """Microseconds that `work` takes."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1e6


def save_turn(journal: Journal, turns: Turns, number: int) -> float:
    """Microseconds of saving a turn; making its text does not count."""
    groups = list(turns.groups(number))

    def save() -> None:
        for group in groups:
            for payload in group:
                journal.append(payload, f"{RUN}-{number}")
            journal.commit()

    return timed(save)


def folder_mb(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


# ---- one long session


def long_session(folder: Path, turns: int) -> dict[str, float]:
    """Saves `turns` turns; what early and late ones take, and loading all of them."""
    made = Turns()
    journal = Journal(folder / "long", "long", SystemClock())
    times = [save_turn(journal, made, number) for number in range(turns)]
    journal.close()
    early, late = times[5 : 5 + WINDOW], times[-WINDOW - 5 : -5]
    reopened = timed(lambda: Journal(folder / "long", "long", SystemClock()).close())
    loading = timed(lambda: folded(read(folder / "long")))
    return {
        "turn_10_us": statistics.median(early),
        "turn_last_us": statistics.median(late),
        "turn_p99_us": statistics.quantiles(times, n=100)[98],
        "open_us": reopened,
        "load_ms": loading / 1e3,
    }


def against_json(folder: Path, turns: int) -> dict[str, float]:
    """The same session as a journal, as a compacted one, and as one JSON file that is rewritten for each turn."""
    made = Turns()
    journal = Journal(folder / "s", "s", SystemClock())
    known: list[Event] = []
    journal.listen(known.append)
    ours = [save_turn(journal, made, number) for number in range(turns)]
    theirs = [timed(lambda: rewrite(folder / "s.json", known)) for _ in range(5)]
    journal.close()
    plain = folder_mb(folder / "s")
    compact(folder / "s", SystemClock())
    size = (folder / "s.json").stat().st_size / 1e6
    return {
        "save_turn_us": statistics.median(ours[-WINDOW:]),
        "rewrite_json_us": statistics.median(theirs),
        "journal_mb": plain,
        "compacted_mb": folder_mb(folder / "s"),
        "json_mb": size,
    }


def rewrite(path: Path, known: list[Event]) -> None:
    """What saving a session as JSON is: all of it, into a new file that takes the old one's place."""
    data = {"session_id": "s", "events": [event.to_dict() for event in known]}
    new = path.with_suffix(".new")
    new.write_text(json.dumps(data, separators=(",", ":"), ensure_ascii=False), encoding="utf-8")
    new.replace(path)


def append_us(folder: Path, steps: int, fsync: str) -> float:
    """Microseconds of a journaled step: started in one group, finished and verified in the next."""
    journal = Journal(folder / f"steps-{fsync}", "s", SystemClock(), Settings(fsync=fsync))
    for number in range(steps):
        journal.append(events.StepAdded(f"s{number}", "t", (), "read"), RUN)
    journal.commit()

    def step(number: int) -> None:
        journal.append(events.StepStarted(f"s{number}", 1, 0), RUN)
        journal.commit()
        journal.append(finished(f"s{number}", {"text": "x" * 200, "n": number}), RUN)
        journal.append(events.StepVerified(f"s{number}", 0, "pass", "", ("schema",)), RUN)
        journal.commit()

    taken = [timed(lambda n=number: step(n)) for number in range(steps)]
    journal.close()
    return statistics.median(taken)


# ---- writes


def stream(save: Callable[[Payload, bool], None]) -> None:
    """Thirty steps that report five times each, and an answer of 400 pieces; `save(payload, is_last_of_group)`."""
    for number in range(30):
        save(events.StepAdded(f"s{number}", "t", (), "read"), number == 29)
    for number in range(30):
        save(events.StepStarted(f"s{number}", 1, 0), True)
        for part in range(5):
            save(events.StepProgress(f"s{number}", part, 5, ""), True)
        save(finished(f"s{number}", number), False)
        save(events.StepVerified(f"s{number}", 0, "pass", "", ("schema",)), True)
    for _ in range(400):
        save(events.AnswerToken("word "), True)
    save(events.RunFinished("done", "", "word " * 400, 1.0, {}), True)


def writes(folder: Path, settings: Settings, *, grouped: bool) -> int:
    """System calls that wrote."""
    journal = Journal(folder, folder.name, SystemClock(), settings)

    def save(payload: Payload, is_last: bool) -> None:
        journal.append(payload, RUN)
        if is_last or not grouped:
            journal.commit()

    before = _written()
    stream(save)
    counted = _written() - before
    own = journal.writes
    journal.close()
    return counted if before >= 0 else own


def _written() -> int:
    """Write calls of this process so far, -1 where the system does not tell."""
    try:
        lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    except OSError:
        return -1
    return next(int(line.split()[1]) for line in lines if line.startswith("syscw"))


# ---- whole runs, and LangGraph's saver


async def run_200(folder: Path) -> float:
    """Megabytes of the state folder after a run of 200 steps that give 5 KB each."""
    from planloom import Config, Plan, Planloom, Step, tool

    made = Turns()

    @tool(effect="read", name="bench.give")
    def give(n: int) -> str:
        """Gives a text."""
        return f"{n:05}" + made.text(RESULT_BYTES - 5)

    steps = tuple(Step(id=f"s{n}", action="bench.give", parameters={"n": n}) for n in range(STEPS))
    config = Config(state=str(folder / "state"), out=str(folder / "out"), workspace=str(folder))
    async with Planloom(config, tools=[give]) as loom:
        result = await loom.run(plan=Plan(goal="give", steps=steps, answer="done"))
    assert result.status == "done"
    return folder_mb(folder / "state")


async def saver_200(path: Path, steps: int) -> tuple[float, float]:
    """Megabytes, and milliseconds a step, of a graph with AsyncSqliteSaver whose state is a dict of results."""
    from operator import or_
    from typing import Annotated, TypedDict

    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
    from langgraph.graph import END, START, StateGraph

    made = Turns()

    results: Any = TypedDict("results", {"results": Annotated[dict[str, str], or_]})

    def give(state: Any) -> dict[str, Any]:
        return {"results": {f"s{len(state['results'])}": made.text(RESULT_BYTES)}}

    graph = StateGraph(results)
    graph.add_node("give", give)
    graph.add_edge(START, "give")
    graph.add_conditional_edges("give", lambda state: END if len(state["results"]) >= steps else "give")
    async with AsyncSqliteSaver.from_conn_string(str(path)) as saver:
        began = time.perf_counter()
        config: Any = {"configurable": {"thread_id": "1"}, "recursion_limit": steps + 5}
        await graph.compile(checkpointer=saver).ainvoke({"results": {}}, config, durability="sync")
        seconds = time.perf_counter() - began
    return folder_mb(path.parent), seconds / steps * 1e3


# ---- idle sessions

IDLE = """
import gc, os, sys
from pathlib import Path
import psutil
from planloom.clock import SystemClock
from planloom.config import Sessions as Settings
from planloom.memory.sessions import Sessions
from benchmarks.sessions import Turns

turns, count = Turns(), int(sys.argv[2])
sessions = Sessions(Path(sys.argv[1]), Settings(fsync="never"), SystemClock())
warm = sessions.open("warm"); warm.say("user", "hello"); sessions.close()
gc.collect(); before = psutil.Process().memory_info().rss
handles = [sessions.open() for _ in range(count)]
for number, handle in enumerate(handles):
    for turn in range(3):
        for group in turns.groups(turn):
            handle.add(*group, run_id=f"run-{number}-{turn}")
gc.collect(); idle = psutil.Process().memory_info().rss
assert all(len(handle.state.messages) == 6 for handle in handles)
assert len({handle.id for handle in handles}) == count
print((idle - before) / 1e6)
"""


def idle_mb(folder: Path, count: int) -> float:
    """Megabytes that sessions take, all opened and used, in a process of its own."""
    command = [sys.executable, "-c", IDLE, str(folder), str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
    return float(done.stdout)


def measure(args: argparse.Namespace) -> Measured:
    """All figures, each in a folder of its own."""
    turns = 1_000 if args.quick else 10_000
    with tempfile.TemporaryDirectory(prefix="planloom-") as name:
        root = Path(name)
        long = long_session(root / "a", turns)
        other = against_json(root / "b", 300 if args.quick else 1_000)
        appended = {policy: append_us(root / "c", 2_000, policy) for policy in ("interval", "always", "never")}
        behind = writes(root / "d" / "behind", Settings(), grouped=True)
        each = writes(root / "d" / "each", Settings(save_interval_s=0), grouped=False)
        mb = asyncio.run(run_200(root / "e"))
        (root / "f").mkdir()
        saver_mb, saver_ms = asyncio.run(saver_200(root / "f" / "saver.sqlite", 50 if args.quick else STEPS))
        idle = idle_mb(root / "g", 200 if args.quick else 1_000)
    measured = {
        **{f"long: {name}": value for name, value in long.items()},
        **{f"json: {name}": value for name, value in other.items()},
        **{f"append_us, fsync {policy}": value for policy, value in appended.items()},
        "writes: behind": behind,
        "writes: each change": each,
        "AsyncSqliteSaver: mb": saver_mb,
        "AsyncSqliteSaver: ms_per_step": saver_ms,
    }
    return measured, [
        Target("mb_200x5k", mb, "<=", 1.3),
        Target("turn_growth", long["turn_last_us"] / long["turn_10_us"], "<=", 1.2),
        Target("append_us", appended["interval"], "<=", 70),
        Target("faster_than_json", other["rewrite_json_us"] / other["save_turn_us"], ">=", 50),
        Target("size_vs_json", other["journal_mb"] / other["json_mb"], "<=", 0.9),
        Target("compressed_vs_json", other["compacted_mb"] / other["json_mb"], "<=", 0.35),
        Target("idle_1000_mb", idle, "<=", 50),
        Target("write_share", behind / each, "<=", 0.3),
    ]


if __name__ == "__main__":
    main(__doc__ or "", measure)
