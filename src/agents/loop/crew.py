"""Agents as tools of plans: each is made when it is first needed, exactly once, and kept while it is used.

Rule: nothing of langchain is imported before an agent works.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Annotated, Any, get_args, get_type_hints

from pydantic import WithJsonSchema
from typing_extensions import TypedDict

from ...config import Config
from ...errors import ModelError, ToolError
from ...memory.codec import digest, pack
from ...models.client import Endpoint, Models, RoleName
from ...models.guard import Guard
from ..results import plain
from ..roster import PREFIX, Agent, Roster
from ..tool import Tool, ToolContext
from . import talk
from .pruning import Room
from .session import Session
from .wire import described, wire_names

FindTools = Callable[[Iterable[str]], list[Tool]]


class Used(TypedDict):
    """A tool call of an agent, and what came of it: ok, failed, refused or denied."""

    call: str
    tool: str
    status: str


class Answered(TypedDict):
    """What an agent gives. `data` is its answer as data where it is some; `steps` counts its turns.

    `complete` is false when a limit made it answer early; `stopped` names that limit.
    """

    answer: str
    data: Any
    steps: int
    tokens: int
    used: list[Used]
    complete: bool
    stopped: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """An agent ready to work: langchain's loop for it, and its tools by the name the model knows them by."""

    agent: Agent
    graph: Any
    tools: Mapping[str, Tool]
    endpoint: Endpoint


class Crew:
    """The agents of a process. `find_tools` gives the tools of patterns; `models` None: none is configured.

    `lazy` off: all are made as soon as a run begins. `counts` tells how many agents were made, found ready, and let go.
    """

    def __init__(
        self, roster: Roster, find_tools: FindTools, models: Models | None, *, size: int = 20, lazy: bool = True
    ) -> None:
        self.roster = roster
        self.counts: Counter[str] = Counter()
        self._find_tools = find_tools
        self._models = models
        self._size = size
        self._wants_all = not lazy
        self._lock = threading.Lock()
        self._tools: dict[str, tuple[Agent, Tool]] = {}
        self._made: OrderedDict[str, tuple[Agent, concurrent.futures.Future[Made]]] = OrderedDict()
        self._guard = Guard()
        self._warming: set[asyncio.Task[None]] = set()
        self._told: set[tuple[str, str]] = set()
        self._toolless: set[tuple[str, str]] = set()

    # ---- agents as actions (`registry.Source`)

    def find(self, action: str) -> Tool | None:
        """`agent:NAME` as a tool for plans, None if there is no such agent."""
        name = action.removeprefix(PREFIX)
        agent = self.roster.find(name) if action.startswith(PREFIX) else None
        if agent is None:
            return None
        with self._lock:
            known = self._tools.get(name)
            if known is None or known[0] is not agent:
                known = self._tools[name] = (agent, self._as_tool(agent))
            return known[1]

    def names(self) -> list[str]:
        """The actions there are."""
        return [PREFIX + name for name in self.roster.names()]

    def tools(self) -> Iterator[Tool]:
        """All agents that can be used, as tools for plans."""
        return (found for name in self.names() if (found := self.find(name)) is not None)

    def source(self, action: str) -> str:
        """Where an agent was declared."""
        agent = self.roster.find(action.removeprefix(PREFIX))
        return agent.source if agent is not None else ""

    async def prepare(self, actions: Iterable[str]) -> None:
        """Has agents made beside all else before they are needed; one that can't be made says so when it is needed."""
        wanted = set(actions)
        if self._wants_all:
            self._wants_all = False
            wanted |= set(self.names())
        for action in wanted:
            agent = self.roster.find(action.removeprefix(PREFIX)) if action.startswith(PREFIX) else None
            if agent is not None and self._models is not None:
                task = asyncio.create_task(self._warm(agent))
                self._warming.add(task)
                task.add_done_callback(self._warming.discard)

    def take_notices(self) -> list[str]:
        """The agents' files and plug-ins that can't be used, each once."""
        told = [text for name, text in self.roster.problems.items() if (name, text) not in self._told]
        self._told |= set(self.roster.problems.items())
        return told

    async def close(self) -> None:
        """Ends what is being made ahead; may be called again."""
        for task in list(self._warming):
            task.cancel()
        await asyncio.gather(*self._warming, return_exceptions=True)

    async def _warm(self, agent: Agent) -> None:
        with suppress(ToolError):
            await self.made(agent)

    # ---- agents ready to work

    async def made(self, agent: Agent) -> Made:
        """An agent ready to work; made in a thread by the first who asks, while all others wait for it.

        Raises:
            ToolError: there is no model for it.
        """
        with self._lock:
            known = self._made.get(agent.name)
            if known is not None and known[0] is agent:
                self.counts["ready"] += 1
                self._made.move_to_end(agent.name)
                future, is_first = known[1], False
            else:
                future, is_first = concurrent.futures.Future(), True
                self._made[agent.name] = (agent, future)
                while len(self._made) > self._size:
                    self._made.popitem(last=False)
                    self.counts["let_go"] += 1
        if is_first:
            await asyncio.shield(asyncio.to_thread(self._make, agent, future))
        return await asyncio.wrap_future(future)

    async def warm(self, actions: Iterable[str]) -> None:
        """Makes agents before they are needed, side by side; one that can't be made says so when it is needed."""
        agents = [self.roster.find(action.removeprefix(PREFIX)) for action in set(actions)]
        await asyncio.gather(*(self.made(agent) for agent in agents if agent is not None), return_exceptions=True)

    def _make(self, agent: Agent, future: concurrent.futures.Future[Made]) -> None:
        try:
            future.set_result(self._new(agent))
            self.counts["made"] += 1
        except Exception as error:  # noqa: BLE001  # handed to those who wait
            with self._lock:
                if self._made.get(agent.name, (None, None))[1] is future:
                    del self._made[agent.name]
            future.set_exception(error)

    def _new(self, agent: Agent) -> Made:
        endpoint = self._endpoint(agent)
        assert self._models is not None
        from langchain.agents import create_agent

        from ...models.chat import chat_model
        from .governor import Governor, Work

        tools = {tool.name: tool for tool in self._find_tools(agent.tools) if agent.may_use(tool.name, tool.effect)}
        names = wire_names(tools)
        graph = create_agent(chat_model(self._models, endpoint), [], middleware=[Governor()], context_schema=Work)
        return Made(agent=agent, graph=graph, tools={names[n]: tools[n] for n in names}, endpoint=endpoint)

    def _endpoint(self, agent: Agent) -> Endpoint:
        role: RoleName = agent.model if agent.model in get_args(RoleName) else "worker"  # type: ignore[assignment]
        try:
            if self._models is None:
                raise ModelError(
                    f"expected a model for the {role}, got none; set models.base_url (or OPENAI_BASE_URL), "
                    "models.model, and a key if the server wants one",
                    kind="none",
                )
            endpoint = self._models.endpoint(role)
        except ModelError as error:
            raise ToolError(f"{agent.action} works with a model: {error}") from error
        return endpoint if agent.model == role else replace(endpoint, model=agent.model)

    # ---- work

    def _as_tool(self, agent: Agent) -> Tool:
        async def work(task: str, inputs: dict[str, Any] = {}, *, context: ToolContext) -> Any:  # noqa: B006
            return await self.work(agent, task, inputs, context)

        returns: Any = Answered
        if agent.returns is not None:
            returns = _with_data(dict(agent.returns))
        work.__annotations__ = {"task": str, "inputs": dict[str, Any], "context": ToolContext, "return": returns}
        return Tool(
            name=agent.action,
            description=f"{agent.purpose.rstrip('.')}. An agent that works on `task` in several steps.",
            function=work,
            effect=agent.effect,
            timeout_s=agent.limits.seconds,
            idempotent=True,
        )

    async def work(self, agent: Agent, task: str, inputs: Mapping[str, Any], context: ToolContext) -> dict[str, Any]:
        """Lets an agent work on a task to its end.

        Raises:
            ToolError: there is no model, no run to work in, or a limit ended it without an answer.
            WaitingError: a tool call waits for a person.
            ModelError, TransientError, BudgetError, ContextError: the model could not be asked.
        """
        if not task.strip():
            raise ToolError(f"{agent.action}: expected a task in words, got nothing")
        if context.invoke is None:
            raise ToolError(f"{agent.action} works as a step of a run only; put it into a plan")
        made = await self.made(agent)
        given = plain(dict(inputs), where="inputs")
        invoke = context.invoke
        key = digest(pack([agent.name, agent.prompt, task, given, context.feedback]))
        session = Session(
            agent=agent,
            step=context.step_id,
            invoke=invoke,
            thread=invoke.thread(key),
            tools={name: tool for name, tool in made.tools.items() if invoke.allows(tool)},
            tainted=bool(given) or bool(context.feedback) or invoke.is_tainted,
        )
        await self._loop(made, session, task, given, context)
        if not session.answer:
            raise ToolError(f"{agent.action}: expected an answer, got none")
        return {
            "answer": session.answer,
            "data": session.data,
            "steps": session.turns,
            "tokens": session.tokens,
            "used": sorted(session.used, key=lambda one: int(one["call"].rpartition("/")[2])),
            "complete": not session.stopped,
            "stopped": session.stopped,
        }

    async def _loop(
        self, made: Made, session: Session, task: str, inputs: Mapping[str, Any], context: ToolContext
    ) -> None:
        from langchain_core.messages import HumanMessage, SystemMessage

        from .governor import Work

        names = sorted(session.tools)
        work = Work(
            session=session,
            endpoint=made.endpoint,
            room=_room(context.config, made),
            guard=self._guard,
            tools=[described(session.tools[name], name) for name in names],
            conceal=self._models.conceal if self._models is not None else str,
            toolless=self._toolless,
        )
        root = str(context.workspace.root)
        messages = [
            SystemMessage(talk.system_text(made.agent, names, root)),
            HumanMessage(talk.task_text(task, inputs, context.feedback, session.mark)),
        ]
        config = {"recursion_limit": 4 * made.agent.limits.max_steps + 20}
        await _apart(made.graph.ainvoke({"messages": messages}, config=config, context=work))


def _room(config: Config, made: Made) -> Room:
    models, endpoint = config.models, made.endpoint
    own = getattr(models, made.agent.model).context_tokens if made.agent.model in get_args(RoleName) else 0
    return Room(model=endpoint.model, tokens=own or models.context_tokens, reply=endpoint.max_output_tokens or 4096)


async def _apart(work: Any) -> Any:
    """Runs langchain's graph as if it were the outermost: without callbacks, streams or checkpoints of ours."""
    from langchain_core.runnables.config import var_child_runnable_config

    context = contextvars.copy_context()
    context.run(var_child_runnable_config.set, None)
    return await asyncio.create_task(work, context=context)


def _with_data(schema: dict[str, Any]) -> Any:
    """The type of an agent's result whose `data` has a schema."""
    fields = {**get_type_hints(Answered), "data": Annotated[Any, WithJsonSchema(schema)]}
    return TypedDict("Answered", fields)  # type: ignore[operator]
