"""One server of the settings: what is known of it, and how its tools are called.

Rule: callers are on any thread and any event loop; the connection is on the loop of all connections.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from ...config import McpServer
from ...errors import PlanloomError, ToolError
from ..catalog import Shelf
from ..schematool import SchemaTool, faults
from ..tool import ToolContext
from .connection import Connection
from .content import contents_of, is_heavy, value_of
from .launch import Launch, resolved, signature
from .listing import Listing, Offer, listing
from .loop import Loop
from .offering import tools_of
from .pins import Change, Pins
from .schemas import clean
from .session import Link

_RELIST_S = 1.0
_PROMPT_CHARS = 100_000


class Server:
    """A server; `listing` is what it offers, None while nothing is known."""

    def __init__(
        self,
        name: str,
        settings: McpServer,
        environ: Mapping[str, str],
        shelf: Shelf,
        *,
        max_bytes: int,
        loop: Loop,
        tell: Callable[[str], None],
    ) -> None:
        self.name = name
        self.settings = settings
        self._environ = environ
        self._shelf = shelf
        self._key = signature(settings)
        self._loop = loop
        self._tell = tell
        self._pins = Pins(shelf, name)
        self._tools: dict[str, SchemaTool] | None = None
        self._resolved: Launch | None = None
        self._relisting: asyncio.Task[None] | None = None
        self.listing = self._remembered()
        self.connection = Connection(
            settings, self._launch, max_bytes=max_bytes, greet=self._greet, changed=self._relist
        )

    # ---- its tools

    def tools(self) -> dict[str, SchemaTool]:
        """The tools by full name that may be planned with; none while nothing is known."""
        if self.listing is None:
            return {}
        tools = self._tools
        if tools is None:
            tools = self._tools = {
                tool.name: tool for tool in tools_of(self.name, self.settings, self._usable(self.listing), self)
            }
        return tools

    def changes(self) -> list[Change]:
        """What is not as it was approved."""
        return self._pins.changes(self.listing) if self.listing is not None else []

    def approve(self) -> None:
        """Approves the tools as they are known now."""
        if self.listing is not None:
            self._pins.approve(self.listing)
            self._tools = None

    async def learn(self) -> None:
        """Connects, which tells what the server offers. On the connections' loop.

        Raises:
            PlanloomError: as `Connection.connect`.
        """
        await self.connection.connect()

    async def ping(self) -> None:
        """Returns when the server answers. From any loop. Raises as `Connection.call`."""
        await self._loop.run(self.connection.request(lambda link: link.ping(), during="while being pinged"))

    async def close(self) -> None:
        """Ends the server. On the connections' loop."""
        if self._relisting is not None:
            self._relisting.cancel()
        await self.connection.close()

    # ---- calls, from any loop

    async def call(self, offer: Offer, arguments: Mapping[str, Any], context: ToolContext) -> Any:
        """The value of a tool call.

        Raises:
            ToolError: it failed, may not be made, or its result is not what the server promises.
            TransientError: as `Connection.call`.
        """

        async def progress(progress: float, total: float | None, message: str | None) -> None:
            context.progress(progress, total, clean(message or "", 200))

        async def made() -> Any:
            await self.connection.connect()  # tells whether the tool is still what it was
            self._check(offer)
            return await self.connection.call(offer.original, arguments, progress)

        result = await self._loop.run(made())
        name = f"{self.name}.{offer.name}"

        def taken() -> Any:
            value = value_of(result, name, self._launch(), context, is_typed=offer.output is not None)
            if offer.output is not None and (found := faults(offer.output, value)):
                raise ToolError(f"{name} returned something else than its schema says: {'; '.join(found)}")
            return value

        return await asyncio.to_thread(taken) if is_heavy(result) else taken()

    async def list_resources(self) -> list[dict[str, str]]:
        """The resources, as a list of uri, name, description and media type."""
        found = await self._ask(lambda link: link.resources(), "while listing resources")
        return [
            {
                "uri": str(item.uri),
                "name": clean(item.name, 200),
                "description": clean(item.description or ""),
                "media_type": item.mimeType or "",
            }
            for item in found
        ]

    async def read_resource(self, uri: str, context: ToolContext) -> dict[str, Any]:
        """The contents of a resource, of the shape `content.OUTPUT`."""
        result = await self._ask(lambda link: link.read(uri), f"while reading {clean(uri, 200)}")
        name = f"{self.name}.read_resource"
        return await asyncio.to_thread(contents_of, result.contents, name, self._launch(), context)

    async def list_prompts(self) -> list[dict[str, Any]]:
        """The prompts with their arguments' names."""
        found = await self._ask(lambda link: link.prompts(), "while listing prompts")
        return [
            {
                "name": item.name,
                "description": clean(item.description or ""),
                "arguments": [argument.name for argument in item.arguments or ()],
            }
            for item in found
        ]

    async def get_prompt(self, name: str, arguments: Mapping[str, str]) -> dict[str, Any]:
        """A prompt's messages; parts that are no text are left out."""
        result = await self._ask(lambda link: link.prompt(name, arguments), f"while filling in {clean(name, 100)}")
        messages = [
            {"role": message.role, "text": text[:_PROMPT_CHARS]}
            for message in result.messages
            if (text := getattr(message.content, "text", None)) is not None
        ]
        return {"description": clean(result.description or ""), "messages": messages}

    async def _ask(self, ask: Callable[[Link], Any], during: str) -> Any:
        return await self._loop.run(self.connection.request(ask, during=during))

    # ---- what is known of it

    def _check(self, offer: Offer) -> None:
        """Refuses a tool that is not what the plan was made with."""
        if self.settings.trust == "trusted" or self.listing is None:
            return
        now = next((one for one in self.listing.offers if one.name == offer.name), offer)
        if now.fingerprint != offer.fingerprint or not self._pins.is_approved(now):
            raise ToolError(
                f"{self.name}.{offer.name}: the server describes this tool in another way than when it was approved; "
                f"look at `planloom mcp list {self.name}`, then `planloom mcp approve {self.name}`"
            )

    def _usable(self, known: Listing) -> Listing:
        """The listing without tools that wait for approval."""
        if self.settings.trust == "trusted":
            return known
        offers = tuple(offer for offer in known.offers if self._pins.is_approved(offer))
        return Listing(
            server=known.server,
            version=known.version,
            offers=offers,
            has_resources=known.has_resources,
            has_prompts=known.has_prompts,
            notes=known.notes,
        )

    def _launch(self) -> Launch:
        if self._resolved is None:
            self._resolved = resolved(self.name, self.settings, self._environ)
        return self._resolved

    def _remembered(self) -> Listing | None:
        data = self._shelf.get(f"mcp {self.name}", self._key)
        try:
            return Listing.from_dict(data) if data is not None else None
        except (TypeError, KeyError, AttributeError):
            return None

    async def _greet(self, link: Link) -> None:
        """Learns what a newly connected server offers."""
        told = link.told
        assert told is not None
        found = listing(
            await link.tools(),
            server=told.serverInfo.name,
            version=told.serverInfo.version,
            has_resources=await link.has_resources(),
            has_prompts=bool(await link.prompts()),
        )
        self._publish(found)

    def _publish(self, found: Listing) -> None:
        if found == self.listing:
            return
        changes = self._pins.changes(found)
        self.listing = found
        self._tools = None
        self._shelf.put(f"mcp {self.name}", self._key, found.to_dict())
        for note in found.notes:
            self._tell(f"MCP server {self.name}: {note}")
        if changes:
            self._tell(self._told(changes))
        if self.settings.trust == "trusted" and changes:
            self._pins.approve(found)

    def _told(self, changes: list[Change]) -> str:
        """One notice for all changes of a list."""
        if self.settings.trust == "trusted":
            more = "they are used as they are now"
        else:
            more = f"to use them: planloom mcp list {self.name}, then planloom mcp approve {self.name}"
        count = f"{len(changes)} tool{'s are' if len(changes) > 1 else ' is'} not as before"
        rest = f"; and {len(changes) - 3} more" if len(changes) > 3 else ""
        return f"MCP server {self.name}: {count}: {'; '.join(map(str, changes[:3]))}{rest}; {more}"

    def _relist(self) -> None:
        """The server says that its tools are others; asked for once a second at most."""
        if self._relisting is None or self._relisting.done():
            self._relisting = asyncio.create_task(self._listed_again(), name=f"mcp {self.name} list")

    async def _listed_again(self) -> None:
        await asyncio.sleep(_RELIST_S if self._relisting is not None else 0)
        try:
            await self.connection.request(self._greet, during="while listing tools")
        except PlanloomError as error:
            self._tell(str(error))
