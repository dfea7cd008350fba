"""Our models for langchain: the same endpoint, the same governed HTTP pool, no retries of its own.

Rule: with `openai` in `client`, the second and last owner of the libraries of OpenAI's protocol.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import SecretStr

from .client import Endpoint, Models

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel


def chat_model(models: Models, endpoint: Endpoint) -> BaseChatModel:
    """A chat model of langchain whose calls are admitted, measured and counted as all others.

    `BaseChatOpenAI` and not `ChatOpenAI`: it sends `max_tokens`, which every compatible server knows.
    """
    from langchain_openai.chat_models.base import BaseChatOpenAI

    return BaseChatOpenAI(
        model=endpoint.model,
        base_url=endpoint.base_url,
        api_key=SecretStr(endpoint.api_key or "none"),
        http_async_client=models.http(endpoint),
        max_retries=0,
        timeout=endpoint.timeout_s,
        temperature=endpoint.temperature if endpoint.temperature >= 0 else None,
        max_tokens=endpoint.max_output_tokens or None,
        disable_streaming=True,
    )
