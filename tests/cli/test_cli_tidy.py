"""What tools, files and goals put into a run never reaches the terminal as a command, nor reads as what it is not."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from planloom.cli.tidy import tidy
from planloom.events import ApprovalAsked, Event, Notice, StepFinished

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m safe\u202egnp.exe\u202c\x08\x08"
BAD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")


def test_events_are_shown_with_printable_texts_and_results_stay_as_they_are() -> None:
    def shown(payload: Any) -> Any:
        return tidy(Event(1, 0.0, "s", "r", payload)).payload

    asked = shown(ApprovalAsked("s", "step", f"Run {EVIL}?", {f"a{EVIL}": ["x", EVIL]}))
    ((name, told),) = asked.arguments.items()
    assert not BAD.search("".join((asked.question, name, *told)))
    assert "safegnp.exe" in asked.question
    ended = shown(StepFinished("s", "ok", 0, 1, 0.0, error=EVIL, value={"text": EVIL}))
    assert not BAD.search(ended.error)
    assert ended.value == {"text": EVIL}


def test_an_event_without_anything_to_hide_is_the_same_one() -> None:
    event = Event(1, 0.0, "s", "r", Notice("Grüße 数据"))
    assert tidy(event) is event


def test_nothing_a_run_prints_controls_the_terminal(place: Any, step: Callable[..., dict[str, Any]]) -> None:
    plan = place.plan(
        step("a", "demo.say", text=EVIL),
        step("b", "demo.fail", text=EVIL),
        step("w", "demo.save", name=f"n{EVIL}.md", text=EVIL),
        goal=f"try {EVIL}",
        answer="It says ${a}",
    )
    for more in ((), ("--yes",), ("--quiet",)):
        done = place.run("run", "--plan", plan, *more)
        assert done.returncode in (1, 3)
        assert "safe" in done.stdout + done.stderr
        assert not BAD.search(done.stdout + done.stderr), (more, done.stdout, done.stderr)


def test_an_error_about_a_goal_is_printable_too(place: Any) -> None:
    done = place.run("run", f"do {EVIL}")
    assert done.returncode == 2
    assert not BAD.search(done.stdout + done.stderr)
