"""One server: connected on first use, held, watched and connected again.

Rule: one owner task enters and leaves the connection; calls are made by the tasks of their callers, side by side, and
each ends with a result or one of our errors, whatever the server does. Everything here is on one event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from ...config import McpServer
from ...errors import PlanloomError, TransientError
from .failures import died, explained, is_closed, is_forgotten, late, unreadable
from .launch import Launch
from .session import Link, Progress, load, opened

T = TypeVar("T")

PROBE_AFTER_S = 30.0  # of silence
PROBE_S = 5.0
_MISSED = 3  # unanswered pings that end a server on which calls are under way; without any, one does
_BACKOFF_S, _BACKOFF_CAP_S = 0.25, 30.0
_CANCEL_S = 1.0
_CLOSE_S = 15.0
_DIED_S = 1.0


class Connection:
    """The held connection to one server. `greet` is called with each new link before anyone uses it."""

    def __init__(
        self,
        server: McpServer,
        launch: Callable[[], Launch],
        *,
        max_bytes: int,
        greet: Callable[[Link], Awaitable[None]],
        changed: Callable[[], None],
    ) -> None:
        self.server = server
        self._launch_of = launch
        self._max_bytes = max_bytes
        self._greet = greet
        self._changed = changed
        self._places = asyncio.Semaphore(server.concurrency) if server.concurrency else None
        self._lock = asyncio.Lock()
        self._held: _Held | None = None
        self._failures = 0
        self._not_before = 0.0
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    @property
    def is_open(self) -> bool:
        return self._held is not None and not self._held.ended.done()

    @property
    def process_id(self) -> int | None:
        """The guard of the server's process, None without one."""
        pipes = self._held.link.pipes if self._held is not None and self._held.link is not None else None
        return pipes.process.guard_pid if pipes is not None else None

    async def call(self, tool: str, arguments: Mapping[str, Any], progress: Progress) -> Any:
        """The library's result of a tool call.

        Cancelling tells the server.

        Raises:
            ToolError: the server refuses, or can't be used.
            TransientError: it died, did not answer in time, or can't be reached; `outcome_unknown` once it was sent.
        """
        during = f"while calling {tool}"
        return await self.request(lambda link: link.call(tool, arguments, progress), during=during)

    async def request(self, ask: Callable[[Link], Awaitable[T]], *, during: str) -> T:
        """What `ask` gets from the server, within the server's time and number of calls. Raises as `call`."""
        if self._places is None:
            return await self._requested(ask, during)
        async with self._places:
            return await self._requested(ask, during)

    async def connect(self) -> None:
        """Connects now. Raises as `call`."""
        await self._ready()

    async def close(self) -> None:
        """Ends the server; calls under way fail. May be called again."""
        self._closed = True
        held = self._held
        if held is not None:
            await held.close()
        for task in self._tasks:
            task.cancel()

    # ---- one request

    async def _requested(self, ask: Callable[[Link], Awaitable[T]], during: str) -> T:
        held = await self._ready()
        link = held.link
        assert link is not None
        numbers: list[int] = []

        async def asked() -> T:
            numbers.append(link.next_id)  # nothing comes between this and the library's taking it
            return await ask(link)

        task = asyncio.ensure_future(asked())
        held.active += 1
        try:
            either: set[asyncio.Future[Any]] = {task, held.ended}
            await asyncio.wait(either, timeout=self.server.timeout_s or None, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self._abandon(held, task, numbers, "cancelled")
            raise
        finally:
            held.active -= 1
        if (
            task.done()
            and not task.cancelled()
            and (task.exception() is None or not (held.is_dying() or is_closed(task.exception())))
        ):
            self._failures = 0
            held.heard()
            return self._outcome(task, held, during)
        if task.done() or held.is_dying():
            task.cancel()
            raise await held.obituary(during)
        self._abandon(held, task, numbers, "took too long")
        self._own(self._probe(held))
        raise late(held.launch, link, self.server.timeout_s, during=during, sent=True)

    def _outcome(self, task: asyncio.Future[T], held: _Held, during: str) -> T:
        error = task.exception()
        if error is None:
            return task.result()
        if is_forgotten(error):
            held.drop()
            told = f"MCP server {held.launch.name!r} has forgotten our session; it was not asked"
            raise TransientError(told) from error
        raise explained(error, held.launch, during=during, sent=True) from error

    def _abandon(self, held: _Held, task: asyncio.Future[Any], numbers: list[int], why: str) -> None:
        task.cancel()
        if numbers and not held.ended.done() and held.link is not None:
            self._own(_bounded(held.link.cancel(numbers[0], why), _CANCEL_S))

    async def _probe(self, held: _Held) -> None:
        """Drops a server that does not even answer a ping; one that works on other calls may be too busy to."""
        assert held.link is not None
        try:
            await _bounded(held.link.ping(), min(PROBE_S, self.server.timeout_s or PROBE_S), strict=True)
            held.heard()
        except (TimeoutError, PlanloomError):
            held.missed += 1
            if held.active and held.missed < _MISSED:
                return
            if held.link.pipes is not None:
                held.link.pipes.is_hopeless = True
            held.drop()

    # ---- the connection

    async def _ready(self) -> _Held:
        """The connection, opened if need be by whoever comes first; the others wait for it."""
        held = self._held
        if held is not None and not held.is_dying() and held.is_fresh():
            return held
        async with self._lock:
            held = self._held
            if held is not None and not held.is_dying() and not held.is_fresh():
                await self._probe(held)
            if held is not None and not held.is_dying():
                return held
            if held is not None:
                await held.close()
                self._held = None
            return await self._open()

    async def _open(self) -> _Held:
        if self._closed:
            raise TransientError("expected open connections to MCP servers, got closed ones; this run is over")
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._not_before - loop.time()))
        launch = self._launch_of()
        await asyncio.to_thread(load, launch)
        held = _Held(launch, self._max_bytes, self._greet, self._changed)
        try:
            await held.open(self.server.connect_timeout_s)
        except BaseException:
            self._failures += 1
            self._not_before = loop.time() + min(_BACKOFF_CAP_S, _BACKOFF_S * 2 ** (self._failures - 1))
            raise
        self._held = held
        return held

    def _own(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Held:
    """One opened connection and the task that owns it."""

    def __init__(
        self,
        launch: Launch,
        max_bytes: int,
        greet: Callable[[Link], Awaitable[None]],
        changed: Callable[[], None],
    ) -> None:
        self.launch = launch
        self.link: Link | None = None
        self.error: BaseException | None = None
        self.active = 0  # requests under way
        self.missed = 0  # pings without an answer since it last said anything
        loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[None] = loop.create_future()  # no request can succeed any more
        self._ready: asyncio.Future[None] = loop.create_future()
        self._stop = asyncio.Event()
        self._heard = loop.time()
        self._owner = asyncio.create_task(self._own(max_bytes, greet, changed), name=f"mcp {launch.name}")

    async def open(self, timeout_s: float) -> None:
        """Waits until it is ready. Raises as `Connection.call`; then nothing of it is left."""
        try:
            either: set[asyncio.Future[Any]] = {self._ready, self._owner, self.ended}
            await asyncio.wait(either, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            if self._ready.done():
                return
            is_late = not self._owner.done() and not self.ended.done()
        except BaseException:
            await self.close()
            raise
        link = self.link
        await self.close()
        if is_late:
            raise late(self.launch, link, timeout_s, during="while connecting", sent=False)
        if self.error is not None and (link is None or link.pipes is None or not link.pipes.process.died_alone):
            raise explained(self.error, self.launch, during="while connecting", sent=False) from self.error
        raise died(self.launch, link, during="while connecting", sent=False)

    def heard(self) -> None:
        """The server answered."""
        self.missed = 0
        self._heard = asyncio.get_running_loop().time()

    def is_fresh(self) -> bool:
        """Whether it answered lately enough to be sent a call without a probe."""
        return asyncio.get_running_loop().time() - self._heard < PROBE_AFTER_S

    def is_dying(self) -> bool:
        return self.ended.done() or self._stop.is_set()

    def drop(self) -> None:
        """Ends it; requests under way fail at once."""
        self._stop.set()
        self._over()

    async def obituary(self, during: str) -> PlanloomError:
        """The error of a request that was under way when the connection ended; waits a little to learn how it did."""
        if self.link is not None and self.link.pipes is not None:
            await self.link.pipes.process.ended(_DIED_S)
        else:
            await asyncio.wait({self._owner}, timeout=_DIED_S)
        if self.error is not None and (self.link is None or self.link.pipes is None):
            return explained(self.error, self.launch, during=during, sent=True)
        return died(self.launch, self.link, during=during, sent=True)

    async def close(self) -> None:
        """Ends it and waits until nothing of it is left."""
        self.drop()
        if not self._ready.done():
            self._owner.cancel()
        _, pending = await asyncio.wait({self._owner}, timeout=_CLOSE_S)
        if pending:
            self._owner.cancel()
            await asyncio.wait({self._owner}, timeout=_CLOSE_S)

    async def _own(self, max_bytes: int, greet: Callable[[Link], Awaitable[None]], changed: Callable[[], None]) -> None:
        try:
            async with opened(self.launch, max_bytes, changed, self._unreadable) as link:
                self.link = link
                if link.pipes is not None:
                    link.pipes.closed.add_done_callback(lambda _: self.drop())
                await link.initialize()
                await greet(link)
                self._ready.set_result(None)
                await self._stop.wait()
        except asyncio.CancelledError:
            if asyncio.current_task().cancelling():  # type: ignore[union-attr]
                raise
        except BaseException as error:  # noqa: BLE001 - the border: kept for whoever waits
            self.error = self.error or error
        finally:
            self._over()

    def _unreadable(self, error: Exception) -> None:
        """A reply over HTTP that is no message: while connecting there is only one it can be the answer to."""
        if self.link is not None and self.link.pipes is None and not self._ready.done():
            self.error = self.error or unreadable(self.launch, error)
            self.drop()

    def _over(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


async def _bounded(work: Awaitable[Any], within_s: float, *, strict: bool = False) -> None:
    """Waits for something that may fail or hang without harm; `strict`: not in time is an error."""
    try:
        async with asyncio.timeout(within_s):
            await work
    except asyncio.CancelledError:
        raise
    except TimeoutError:
        if strict:
            raise
    except Exception as error:  # the border: a broken stream of the library
        if strict:
            raise TimeoutError from error
