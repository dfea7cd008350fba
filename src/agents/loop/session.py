"""One agent at work on one step: its turns, its tool calls, its limits. Rule: whatever the model says is handled.

langchain's loop asks here before each call of the model and of a tool (`governor`); a turn that is on record is
played back, so an interrupted agent goes on where it was.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...errors import BudgetError, JournalError, ModelError, PlanloomError, ToolError, WaitingError
from ...events import AgentTurn
from ...models.fence import new_mark
from ...models.structured import parse, without_thoughts
from ..roster.agent import Agent
from ..tool import Tool
from . import talk
from .thread import Call, Invoke, Returned, Thread
from .wire import nearest, same_call

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage, AnyMessage

MOST_CALLS = 16  # of one turn; a model that wants more is told so
SAME = 3  # times the same call is made
_NUDGES = 2  # times an unusable reply is asked for again
_WRITTEN = re.compile(r"<tool_call>\s*(\{.*?\})\s*</tool_call>", re.DOTALL)
_AGAIN = frozenset({"hub.receive"})  # calls that may well give something else the next time
_SENDS = frozenset({"hub.send"})  # calls whose results hold nothing that others wrote

Ask = Callable[[list[Any], bool], Any]  # messages, whether it is the last turn -> an awaitable AIMessage


@dataclass(slots=True)
class Wanted:
    """A tool call of a reply. `fault` says why it can't be made, empty: it can."""

    id: str
    tool: str
    arguments: Mapping[str, Any]
    fault: str = ""


@dataclass(slots=True)
class Session:
    """What one conversation needs; `tools` are by the name the model knows them by."""

    agent: Agent
    step: str
    invoke: Invoke
    thread: Thread
    tools: Mapping[str, Tool]
    tainted: bool = False
    mark: str = field(default_factory=new_mark)
    turns: int = 0
    tokens: int = 0
    numbered: int = 0
    answer: str = ""
    data: Any = None
    stopped: str = ""
    is_stuck: bool = False
    wanted: dict[str, Wanted] = field(default_factory=dict)
    used: list[dict[str, str]] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    broken: PlanloomError | None = None
    _seen: Counter[str] = field(default_factory=Counter)
    _was_tainted: bool = False

    # ---- turns

    async def turn(self, messages: Sequence[AnyMessage], ask: Ask) -> AIMessage:
        """The model's next reply: from the record, else asked for, with its calls numbered.

        Raises:
            WaitingError: calls of the last turn wait for people.
            ModelError: the model answers nonsense again and again.
            ToolError: a limit ended the work before there was an answer.
        """
        if self.broken is not None:
            raise self.broken
        if self.waiting:
            names = ", ".join(self.waiting)
            raise WaitingError(f"waits for an answer to: {names}", asked=self.waiting)
        self._was_tainted = self.tainted
        is_last = self._is_last()
        if self.turns < len(self.thread.turns):
            turn = self.thread.turns[self.turns]
        else:
            turn = await self._asked(list(messages), ask, is_last=is_last)
            self.invoke.record(turn)
        self.turns += 1
        self.tokens += turn.tokens
        return self._taken(turn)

    async def _asked(self, messages: list[Any], ask: Ask, *, is_last: bool) -> AgentTurn:
        from langchain_core.messages import HumanMessage

        self._check_tokens()
        if is_last:
            messages.append(HumanMessage(talk.LAST))
        used = 0
        fault = ""
        for _ in range(_NUDGES + 1):
            reply = await ask(messages, is_last)
            used += _tokens_of(reply)
            text = without_thoughts(reply.text)
            calls = () if is_last else self._calls_of(reply, text)
            fault = "" if calls else self._fault(text, reply)
            if not fault:
                return AgentTurn(
                    self.step, self.agent.name, self.thread.key, self.turns + 1, _without_calls(text), calls, used
                )
            messages = [*messages, *([reply] if text else []), HumanMessage(fault)]
        raise ModelError(
            f"{self.agent.action}: the model's reply was not usable three times: {fault[:200]}", kind="reply"
        )

    def _check_tokens(self) -> None:
        limit = self.agent.limits.tokens
        if limit and self.tokens >= limit:
            raise ToolError(
                f"{self.agent.action}: expected an answer within {limit:,} tokens, got none after {self.tokens:,}; "
                "give it a smaller task, or raise limits.tokens in its file"
            )

    def _is_last(self) -> bool:
        """Whether no further turn fits: steps, tokens (a turn takes about what others did), or it goes in circles."""
        limits = self.agent.limits
        per_turn = self.tokens // self.turns if self.turns else 0
        if self.turns + 1 >= limits.max_steps:
            self.stopped = f"its limit of {limits.max_steps} steps"
        elif limits.tokens and self.turns and self.tokens + 2 * per_turn >= limits.tokens:
            self.stopped = f"its limit of {limits.tokens:,} tokens"
        elif self.is_stuck:
            self.stopped = "it made the same call again and again"
        return bool(self.stopped)

    def _fault(self, text: str, reply: AIMessage) -> str:
        """What is wrong with an answer, as the model is told; empty: nothing."""
        if not text:
            return talk.EMPTY
        if reply.response_metadata.get("finish_reason") == "length":
            return "Your reply was cut off at its limit. Answer more briefly."
        if self.agent.returns is not None:
            try:
                parse(text, self.agent.returns)
            except ModelError as error:
                return f"Your answer does not fit: {error}. Give the whole answer again."
        return ""

    def _taken(self, turn: AgentTurn) -> AIMessage:
        """A reply as langchain's loop takes it; notes its calls or its answer."""
        from langchain_core.messages import AIMessage

        names = {tool.name: name for name, tool in self.tools.items()}
        calls = []
        for call in turn.calls:
            wanted = Wanted(call["id"], call["tool"], call["arguments"], call.get("fault", ""))
            self._count(wanted)
            self.wanted[wanted.id] = wanted
            name = names.get(wanted.tool, wanted.tool)
            calls.append({"name": name, "args": dict(wanted.arguments), "id": wanted.id, "type": "tool_call"})
        self.numbered += len(calls)
        if not calls:
            self.answer = turn.text
            self.data = _data(turn.text, self.agent.returns)
        return AIMessage(content=turn.text, tool_calls=calls)

    # ---- calls in a reply

    def _calls_of(self, reply: AIMessage, text: str) -> tuple[Mapping[str, Any], ...]:
        """The calls of a reply, numbered; what can't be read is kept as a fault for the model to see."""
        found: list[tuple[str, Any, str]] = [(c["name"], c["args"], "") for c in reply.tool_calls]
        for bad in reply.invalid_tool_calls:
            found.append((bad.get("name") or "", {}, f"its arguments are no JSON object: {str(bad.get('args'))[:200]}"))
        if not found:
            found = _written(text, self.tools)
        calls = []
        for number, (name, arguments, broken) in enumerate(found, 1):
            fault = broken
            tool = self.tools.get(name) or self.tools.get(name.replace(".", "_"))
            if tool is None:
                fault = f"there is no tool {name!r}; nearest are: {nearest(name, self.tools)}"
            elif number > MOST_CALLS:
                fault = f"at most {MOST_CALLS} calls fit one reply; make this one in the next"
            place = self.thread.base + self.numbered + number
            call = {"id": f"{self.step}/{place}", "tool": tool.name if tool else name, "arguments": arguments}
            calls.append(call | ({"fault": fault} if fault else {}))
        return tuple(calls)

    def _count(self, wanted: Wanted) -> None:
        if wanted.fault or wanted.tool in _AGAIN:
            return
        same = same_call(wanted.tool, wanted.arguments)
        self._seen[same] += 1
        if self._seen[same] >= SAME:
            wanted.fault = talk.REPEATED
        self.is_stuck = self.is_stuck or self._seen[same] > SAME

    async def call(self, number: str) -> str:
        """The text that answers a call of the last turn. Errors of the run itself are kept for the next turn."""
        wanted = self.wanted[number]
        if wanted.fault:
            returned = Returned(status="failed", error=wanted.fault)
        else:
            call = Call(
                id=number,
                agent=self.agent.name,
                tool=wanted.tool,
                arguments=wanted.arguments,
                tainted=self._was_tainted,
            )
            try:
                returned = await self.invoke(self.thread, call)
            except (BudgetError, JournalError) as error:
                self.broken = error
                return ""
        if returned.status == "waiting":
            self.waiting.append(number)
            return ""
        if wanted.tool not in _SENDS:
            self.tainted = True
        self.used.append({"call": number, "tool": wanted.tool, "status": returned.status})
        return talk.result_text(wanted.tool, returned, self.mark)


def _tokens_of(reply: AIMessage) -> int:
    usage = reply.usage_metadata
    if usage is not None and usage["total_tokens"]:
        return usage["total_tokens"]
    from ...models.tokens import estimate

    return estimate(reply.text)


def _written(text: str, tools: Mapping[str, Tool]) -> list[tuple[str, Any, str]]:
    """Calls that a model wrote into its text, as models do whose server knows no tools."""
    found = []
    for piece in _WRITTEN.findall(text):
        try:
            call = json.loads(piece)
        except ValueError:
            continue
        name, arguments = str(call.get("name", "")), call.get("arguments", {})
        if name in tools and isinstance(arguments, dict):
            found.append((name, arguments, ""))
    return found


def _without_calls(text: str) -> str:
    return _WRITTEN.sub("", text).strip()


def _data(text: str, schema: Mapping[str, Any] | None) -> Any:
    """The JSON of an answer: by its schema, else when the whole answer is an object or a list."""
    try:
        if schema is not None:
            return parse(text, schema)
        found = json.loads(text.strip().removeprefix("```json").removesuffix("```"))
    except (ModelError, ValueError):
        return None
    return found if isinstance(found, (dict, list)) else None
