"""Files that runs made, over HTTP. Rule: a file is served only while it is what the journal says it is, by its hash.

What a browser could run is shown without scripts and in a sandbox of its own; what it does not know is only saved.
"""

from __future__ import annotations

import mimetypes
from urllib.parse import quote

from pydantic import Field
from starlette.responses import FileResponse, Response

from ..desk import Desk
from ..shelf import Shelf
from .endpoint import Call, Endpoint, Query

_TEXTS = ("text/plain", "text/csv", "text/markdown", "application/json", "text/tab-separated-values")
_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp")
_SANDBOXED = ("text/html", "image/svg+xml", "application/xhtml+xml")
_SOUNDS = ("audio/mpeg", "audio/wav", "audio/x-wav", "audio/ogg", "video/mp4", "video/webm")
SAFE = frozenset((*_TEXTS, *_PICTURES, *_SANDBOXED, *_SOUNDS, "application/pdf"))
_NOTHING = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; media-src data:"


class FileQuery(Query):
    download: bool = Field(False, description="Save it instead of showing it.")


class ArtifactPages:
    """Files by run and hash."""

    def __init__(self, shelf: Shelf, desk: Desk) -> None:
        self._shelf = shelf
        self._desk = desk

    def endpoints(self) -> list[Endpoint]:
        """What is offered."""
        one = "/api/runs/{run_id}/artifacts/{sha256}"
        return [
            Endpoint(
                method="GET",
                path=path,
                handler=self._file,
                summary="A file that a run made; ranges work.",
                query=FileQuery,
                answer="application/octet-stream",
            )
            for path in (one, f"{one}/{{name}}")
        ]

    async def _file(self, call: Call) -> Response:
        run_id = call.path("run_id")
        await self._desk.session_of(run_id, call.owner)
        name = str(call.request.path_params.get("name", ""))
        path, made = await self._shelf.artifact(run_id, call.path("sha256"), name)
        kind = media_type(made.media_type, path.name)
        shows = kind in SAFE and not call.query.download
        return FileResponse(path, headers=file_headers(path.name, kind, shows=shows), media_type=_charset(kind))


def media_type(declared: str, name: str) -> str:
    """The type a file is served as: as declared or by its name, else unknown bytes."""
    plain = declared.partition(";")[0].strip().lower()
    if plain in SAFE:
        return plain
    guessed = mimetypes.guess_type(name)[0] or ""
    return guessed if guessed in SAFE else "application/octet-stream"


def file_headers(name: str, kind: str, *, shows: bool) -> dict[str, str]:
    """Headers that keep a file from being more than a file."""
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\;%' else "_" for c in name) or "file"
    how = "inline" if shows else "attachment"
    sandbox = "sandbox" if kind != "application/pdf" else "sandbox allow-scripts"  # the browser's own viewer needs them
    return {
        "Content-Disposition": f"{how}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}",
        "Content-Security-Policy": f"{_NOTHING}; frame-ancestors 'self'; {sandbox}",
        "X-Frame-Options": "SAMEORIGIN",
        "Cache-Control": "private, max-age=3600",
    }


def _charset(kind: str) -> str:
    return f"{kind}; charset=utf-8" if kind in _TEXTS or kind == "text/html" else kind
