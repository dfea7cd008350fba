"""A server's offers as tools: their effects, and the tools for its resources and prompts.

Rule: what a server says of its own effects counts only if the settings trust it; else every tool writes, and asks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Protocol

from ...config import McpServer
from ..schematool import SchemaTool
from ..tool import Effect, ToolContext
from .content import OUTPUT
from .listing import Listing, Offer
from .presets import PRESETS

_TEXT: Mapping[str, Any] = {"type": "string"}
_ITEMS: Mapping[str, Any] = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"uri": _TEXT, "name": _TEXT, "description": _TEXT, "media_type": _TEXT},
        "required": ["uri", "name", "description", "media_type"],
    },
}
_PROMPTS: Mapping[str, Any] = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"name": _TEXT, "description": _TEXT, "arguments": {"type": "array", "items": _TEXT}},
        "required": ["name", "description", "arguments"],
    },
}
_MESSAGES: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "description": _TEXT,
        "messages": {
            "type": "array",
            "items": {"type": "object", "properties": {"role": _TEXT, "text": _TEXT}, "required": ["role", "text"]},
        },
    },
    "required": ["description", "messages"],
}


class Asking(Protocol):
    """How the tools of one server are carried out."""

    async def call(self, offer: Offer, arguments: Mapping[str, Any], context: ToolContext) -> Any: ...
    async def list_resources(self) -> Any: ...
    async def read_resource(self, uri: str, context: ToolContext) -> Any: ...
    async def list_prompts(self) -> Any: ...
    async def get_prompt(self, name: str, arguments: Mapping[str, str]) -> Any: ...


def tools_of(name: str, server: McpServer, listing: Listing, asking: Asking) -> Iterator[SchemaTool]:
    """The tools of a server under the names of plans, `SERVER.TOOL`."""
    for offer in listing.offers:
        if is_wanted(server, offer):
            yield _tool(name, server, offer, asking)
    taken = {offer.name for offer in listing.offers}
    for extra in _extras(name, server, listing, asking):
        if extra.name.partition(".")[2] not in taken:
            yield extra


def is_wanted(server: McpServer, offer: Offer) -> bool:
    """Whether the settings let a tool through."""
    return not server.tools or _matching(server.tools, offer) is not None


def effect_of(server: McpServer, offer: Offer) -> Effect:
    """What a tool does: by the settings, else by the preset, else by a trusted server's word, else the worst."""
    preset = PRESETS.get(server.preset)
    for told in (server.effects, preset.effects if preset is not None else {}):
        if (pattern := _matching(told, offer)) is not None:
            effect: Effect = told[pattern]  # type: ignore[assignment]
            return effect
    return "read" if server.trust == "trusted" and offer.hints.get("readOnly") else "write"


def asks(server: McpServer, offer: Offer) -> bool:
    """Whether each call of a tool needs a person's approval; the protocol's default for tools that write is yes."""
    if effect_of(server, offer) != "write" or server.approval == "never":
        return False
    is_harmless = server.trust == "trusted" and offer.hints.get("destructive") is False
    return server.approval == "always" or not is_harmless


def leaves_machine(server: McpServer, offer: Offer) -> bool:
    """Whether what a tool is given may reach other machines."""
    preset = PRESETS.get(server.preset)
    if preset is not None and preset.is_local:
        return False
    return not (server.trust == "trusted" and offer.hints.get("openWorld") is False and not server.url)


def _tool(name: str, server: McpServer, offer: Offer, asking: Asking) -> SchemaTool:
    async def call(*, planloom_context: ToolContext, **arguments: Any) -> Any:
        return await asking.call(offer, arguments, planloom_context)

    return SchemaTool(
        name=f"{name}.{offer.name}",
        description=offer.description or f"{offer.name} of the MCP server {name}",
        function=call,
        effect=effect_of(server, offer),
        timeout_s=_step_s(server),
        concurrency=server.concurrency,
        destructive=asks(server, offer),
        outward=leaves_machine(server, offer),
        idempotent=server.trust == "trusted" and bool(offer.hints.get("idempotent")),
        given_input=offer.input,
        given_output=OUTPUT if offer.output is None else offer.output,
        is_checked=True,
    )


def _step_s(server: McpServer) -> float:
    """How long a step may take: the call, and before it perhaps the server's start. 0: the setting's default."""
    return server.timeout_s + server.connect_timeout_s if server.timeout_s else 0.0


def _extras(name: str, server: McpServer, listing: Listing, asking: Asking) -> Iterator[SchemaTool]:
    """Reading what a server has beside tools; the protocol says that this changes nothing."""
    options: dict[str, Any] = {"effect": "read", "timeout_s": _step_s(server), "is_checked": True}

    async def list_resources() -> Any:
        return await asking.list_resources()

    async def read_resource(*, uri: str, planloom_context: ToolContext) -> Any:
        return await asking.read_resource(uri, planloom_context)

    async def list_prompts() -> Any:
        return await asking.list_prompts()

    async def get_prompt(*, name: str, arguments: dict[str, str] | None = None) -> Any:
        return await asking.get_prompt(name, arguments or {})

    if listing.has_resources:
        yield SchemaTool(
            name=f"{name}.list_resources",
            description=f"Lists the resources of the MCP server {name}.",
            function=list_resources,
            given_input=_object(),
            given_output=_ITEMS,
            **options,
        )
        yield SchemaTool(
            name=f"{name}.read_resource",
            description=f"Reads a resource of the MCP server {name} by its uri.",
            function=read_resource,
            given_input=_object(uri=_TEXT),
            given_output=OUTPUT,
            outward=leaves_machine(server, _NO_OFFER),
            **options,
        )
    if listing.has_prompts:
        yield SchemaTool(
            name=f"{name}.list_prompts",
            description=f"Lists the prompts of the MCP server {name}.",
            function=list_prompts,
            given_input=_object(),
            given_output=_PROMPTS,
            **options,
        )
        yield SchemaTool(
            name=f"{name}.get_prompt",
            description=f"Fills in a prompt of the MCP server {name}.",
            function=get_prompt,
            given_input=_object(
                ("arguments",), name=_TEXT, arguments={"type": "object", "additionalProperties": _TEXT}
            ),
            given_output=_MESSAGES,
            **options,
        )


_NO_OFFER = Offer(name="", original="", description="", input={})


def _object(optional: tuple[str, ...] = (), **properties: Any) -> Mapping[str, Any]:
    required = [key for key in properties if key not in optional]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _matching(patterns: Any, offer: Offer) -> str | None:
    """The pattern that names a tool by either of its names; an exact one first."""
    if offer.name in patterns or offer.original in patterns:
        return offer.name if offer.name in patterns else offer.original
    return next((one for one in patterns if fnmatchcase(offer.name, one) or fnmatchcase(offer.original, one)), None)
