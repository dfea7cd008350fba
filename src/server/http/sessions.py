"""Sessions over HTTP, and the files that people put into them."""

from __future__ import annotations

import asyncio
import mimetypes
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field
from starlette.responses import Response

from ...agents.workspace import Workspace, safe_name
from ...errors import ToolError, UsageError
from ..desk import Desk
from ..owners import Owners
from ..shelf import Shelf
from .endpoint import Call, Endpoint, Query, as_json, body_of

if TYPE_CHECKING:
    from ...orchestrator.runtime import Planloom

_UPLOADS = "uploads"


class SearchQuery(Query):
    search: str = Field("", max_length=200, description="Words of the title; empty: all.")
    limit: int = Field(100, ge=1, le=1_000, description="Sessions at most.")


class EventsQuery(Query):
    after: int = Field(0, ge=0, le=2**53, description="The last event that was seen. 0: from the beginning.")
    limit: int = Field(1_000, ge=1, le=10_000, description="Events at most.")
    run_id: str = Field("", max_length=64, description="Only those of this run; empty: all.")


class SessionPages:
    """Lists, shows and removes sessions; takes files into them."""

    def __init__(self, loom: Planloom, shelf: Shelf, owners: Owners, desk: Desk) -> None:
        self._loom = loom
        self._shelf = shelf
        self._owners = owners
        self._desk = desk
        self._workspace = Path(loom.config.workspace).expanduser().resolve()

    def endpoints(self) -> list[Endpoint]:
        """What is offered."""
        one = "/api/sessions/{session_id}"
        return [
            Endpoint(
                method="GET",
                path="/api/sessions",
                handler=self._list,
                summary="Your sessions, the one used last first.",
                query=SearchQuery,
            ),
            Endpoint(method="GET", path=one, handler=self._show, summary="A session as it is now."),
            Endpoint(method="DELETE", path=one, handler=self._delete, summary="Removes a session for good."),
            Endpoint(
                method="GET",
                path=f"{one}/events",
                handler=self._events,
                summary="Events of a session, in order.",
                query=EventsQuery,
            ),
            Endpoint(
                method="GET", path=f"{one}/files", handler=self._files, summary="Files that were put into a session."
            ),
            Endpoint(
                method="PUT",
                path=f"{one}/files/{{name}}",
                handler=self._upload,
                summary="Puts a file into a session's folder of the workspace; an existing one stays.",
                takes_file=True,
            ),
        ]

    async def _list(self, call: Call) -> Response:
        found, total = await self._shelf.sessions(call.owner, call.query.search, call.query.limit)
        return as_json({"sessions": found, "total": total})

    async def _show(self, call: Call) -> Response:
        told = await self._shelf.snapshot(self._checked(call))
        return as_json({name: getattr(told, name) for name in _SNAPSHOT})

    async def _delete(self, call: Call) -> Response:
        session_id = self._checked(call)
        await asyncio.to_thread(self._loom.sessions.existing, session_id)
        self._loom.sessions.delete(session_id)
        self._owners.forget(session_id)
        return as_json({"deleted": session_id})

    async def _events(self, call: Call) -> Response:
        query = call.query
        events = await self._shelf.events(self._checked(call), query.after, query.limit, query.run_id)
        return as_json({"events": events})

    async def _files(self, call: Call) -> Response:
        session_id = self._checked(call, or_new=True)
        return as_json({"files": await asyncio.to_thread(self._listed, session_id)})

    def _listed(self, session_id: str) -> list[dict[str, Any]]:
        folder = self._workspace / _UPLOADS / session_id
        is_inside = folder.resolve() == folder
        found = sorted(folder.iterdir()) if is_inside and folder.is_dir() else []
        return [self._file(path) for path in found if path.is_file() and not path.is_symlink()]

    def _file(self, path: Path) -> dict[str, Any]:
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        place = str(path.relative_to(self._workspace))
        return {"name": path.name, "path": place, "size_bytes": path.stat().st_size, "media_type": kind}

    async def _upload(self, call: Call) -> Response:
        """The body is the file. It is whole, or not there."""
        limit = self._loom.config.server.max_upload_bytes
        session_id = self._checked(call, or_new=True)
        if not limit:
            raise UsageError("expected no uploads; set server.max_upload_bytes to take some")
        name = safe_name(call.path("name")).replace("/", "-")
        data = await body_of(call.request, limit)
        self._owners.claim(session_id, call.owner)
        try:
            path = await asyncio.to_thread(self._keep, session_id, name, data)
        except (ToolError, OSError) as error:
            raise UsageError(f"expected to keep {name!r} in the workspace, got: {error}") from error
        return as_json({"session_id": session_id, **self._file(path)}, 201)

    def _keep(self, session_id: str, name: str, data: bytes) -> Path:
        folder = self._workspace / _UPLOADS / session_id
        if folder.resolve() != folder:
            raise ToolError("a link leads out of the session's folder; remove it")
        path = Workspace(self._workspace, folder).output(name)
        try:
            path.write_bytes(data)
        except OSError:
            path.unlink(missing_ok=True)
            raise
        return path

    def _checked(self, call: Call, *, or_new: bool = False) -> str:
        """The session of the address.

        Raises:
            UsageError: it is not there (unless `or_new`), or somebody else's.
        """
        session_id = call.path("session_id")
        self._owners.check(session_id, call.owner, or_new=or_new)
        return session_id


_SNAPSHOT = ("session_id", "last_seq", "title", "messages", "runs", "approvals", "context")
