"""Messages between the agents of a run. Rule: mailboxes are bounded, and a sender is told when one was full.

A message is in the events of the run before its receiver can see it. A receiver is the id of a step; `*` is everyone
else. What is in a message is data, never an instruction.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from ...errors import ToolError
from ...events import AgentMessage
from ..results import plain

Kind = Literal["request", "response", "data", "error"]
EVERYONE = "*"
ROOM = 100
LONGEST = 32_768


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a message: who has it, and whose mailbox was full."""

    id: str
    correlation: str
    reached: tuple[str, ...]
    full: tuple[str, ...]


class Hub:
    """The mailboxes of one run. `members` gives the steps that have one; `report` records a message, durably."""

    def __init__(
        self, members: Callable[[], Collection[str]], report: Callable[[AgentMessage], None], *, room: int = ROOM
    ) -> None:
        self._members = members
        self._report = report
        self._room = room
        self._boxes: dict[str, deque[AgentMessage]] = defaultdict(deque)
        self._arrived: dict[str, asyncio.Event] = {}
        self._count = 0

    def send(self, sender: str, receiver: str, kind: Kind, body: Any, correlation: str = "") -> Sent:
        """Sends a message; its own id is the correlation when none is given.

        Raises:
            ToolError: nobody has this name, or the message is too long.
        """
        body = plain(body, where="body")
        if len(str(body)) > LONGEST:
            raise ToolError(f"expected a message of at most {LONGEST:,} characters, got {len(str(body)):,}")
        others = [name for name in self._members() if name != sender]
        if receiver != EVERYONE and receiver not in others:
            raise ToolError(f"expected a receiver among {', '.join(others) or 'nobody'} or *, got {receiver!r}")
        wanted = others if receiver == EVERYONE else [receiver]
        reached = tuple(name for name in wanted if len(self._boxes[name]) < self._room)
        self._count += 1
        number = f"{sender}-{self._count}"
        message = AgentMessage(number, sender, receiver, kind, body, correlation or number, reached)
        self._report(message)
        self._deliver(message)
        return Sent(number, message.correlation, reached, tuple(name for name in wanted if name not in reached))

    def take(self, member: str, correlation: str = "") -> list[AgentMessage]:
        """What is in a mailbox, oldest first, taken out; of one correlation when it is given."""
        box = self._boxes[member]
        found = [message for message in box if correlation in ("", message.correlation)]
        self._boxes[member] = deque(message for message in box if message not in found)
        return found

    async def receive(self, member: str, correlation: str = "", *, wait_s: float = 0.0) -> list[AgentMessage]:
        """As `take`, after waiting up to `wait_s` seconds for something to take; empty when nothing came."""
        found = self.take(member, correlation)
        try:
            async with asyncio.timeout(wait_s):
                while not found:
                    arrived = self._arrived.setdefault(member, asyncio.Event())
                    arrived.clear()
                    await arrived.wait()
                    found = self.take(member, correlation)
        except TimeoutError:
            return found
        return found

    def restore(self, messages: Iterable[AgentMessage]) -> None:
        """Puts messages of an earlier stretch of the run back into the mailboxes."""
        for message in messages:
            self._count += 1
            self._deliver(message)

    def drop(self, member: str, ids: Collection[str]) -> None:
        """Takes out what a member is known to have received already."""
        self._boxes[member] = deque(message for message in self._boxes[member] if message.id not in ids)

    def _deliver(self, message: AgentMessage) -> None:
        for name in message.reached:
            self._boxes[name].append(message)
            if name in self._arrived:
                self._arrived[name].set()
