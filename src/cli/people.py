"""Asks the person at the terminal. Rule: one question at a time, answered by one key, while the run goes on."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, Literal

from ..events import ApprovalAsked
from .screen import Screen

Approve = Callable[[ApprovalAsked], Awaitable[bool | None]]
PROMPT = "  Press y to allow, n or Enter to refuse."
_SEQUENCE = re.compile(r"\x1b[\[O][0-9;]*[A-Za-z~]")  # arrow and function keys
DOUBT = "  Press y if it happened, n or Enter if not."


async def grant(asked: ApprovalAsked) -> bool | None:
    """Says yes to every approval, but claims nothing about what nobody saw: a write in doubt stays open."""
    return None if asked.kind == "in_doubt" else True


async def leave_open(asked: ApprovalAsked) -> bool | None:
    """Answers nothing."""
    return None


class Person:
    """Puts approvals to the person at `keyboard`, in the order in which they come."""

    def __init__(self, screen: Screen, keyboard: IO[str]) -> None:
        self._screen = screen
        self._keyboard = keyboard
        self._turn = asyncio.Lock()

    async def approve(self, asked: ApprovalAsked) -> bool | None:
        """The person's answer; None when the keyboard was closed. Safe to cancel."""
        async with self._turn:
            with _single_keys(self._keyboard):  # before the question shows: keys typed earlier are no answer to it
                self._screen.say(PROMPT if asked.kind != "in_doubt" else DOUBT)
                try:
                    return await self._answer()
                finally:
                    self._screen.say("")

    async def _answer(self) -> bool | None:
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[bool | None] = loop.create_future()

        def pressed() -> None:
            answer = meaning(_read_keys(self._keyboard))
            if answer != "other" and not answered.done():
                answered.set_result(answer)

        loop.add_reader(self._keyboard, pressed)
        try:
            return await answered
        finally:
            loop.remove_reader(self._keyboard)


def meaning(keys: str) -> bool | Literal["other"] | None:
    """What keys answer: the first that means yes or no decides; None: the keyboard is gone; `other`: no answer yet."""
    if keys == "":
        return None
    keys = _SEQUENCE.sub("", keys)
    answers = {"y": True, "n": False, "\n": False, "\r": False, "\x1b": False}
    return next((answers[key] for key in keys.lower() if key in answers), "other")


def _read_keys(keyboard: IO[str]) -> str:
    import os

    return os.read(keyboard.fileno(), 32).decode("utf-8", "replace")


@contextmanager
def _single_keys(keyboard: IO[str]) -> Iterator[None]:
    """Keys arrive one by one and unseen inside the block; Ctrl-C still interrupts."""
    import termios
    import tty

    before = None
    with suppress(termios.error):
        before = termios.tcgetattr(keyboard)
        tty.setcbreak(keyboard.fileno())
    try:
        yield
    finally:
        if before is not None:
            termios.tcsetattr(keyboard, termios.TCSADRAIN, before)


def approver(screen: Screen, *, grants_all: bool, asks: bool) -> Approve:
    """How approvals are answered: all granted, asked of the person (where terminals give single keys), or left open."""
    from importlib.util import find_spec

    if grants_all:
        return grant
    return Person(screen, sys.stdin).approve if asks and find_spec("termios") else leave_open
