"""The server's own description as OpenAPI 3.1, made of its endpoints, so that it says what they do."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from .endpoint import Endpoint

_PARAMETER = re.compile(r"\{([a-z0-9_]+)\}")
_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message"],
            "properties": {
                "code": {"type": ["string", "null"]},
                "message": {"type": "string"},
                "input": {"type": "string"},
                "findings": {"type": "array", "items": {"type": "object"}},
            },
        }
    },
}
_REFUSALS = {
    "400": "It does not fit what is expected.",
    "401": "A token is needed.",
    "403": "It comes from somewhere else.",
    "404": "There is no such thing for you.",
    "405": "There is no such method here.",
    "408": "Its body did not come in time.",
    "409": "It can't be done as things stand; the text says why.",
    "413": "It is too large.",
    "422": "An input is missing, or a plan has faults.",
    "429": "It is too much at once.",
    "503": "The server begins or ends.",
}


def description(endpoints: Iterable[Endpoint], version: str) -> dict[str, Any]:
    """The whole document."""
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Planloom",
            "version": version,
            "description": "Runs goals. The same over a socket at /ws/chat; its frames are at /protocol.json.",
        },
        "paths": paths,
        "components": {
            "schemas": {"Error": _ERROR},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}, {}],
    }


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    told: dict[str, Any] = {
        "summary": endpoint.summary,
        "parameters": [*_places(endpoint), *_queries(endpoint)],
        "responses": {**_good(endpoint), **{status: _refusal(text) for status, text in _REFUSALS.items()}},
    }
    if endpoint.body is not None:
        schema = endpoint.body.model_json_schema()
        is_needed = bool(schema.get("required"))
        told["requestBody"] = {"required": is_needed, "content": {"application/json": {"schema": schema}}}
    elif endpoint.takes_file:
        told["requestBody"] = {
            "required": True,
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        }
    if endpoint.is_open:
        told["security"] = [{}]
    return told


def _places(endpoint: Endpoint) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name in _PARAMETER.findall(endpoint.path)
    ]


def _queries(endpoint: Endpoint) -> list[dict[str, Any]]:
    if endpoint.query is None:
        return []
    schema = endpoint.query.model_json_schema()
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "description": told.get("description", ""),
            "schema": {key: value for key, value in told.items() if key not in ("title", "description")},
        }
        for name, told in schema["properties"].items()
    ]


def _good(endpoint: Endpoint) -> dict[str, Any]:
    if isinstance(endpoint.answer, str):
        content: dict[str, Any] = {endpoint.answer: {}}
    else:
        content = {"application/json": {"schema": dict(endpoint.answer)}}
    return {"2XX": {"description": "Done.", "content": content}}


def _refusal(text: str) -> dict[str, Any]:
    return {"description": text, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}
