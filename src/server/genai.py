"""The names of OpenTelemetry's conventions for generative AI. Rule: written nowhere else, for they change.

https://opentelemetry.io/docs/specs/semconv/gen-ai/ as of version 1.37, still in development.
"""

from __future__ import annotations

from typing import Any

from ..events import ModelCall

GOOD = ("ok", "done", "cached")
_AGENT = "agent:"


def span_name(said: ModelCall) -> str:
    """`{operation} {model}`."""
    return f"{_operation(said)} {said.model}"


def call(said: ModelCall) -> dict[str, Any]:
    """Attributes of a request to a model."""
    known: dict[str, Any] = {
        "gen_ai.operation.name": _operation(said),
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": said.model,
        "gen_ai.usage.input_tokens": said.prompt_tokens,
        "gen_ai.usage.output_tokens": said.completion_tokens,
        "planloom.model.role": said.role,
        "planloom.model.cached_tokens": said.cached_tokens,
        "planloom.model.wait_s": said.waited_s,
        "planloom.model.outcome": said.outcome,
    }
    if said.cost_usd is not None:
        known["planloom.cost_usd"] = said.cost_usd
    return known


def tool(action: str) -> dict[str, str]:
    """Attributes of a step: an agent's or a tool's."""
    if action.startswith(_AGENT):
        return {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": action.removeprefix(_AGENT)}
    return {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": action}


def _operation(said: ModelCall) -> str:
    return "embeddings" if said.role == "embeddings" else "chat"
