"""What a server's result is to a plan: plain data, and files for what is no text. Rule: nothing is cut silently."""

from __future__ import annotations

import base64
import binascii
import json
import mimetypes
from collections.abc import Iterable, Mapping
from typing import Any

from ...errors import ToolError
from ..tool import ToolContext
from .launch import Launch
from .schemas import clean

_LINK: Mapping[str, Any] = {
    "type": "object",
    "properties": {"uri": {"type": "string"}, "name": {"type": "string"}, "media_type": {"type": "string"}},
    "required": ["uri", "name", "media_type"],
}
_FILE: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "path": {"type": "string"},
        "media_type": {"type": "string"},
        "size_bytes": {"type": "integer"},
        "uri": {"type": "string"},
    },
    "required": ["path", "media_type", "size_bytes", "uri"],
}
# of tools that do not say what they return
OUTPUT: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "text": {"type": "string"},
        "data": {},
        "files": {"type": "array", "items": _FILE},
        "links": {"type": "array", "items": _LINK},
    },
    "required": ["text", "data", "files", "links"],
}
_ERROR_CHARS = 2_000


def value_of(result: Any, name: str, launch: Launch, context: ToolContext, *, is_typed: bool) -> Any:
    """The value of a tool's result: what its schema describes when `is_typed`, else one of the shape `OUTPUT`.

    Pictures, sounds and other files are written to the run's folder and become artifacts. `data` is what the server
    gave as data, or the text when it is JSON; None otherwise.

    Raises:
        ToolError: the server says that the call failed, or the result lacks what it promised.
    """
    parts = _Parts(context, name)
    for block in result.content:
        parts.take(block)
    text = launch.masked("\n".join(parts.texts))
    if result.isError:
        raise ToolError(f"{name}: {clean(text, _ERROR_CHARS) or 'the server says it failed, and not why'}")
    if is_typed:
        if result.structuredContent is None:
            raise ToolError(f"{name} promises data by its schema and returned none; its text: {clean(text, 200)!r}")
        return _masked(result.structuredContent, launch)
    data = result.structuredContent if result.structuredContent is not None else _parsed(text)
    return {"text": text, "data": _masked(data, launch), "files": parts.files, "links": parts.links}


def contents_of(contents: Iterable[Any], name: str, launch: Launch, context: ToolContext) -> dict[str, Any]:
    """The value of a resource that was read, of the shape `OUTPUT`."""
    parts = _Parts(context, name)
    for item in contents:
        parts.resource(item)
    text = launch.masked("\n".join(parts.texts))
    return {"text": text, "data": _masked(_parsed(text), launch), "files": parts.files, "links": parts.links}


class _Parts:
    """The parts of one result, sorted by kind."""

    def __init__(self, context: ToolContext, name: str) -> None:
        self._context = context
        self._name = name
        self.texts: list[str] = []
        self.files: list[dict[str, Any]] = []
        self.links: list[dict[str, Any]] = []

    def take(self, block: Any) -> None:
        match block.type:
            case "text":
                self.texts.append(block.text)
            case "image" | "audio":
                self._file(block.data, block.mimeType, "")
            case "resource":
                self.resource(block.resource)
            case "resource_link":
                media_type = block.mimeType or ""
                self.links.append({"uri": str(block.uri), "name": clean(block.name, 200), "media_type": media_type})

    def resource(self, resource: Any) -> None:
        if hasattr(resource, "text"):
            self.texts.append(resource.text)
        else:
            self._file(resource.blob, resource.mimeType, str(resource.uri))

    def _file(self, encoded: str, media_type: str | None, uri: str) -> None:
        try:
            data = base64.b64decode(encoded, validate=False)
        except (binascii.Error, ValueError) as error:
            raise ToolError(f"{self._name} returned a file that is not base64: {error}") from error
        kind = media_type or "application/octet-stream"
        ending = mimetypes.guess_extension(kind.partition(";")[0].strip()) or ".bin"
        own = uri.rpartition("/")[2].partition("?")[0]
        path = self._context.workspace.output(own if "." in own else f"{self._name}{ending}")
        path.write_bytes(data)
        self._context.artifact(path, kind)
        shown = self._context.workspace.shown(path)
        self.files.append({"path": shown, "media_type": kind, "size_bytes": len(data), "uri": uri})


def is_heavy(result: Any) -> bool:
    """Whether taking a result apart takes long enough to belong in a thread."""
    blocks = result.content
    return any(block.type != "text" or len(block.text) > 100_000 for block in blocks) or len(blocks) > 100


def _parsed(text: str) -> Any:
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None


def _refuse(name: str) -> Any:
    raise ValueError(name)  # NaN and infinity are no JSON


def _masked(value: Any, launch: Launch) -> Any:
    if not launch.secrets:
        return value
    if isinstance(value, str):
        return launch.masked(value)
    if isinstance(value, dict):
        return {launch.masked(key): _masked(inner, launch) for key, inner in value.items()}
    return [_masked(inner, launch) for inner in value] if isinstance(value, list) else value
