"""How a tool is called: coroutines on the event loop, functions in a daemon thread, `process=True` in a worker.

Rule: what comes back is plain data or bytes, and every exception is one of ours. A thread that hangs can't be killed;
it is left behind (daemon, so it never holds up the end of the program), while a worker process is killed.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from ..errors import PlanloomError, ResultError, ToolError, TransientError
from .results import plain
from .secrecy import Concealment
from .tool import Tool, ToolContext, batch_results


class Processes(Protocol):
    """Runs a tool in another process (see `workers`)."""

    async def call(self, tool: Tool, arguments: Any, context: ToolContext, *, batch: bool = False) -> Any: ...


class Caller:
    """Calls tools. `processes` is made on the first call of a tool that needs one; `conceal` takes secrets out."""

    def __init__(self, processes: Callable[[], Processes], conceal: Concealment | None = None) -> None:
        self._make_processes = processes
        self._conceal = conceal or Concealment()
        self._processes: Processes | None = None

    async def call(self, tool: Tool, arguments: Mapping[str, Any], context: ToolContext) -> Any:
        """The result of one call with resolved, not yet validated arguments.

        Raises:
            ToolError: the arguments do not fit, the tool failed, or its result is unusable.
            TransientError: the call may succeed when repeated.
        """
        values, context = tool.validated(arguments), self._discreet(context)
        if tool.process:
            return await self._in_process(tool, dict(arguments), context, batch=False)
        if tool.context_parameter:
            values[tool.context_parameter] = context
        if tool.is_async:
            return await self._guarded(tool, self._awaited(tool, values))
        return await self._guarded(tool, in_thread(lambda: self._usable(tool, tool.function(**values))))

    async def call_merged(self, tool: Tool, calls: Sequence[Mapping[str, Any]], context: ToolContext) -> list[Any]:
        """The results of a merged call, in order; an exception in place of a result that failed.

        Raises:
            ToolError, TransientError: the call failed as a whole.
        """
        function = tool.batch_function
        if function is None:
            raise ToolError(f"{tool.name} has no batch form")
        for arguments in calls:
            tool.validated(arguments)
        context = self._discreet(context)
        more = {name: context} if (name := tool.batch_context_parameter) else {}
        if tool.process:
            results = await self._in_process(tool, [dict(c) for c in calls], context, batch=True)
        elif asyncio.iscoroutinefunction(function):
            results = await self._guarded(tool, function([dict(c) for c in calls], **more))
        else:
            results = await self._guarded(tool, in_thread(lambda: function([dict(c) for c in calls], **more)))
        return [self._member(tool, result) for result in batch_results(tool, results, len(calls))]

    async def _in_process(self, tool: Tool, arguments: Any, context: ToolContext, *, batch: bool) -> Any:
        if self._processes is None:
            self._processes = self._make_processes()
        result = await self._guarded(tool, self._processes.call(tool, arguments, context, batch=batch))
        return await asyncio.to_thread(self._conceal, result) if self._conceal else result

    async def _awaited(self, tool: Tool, values: dict[str, Any]) -> Any:
        return self._usable(tool, await tool.function(**values))

    def _usable(self, tool: Tool, result: Any) -> Any:
        if isinstance(result, (bytes, bytearray, memoryview)):
            return bytes(result)
        return self._conceal(plain(tool.checked(result)))

    def _member(self, tool: Tool, result: Any) -> Any:
        if isinstance(result, Exception):
            return self._told(tool, result)
        try:
            return self._usable(tool, result)
        except PlanloomError as error:
            return error

    async def _guarded(self, tool: Tool, call: Any) -> Any:
        """Awaits a call; anything that is not ours becomes ours. This is the border of foreign code."""
        try:
            return await call
        except asyncio.CancelledError:
            raise
        except PlanloomError as error:
            raise self._told(tool, error)  # noqa: B904 - the same error
        except Exception as error:  # the border
            raise self._told(tool, error) from error

    def _told(self, tool: Tool, error: Exception) -> PlanloomError:
        ours = translated(tool, error)
        self._conceal.error(ours)
        return ours

    def _discreet(self, context: ToolContext) -> ToolContext:
        return replace(context, progress=self._conceal.reporting(context.progress)) if self._conceal else context


def translated(tool: Tool, error: Exception) -> PlanloomError:
    """An exception of a tool as one of ours: lost connections and time-outs may pass, all else is final."""
    told = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    match error:
        case PlanloomError():
            return error
        case ConnectionRefusedError():
            return TransientError(f"{tool.name}: {told}", overloaded=True)
        case ConnectionError() | TimeoutError():
            return TransientError(f"{tool.name}: {told}", outcome_unknown=True)
        case MemoryError():
            return ResultError(f"{tool.name} ran out of memory: {told}")
        case _:
            return ToolError(f"{tool.name} raised {told}")


async def in_thread(function: Callable[[], Any]) -> Any:
    """The result of `function`, run in a daemon thread of its own. Cancelling leaves the thread to itself."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()

    def report(setter: Callable[[Any], None], value: Any) -> None:
        if not future.done():
            setter(value)

    def work() -> None:
        try:
            outcome: tuple[Callable[[Any], None], Any] = (future.set_result, function())
        except BaseException as error:  # noqa: BLE001  # handed to the waiting coroutine
            outcome = (future.set_exception, _not_stopping(error))
        try:
            loop.call_soon_threadsafe(report, *outcome)
        except RuntimeError:
            return  # the loop is closed: nobody waits for this thread any more

    threading.Thread(target=work, daemon=True, name="planloom-tool").start()
    return await future


def _not_stopping(error: BaseException) -> BaseException:
    """StopIteration can't travel through a future; SystemExit must not end the program from a tool."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    return ToolError(f"the tool raised {type(error).__name__}: {error}")
