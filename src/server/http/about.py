"""What the server says of itself: health, metrics, playbooks, logging in, and its own description."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import StringConstraints
from starlette.responses import Response

from ...metrics import Metrics
from .. import protocol
from ..access import COOKIE, COOKIE_S, Access
from .endpoint import Body, Call, Endpoint, as_json, refused

if TYPE_CHECKING:
    from ...orchestrator.runtime import Planloom


class LoginBody(Body):
    token: Annotated[str, StringConstraints(max_length=1_000)] = ""


class AboutPages:
    """`is_ready` says whether it can be used; `describe` gives the OpenAPI description."""

    def __init__(
        self,
        loom: Planloom,
        access: Access,
        metrics: Metrics | None,
        is_ready: Callable[[], bool],
        describe: Callable[[], dict[str, Any]],
    ) -> None:
        self._loom = loom
        self._access = access
        self._metrics = metrics
        self._is_ready = is_ready
        self._describe = describe

    def endpoints(self) -> list[Endpoint]:
        """What is offered."""
        return [
            Endpoint(method="GET", path="/health/live", handler=self._live, summary="It lives.", is_open=True),
            Endpoint(method="GET", path="/health/ready", handler=self._ready, summary="It can be used.", is_open=True),
            Endpoint(
                method="GET",
                path="/metrics",
                handler=self._measured,
                summary="Measurements as Prometheus text.",
                answer="text/plain",
            ),
            Endpoint(method="GET", path="/openapi.json", handler=self._openapi, summary="This.", is_open=True),
            Endpoint(method="GET", path="/protocol.json", handler=self._protocol, summary="The socket.", is_open=True),
            Endpoint(
                method="GET", path="/api/playbooks", handler=self._playbooks, summary="What needs no model to plan."
            ),
            Endpoint(
                method="POST",
                path="/api/login",
                handler=self._login,
                summary="Gives a cookie for a token.",
                body=LoginBody,
                is_open=True,
            ),
            Endpoint(
                method="POST", path="/api/logout", handler=self._logout, summary="Takes the cookie back.", is_open=True
            ),
        ]

    async def _live(self, call: Call) -> Response:
        return as_json({"status": "live"})

    async def _ready(self, call: Call) -> Response:
        return as_json({"status": "ready"}) if self._is_ready() else as_json({"status": "starting"}, 503)

    async def _measured(self, call: Call) -> Response:
        if self._metrics is None:
            return refused("not_found", "expected monitoring.enabled to be on, got off")
        return Response(self._metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def _openapi(self, call: Call) -> Response:
        return as_json(self._describe())

    async def _protocol(self, call: Call) -> Response:
        return as_json(protocol.schema())

    async def _playbooks(self, call: Call) -> Response:
        return as_json({"playbooks": [_told(playbook) for playbook in self._loom.library.all()]})

    async def _login(self, call: Call) -> Response:
        if not self._access.needs_token:
            return as_json({"owner": call.owner})
        client = self._access.known(call.body.token)
        if client is None:
            return refused("unauthorized", "expected a token of this server, got another")
        response = as_json({"owner": client.owner})
        is_secure = call.request.url.scheme == "https"
        cookie = self._access.cookie(client)
        response.set_cookie(COOKIE, cookie, COOKIE_S, httponly=True, samesite="strict", secure=is_secure)
        return response

    async def _logout(self, call: Call) -> Response:
        response = as_json({"owner": ""})
        response.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return response


def _told(playbook: Any) -> dict[str, Any]:
    return {
        "name": playbook.name,
        "purpose": playbook.purpose,
        "examples": list(playbook.examples),
        "inputs": {name: _input(declared) for name, declared in playbook.inputs.items()},
    }


def _input(declared: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(declared)
