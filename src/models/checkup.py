"""One call for what each role needs of its model, and in plain words what is wrong.

Rule: the calls are those of a run, through the same client but without limits and repeats; no key is ever told.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import httpx2

from ..config import Models as Settings
from ..errors import ModelError, TransientError
from .client import Message, Models
from .endpoints import Endpoint, RoleName, endpoint_of
from .failures import refuse_redirect

State = Literal["ok", "note", "problem"]
Ability = Literal["stream", "reply", "tools", "json", "embeddings"]
DEADLINE_S = 15.0

_NEEDS: tuple[tuple[RoleName, Ability], ...] = (
    ("planner", "stream"),
    ("worker", "reply"),
    ("worker", "tools"),
    ("verifier", "json"),
    ("writer", "stream"),
    ("embeddings", "embeddings"),
)
_INSTEAD: Mapping[RoleName, str] = {
    "planner": "playbooks plan",
    "worker": "tools alone do the steps",
    "verifier": "rules verify",
    "writer": "templates write",
    "embeddings": "words are compared",
}
_ASKED: tuple[Message, ...] = ({"role": "user", "content": "Answer with the one word: ready"},)
_ASKED_JSON: tuple[Message, ...] = ({"role": "user", "content": "Is 2 less than 3? Say it in the field `answer`."},)
_ASKED_TOOL: tuple[Message, ...] = ({"role": "user", "content": "What time is it in Oslo? Call the tool `time_in`."},)
_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"answer": {"type": "string", "enum": ["yes", "no"]}},
    "required": ["answer"],
    "additionalProperties": False,
}
_TOOL: Mapping[str, Any] = {
    "type": "function",
    "function": {
        "name": "time_in",
        "description": "The time in a place.",
        "parameters": {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]},
    },
}
_NO_MODEL = re.compile(
    r"model_not_found|DeploymentNotFound|(invalid|unknown|no such) model|model.{0,120}(does ?n.t|not) (exist|found)",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one look gave. `name`: the role, and what was looked at where a role has two; `note`: works without it."""

    name: str
    state: State
    told: str


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a call gave. `spoils`: what else it makes useless: all of the server, the model, or nothing."""

    state: State
    told: str
    spoils: Literal["server", "model", ""] = ""


async def look(settings: Settings, *, deadline_s: float = DEADLINE_S) -> list[Finding]:
    """What works and what does not, by role; servers side by side, calls to one server one after another.

    Equal checks of the same endpoint and model are one call; `deadline_s`: seconds one check may take.
    """
    endpoints = {role: endpoint_of(settings, role) for role in get_args(RoleName)}
    if not any(endpoints.values()):
        return [_unset(settings)]
    servers: dict[tuple[str, str], _Server] = {}
    for role, ability in _NEEDS:
        if (endpoint := endpoints[role]) is not None:
            server = servers.setdefault((endpoint.base_url, endpoint.api_key), _Server(settings, deadline_s, []))
            server.needs.append((role, ability, endpoint))
    answers: dict[tuple[RoleName, Ability], _Answer] = {}
    for found in await asyncio.gather(*(server.look() for server in servers.values())):
        answers |= found
    absent = {need: _Answer("note", f"no model: {_INSTEAD[need[0]]}") for need in _NEEDS if need not in answers}
    return [_finding(need, (answers | absent)[need]) for need in _NEEDS if need[1] != "tools" or need in answers]


def _unset(settings: Settings) -> Finding:
    """Why there is no model at all."""
    roles = [getattr(settings, role) for role in get_args(RoleName)]
    if any(group.model for group in (settings, *roles)):
        told = "no key and no address: set models.api_key (or OPENAI_API_KEY), or models.base_url for your own server"
        return Finding(name="models", state="problem", told=told)
    if any(group.base_url or group.api_key.get_secret_value() for group in (settings, *roles)):
        told = "an address or key is set, but no model name, so none is used: set models.model (PLANLOOM_MODELS__MODEL)"
        return Finding(name="models", state="note", told=told)
    return Finding(name="models", state="note", told="none: playbooks plan, rules verify, templates write")


def _finding(need: tuple[RoleName, Ability], answer: _Answer) -> Finding:
    role, ability = need
    return Finding(name=f"{role} tools" if ability == "tools" else role, state=answer.state, told=answer.told)


@dataclass(slots=True)
class _Server:
    """The checks of one server with one key."""

    settings: Settings
    deadline_s: float
    needs: list[tuple[RoleName, Ability, Endpoint]]

    async def look(self) -> dict[tuple[RoleName, Ability], _Answer]:
        """The answers; once the server or a model is useless, it is not called again."""
        known: dict[tuple[Endpoint, Ability], _Answer] = {}
        spoilt: dict[str, _Answer] = {}
        found: dict[tuple[RoleName, Ability], _Answer] = {}
        for role, ability, endpoint in self.needs:
            answer = spoilt.get("") or spoilt.get(endpoint.model) or known.get((endpoint, ability))
            if answer is None:
                answer = known[endpoint, ability] = await self._answer(role, ability, endpoint)
                if answer.spoils:
                    spoilt["" if answer.spoils == "server" else endpoint.model] = answer
            found[role, ability] = self._weighed(role, answer)
        return found

    async def _answer(self, role: RoleName, ability: Ability, endpoint: Endpoint) -> _Answer:
        witness = _Witness(httpx2.AsyncHTTPTransport())
        call = _Call(Models(self.settings, witness), witness, role, endpoint)
        try:
            async with asyncio.timeout(self.deadline_s):
                return await _CALLS[ability](call)
        except TimeoutError:
            told = f"no reply within {self.deadline_s:g} s; a server that still loads its model needs a second try"
            return _Answer("problem", f"{_at(endpoint)}: {told}", "server")
        except Exception as error:  # noqa: BLE001  # the border: what servers send is not foreseen
            return _why(error, witness, endpoint, ability)
        finally:
            await call.models.close()
            await witness.aclose()

    def _weighed(self, role: RoleName, answer: _Answer) -> _Answer:
        """Embeddings that nobody set are no problem when they are missing."""
        own = self.settings.embeddings
        is_asked_for = role != "embeddings" or own.model or own.base_url
        return answer if is_asked_for or answer.state == "ok" else replace(answer, state="note")


class _Witness(httpx2.AsyncBaseTransport):
    """Remembers the last request and what came of it. `status` 0: nothing came back."""

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        self._inner = inner
        self.sent: Any = None
        self.status = 0
        self.kind = ""
        self.text = ""
        self.cause: httpx2.TransportError | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The reply of `inner`; refusals are read whole.

        Raises:
            httpx2.TransportError: as `inner`.
        """
        self.sent = json.loads(await request.aread() or b"null")
        self.status, self.kind, self.text, self.cause = 0, "", "", None
        try:
            response = await self._inner.handle_async_request(request)
            self.status, self.kind = response.status_code, response.headers.get("content-type", "")
            if response.status_code >= 400:
                self.text = (await response.aread()).decode("utf-8", "replace")
        except httpx2.TransportError as error:
            self.cause = error
            raise
        return response

    async def aclose(self) -> None:
        """Closes the connections; may be called again."""
        await self._inner.aclose()


# ---- the calls


@dataclass(frozen=True, slots=True)
class _Call:
    models: Models
    witness: _Witness
    role: RoleName
    endpoint: Endpoint


async def _streams(call: _Call) -> _Answer:
    pieces = [piece async for piece in call.models.stream(call.role, _ASKED)]
    if not "".join(pieces).strip():
        return _Answer("problem", f"{_at(call.endpoint)}: the streamed reply was empty")
    return _Answer("ok", f"{_at(call.endpoint)} streams")


async def _replies(call: _Call) -> _Answer:
    reply = await call.models.complete(call.role, _ASKED)
    if not reply.text:
        return _Answer("problem", f"{_at(call.endpoint)}: the reply was empty")
    return _Answer("ok", f"{_at(call.endpoint)} replies")


async def _calls_tools(call: _Call) -> _Answer:
    endpoint = call.endpoint
    body: dict[str, Any] = {"model": endpoint.model, "messages": list(_ASKED_TOOL), "tools": [_TOOL]}
    if endpoint.max_output_tokens:
        body["max_tokens"] = endpoint.max_output_tokens
    headers = {"Authorization": f"Bearer {endpoint.api_key or 'none'}"}
    headers |= {"api-key": endpoint.api_key} if endpoint.is_azure else {}
    client = httpx2.AsyncClient(
        transport=call.witness,
        headers=headers,
        timeout=None,  # the whole look has a deadline
        follow_redirects=True,
        event_hooks={"response": [refuse_redirect]},
    )
    response = await client.post(f"{endpoint.url}/chat/completions", json=body, params=dict(endpoint.query))
    if response.status_code in (400, 404, 422, 500, 501):  # a reply came before: it is the tools
        return _Answer("note", f"{_at(endpoint)}: no tools: {_said(call.witness, endpoint)}")
    if response.status_code >= 400:
        raise ModelError(f"refused with {response.status_code}", kind="reply")
    try:
        is_called = bool(response.json()["choices"][0]["message"].get("tool_calls"))
    except (ValueError, LookupError, TypeError, AttributeError):
        is_called = False
    if not is_called:
        return _Answer("note", f"{_at(endpoint)}: takes tools, but did not call the one it was asked to")
    return _Answer("ok", f"{_at(endpoint)} calls tools")


async def _gives_json(call: _Call) -> _Answer:
    await call.models.structured(call.role, _ASKED_JSON, name="answer", schema=_SCHEMA)
    wanted = call.witness.sent.get("response_format") or {}
    match wanted.get("type", "text"):
        case "json_schema":
            return _Answer("ok", f"{_at(call.endpoint)} gives JSON by schema (json_schema)")
        case "json_object":
            told = "no JSON schema; JSON mode works (json_object), and each reply is checked"
        case _:
            told = "no JSON schema and no JSON mode; JSON in the text works (text), and each reply is checked"
    return _Answer("note", f"{_at(call.endpoint)}: {told}")


async def _embeds(call: _Call) -> _Answer:
    sizes = {len(vector) for vector in await call.models.embed(["a boat in the harbour", "bread and butter"])}
    if len(sizes) != 1 or 0 in sizes:
        told = f"expected two vectors of one dimension, got dimensions {sorted(sizes)}"
        return _Answer("problem", f"{_at(call.endpoint)}: {told}")
    return _Answer("ok", f"{_at(call.endpoint)} embeds, {sizes.pop()} dimensions")


_CALLS: Mapping[Ability, Callable[[_Call], Awaitable[_Answer]]] = {
    "stream": _streams,
    "reply": _replies,
    "tools": _calls_tools,
    "json": _gives_json,
    "embeddings": _embeds,
}


# ---- what is wrong


def _why(error: Exception, seen: _Witness, endpoint: Endpoint, ability: Ability) -> _Answer:
    where, status = _at(endpoint), seen.status
    said = _said(seen, endpoint)
    if not status:
        return _Answer("problem", f"{where}: {_unreached(seen, endpoint)}", "server")
    if status in (401, 403):
        return _Answer("problem", f"{where}: {_keyless(endpoint, status)}", "server")
    if status in (402, 429):
        return _Answer("note", f"{where}: too many requests now, or no money left: {said}")
    if status >= 500:
        return _Answer("problem", f"{where}: the server failed: {said}")
    if 300 <= status < 400:
        return _Answer("problem", str(error), "server")
    if _NO_MODEL.search(seen.text) and status >= 400:
        return _Answer("problem", f"{where}: the server knows no model of this name: {said}", "model")
    if "html" in seen.kind:
        told = f"a web page came back ({status}), no reply of a model; the address is wrong, it usually ends in /v1"
        return _Answer("problem", f"{where}: {told}", "server")
    if ability == "embeddings":
        told = "no embeddings; name a model that gives them in models.embeddings"
        return _Answer("problem", f"{where}: {told}{f': {said}' if seen.text else ''}")
    if status in (404, 405):
        told = f"nothing is at this address ({status}); it usually ends in /v1"
        return _Answer("problem", f"{where}: {told}", "server")
    if status >= 400:
        return _Answer("problem", f"{where}: the request was refused: {said}")
    return _Answer("problem", f"{where}: {_unusable(error, seen, ability)}")


def _unreached(seen: _Witness, endpoint: Endpoint) -> str:
    if not endpoint.base_url.startswith(("http://", "https://")):
        return "expected an address that begins with http:// or https://"
    if isinstance(seen.cause, httpx2.ReadTimeout):
        return f"no reply within {endpoint.timeout_s:g} s (models.timeout_s)"
    reason = f" ({str(seen.cause) or type(seen.cause).__name__})" if seen.cause is not None else ""
    return f"no connection{reason}; is the server running, and is the address right?"


def _keyless(endpoint: Endpoint, status: int) -> str:
    if not endpoint.api_key:
        return f"no key is set and the server wants one ({status}); set models.api_key or OPENAI_API_KEY"
    return f"the key was refused ({status}); check models.api_key or OPENAI_API_KEY"


def _unusable(error: Exception, seen: _Witness, ability: Ability) -> str:
    if isinstance(error, TransientError):
        return "the connection broke off in the middle of the reply"
    if ability == "json":
        return "no JSON that fits the schema, neither by schema nor by JSON mode nor in the text"
    return f"the reply is not what a chat completion is ({seen.kind or 'no content type'})"


def _said(seen: _Witness, endpoint: Endpoint) -> str:
    """The status and the server's own words in one line; some servers repeat the key they were given."""
    try:
        found = json.loads(seen.text)
    except ValueError:
        found = None
    error = found.get("error", found) if isinstance(found, Mapping) else found
    message = error.get("message") or error.get("detail") if isinstance(error, Mapping) else error
    words = " ".join(message.split()) if isinstance(message, str) else ""
    words = endpoint.hide(words)
    return f"{seen.status}, {words[:200]}" if words else str(seen.status)


def _at(endpoint: Endpoint) -> str:
    return f"{endpoint.model} at {endpoint.shown}"
