"""A conversation with a server over its socket: goals in, the live tree, questions and the answer out.

Rule: it shows what `planloom run` shows, from the same events; it decides nothing.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..clock import SystemClock
from ..errors import UsageError
from ..events import PAYLOADS, ApprovalAsked, Event, RunFinished, payload_from
from ..printable import printable
from .output import print_text, terminal
from .people import approver
from .report import EXIT, ending, show_files, show_status
from .screen import Plain, Screen, Tree, frames
from .tidy import tidy

if TYPE_CHECKING:
    from rich.console import Console
    from websockets.asyncio.client import ClientConnection

_LARGEST = 16 * 2**20
_TRIES = 5
_PROMPT = "> "
_HELP = "/sessions lists your sessions, /open ID goes on with one, /new begins one, /quit leaves."


def socket_url(url: str) -> str:
    """The socket of a server whose address is `url`.

    Raises:
        UsageError: it is no address.
    """
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme not in ("http", "https", "ws", "wss") or not parts.netloc:
        raise UsageError(f"--url: expected http://HOST:PORT, got {url!r}")
    return f"{'wss' if parts.scheme in ('https', 'wss') else 'ws'}://{parts.netloc}/ws/chat"


class Chat:
    """A conversation; `session` None: the first goal begins one."""

    def __init__(self, url: str, token: str, session: str | None) -> None:
        self._url = socket_url(url)
        self._token = token
        self._session = session
        self._last = 0
        self._is_told = False
        self._socket: ClientConnection | None = None

    async def talk(self, goal: str | None) -> int:
        """One goal to its end, or with None goals from the keyboard until there are no more; gives the exit code.

        Raises:
            UsageError: there is no server, or it does not let this client in.
        """
        await self._connect()
        try:
            if goal is not None:
                return await self._pursue(goal)
            return await self._converse()
        finally:
            if self._socket is not None:
                await self._socket.close()

    async def _converse(self) -> int:
        code = 0
        print_text(_HELP, "dim")
        while True:
            line = await asyncio.to_thread(_read_line)
            if line is None or line.strip() == "/quit":
                return code
            code = await self._said(line.strip(), code)

    async def _said(self, line: str, code: int) -> int:
        command, _, rest = line.partition(" ")
        match command:
            case "":
                return code
            case "/sessions":
                await self._list()
            case "/open":
                await self._open(rest.strip())
            case "/new":
                self._session, self._last = None, 0
            case _ if command.startswith("/"):
                print_text(_HELP, "dim")
            case _:
                return await self._pursue(line)
        return code

    # ---- frames

    async def _connect(self) -> None:
        from websockets.asyncio.client import connect
        from websockets.exceptions import InvalidHandshake

        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        try:
            self._socket = await connect(self._url, additional_headers=headers, max_size=_LARGEST)
        except (OSError, InvalidHandshake, TimeoutError) as error:
            raise UsageError(
                f"expected a server at {self._url}, got: {error}; start one with: planloom serve"
            ) from error
        hello = await self._receive()
        if not hello.get("authorized"):
            raise UsageError("expected a token of the server in PLANLOOM_SERVER__TOKEN, got none that it knows")
        if hello.get("notice") and not self._is_told:
            self._is_told = True
            print_text(printable(str(hello["notice"])), "dim")

    async def _send(self, kind: str, **fields: Any) -> None:
        assert self._socket is not None
        await self._socket.send(json.dumps({"type": kind, **fields}))

    async def _receive(self) -> dict[str, Any]:
        assert self._socket is not None
        frame: dict[str, Any] = json.loads(await self._socket.recv())
        if frame.get("session_id") == self._session and isinstance(frame.get("seq"), int):
            self._last = max(self._last, frame["seq"])
        return frame

    async def _next(self) -> dict[str, Any]:
        """The next frame, over a new connection when the old one was cut; nothing is missed."""
        from websockets.exceptions import ConnectionClosed

        for attempt in range(_TRIES):
            try:
                return await self._receive()
            except ConnectionClosed:
                await asyncio.sleep(0.2 * 2**attempt)
                with suppress(UsageError):
                    await self._connect()
                    if self._session is not None:
                        await self._send("resume", session_id=self._session, last_seq=self._last)
        raise UsageError("expected the server to come back, but it did not; the run goes on there: planloom chat")

    async def _reply(self, *kinds: str) -> dict[str, Any]:
        while True:
            frame = await self._next()
            if frame["type"] == "error":
                raise UsageError(printable(str(frame.get("message"))))
            if frame["type"] in kinds:
                return frame

    # ---- what it does

    async def _list(self) -> None:
        await self._send("sessions", limit=20)
        for told in (await self._reply("sessions"))["sessions"]:
            print_text(printable(f"{told['session_id']}  {told['title'][:80] or 'nothing said yet'}"))

    async def _open(self, session_id: str) -> None:
        await self._send("open", session_id=session_id)
        try:
            told = await self._reply("session")
        except UsageError as error:
            print_text(str(error), "red")
            return
        self._session, self._last = session_id, told["last_seq"]
        if not told["messages"]:
            print_text("Nothing was said in it yet.", "dim")
        for message in told["messages"]:
            sign = _PROMPT if message["role"] == "user" else ""
            print_text(printable(f"{sign}{message['text']}\n"))

    async def _pursue(self, goal: str) -> int:
        """One goal from its first event to its last."""
        console = terminal()
        screen: Screen = Tree(console, SystemClock()) if console is not None else Plain(sys.stdout)
        end: RunFinished | None = None
        async with frames(screen):
            await self._send("message", message=goal, session_id=self._session)
            try:
                end = await self._follow(screen)
            except UsageError as error:
                failure = str(error)
        if end is None:
            print_text(failure, "red")
            return 2
        _show(end, screen)
        return EXIT[end.status]

    async def _follow(self, screen: Screen) -> RunFinished:
        approve = approver(screen, grants_all=False, asks=isinstance(screen, Tree) and sys.stdin.isatty())
        run_id, early = "", deque[dict[str, Any]]()
        answering: set[asyncio.Task[None]] = set()
        try:
            while True:
                frame = early.popleft() if run_id and early else await self._next()
                if frame["type"] == "accepted" and frame.get("frame") == "message":
                    run_id, self._session = frame["run_id"], frame["session_id"]
                elif frame["type"] == "error":
                    raise UsageError(printable(str(frame.get("message"))))
                elif not run_id and "seq" in frame:
                    early.append(frame)
                elif frame.get("run_id") == run_id and (event := _event(frame)) is not None:
                    screen.take(tidy(event))
                    self._last = max(self._last, event.seq)
                    if isinstance(event.payload, RunFinished):
                        return event.payload
                    if isinstance(event.payload, ApprovalAsked):
                        answering.add(asyncio.create_task(self._answer(event, event.payload, approve)))
        finally:
            for task in answering:
                task.cancel()

    async def _answer(self, event: Event, asked: ApprovalAsked, approve: Any) -> None:
        granted = await approve(asked)
        if granted is not None:
            await self._send("approve" if granted else "refuse", run_id=event.run_id, step=asked.step)


def _event(frame: Mapping[str, Any]) -> Event | None:
    """The event of a frame, None for kinds of a newer server."""
    if frame.get("type") not in PAYLOADS:
        return None
    facts = {k: v for k, v in frame.items() if k not in ("seq", "at", "session_id", "run_id", "type")}
    try:
        payload = payload_from(frame["type"], facts)
    except TypeError:
        return None
    return Event(frame["seq"], frame["at"], frame["session_id"], frame["run_id"], payload)


def _show(end: RunFinished, screen: Screen) -> None:
    """How it ended, the answer, and the files."""
    console, answer, files = terminal(), printable(end.answer), screen.view.files
    reason = printable(end.reason) if end.status != "done" else ""
    if console is None:
        for text in (answer, f"{end.status}: {reason}" if reason else "", *(f"  {printable(f.path)}" for f in files)):
            if text.strip():
                print_text(text)
        return
    from rich.markdown import Markdown

    console.print()
    show_status(end.status, ending(end.status, end.seconds), console)
    if reason:
        _show_folded(reason, console)
    if answer.strip():
        console.print()
        console.print(Markdown(answer))
    show_files(files, answer, console, workspace=Path())
    console.print()


def _show_folded(text: str, console: Console) -> None:
    """A text whose lines keep how far they are set in, also where they are folded."""
    from rich.padding import Padding
    from rich.text import Text

    for line in text.splitlines():
        margin = 2 + len(line) - len(line.lstrip())
        console.print(Padding(Text(line.strip()), (0, 0, 0, margin)), highlight=False)


def _read_line() -> str | None:
    try:
        return input(_PROMPT if sys.stdin.isatty() else "")
    except EOFError:
        return None
