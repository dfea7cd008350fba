"""Which models are used for what, and how texts become vectors."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr

from .group import Group


class Role(Group):
    """A use of models; empty text and 0 mean: as in `models`."""

    model: str = Field("", description="Model name. Empty: that of `models`.")
    base_url: str = Field("", repr=False, description="Address of the endpoint, with /v1. Empty: that of `models`.")
    api_key: SecretStr = Field(SecretStr(""), description="Key of the endpoint. Empty: that of `models`.")
    temperature: float = Field(
        -1.0, ge=-1, le=2, description="Sampling temperature. 0: the likeliest words. -1: the server's default."
    )
    context_tokens: int = Field(0, ge=0, description="Tokens a request and its reply may have. 0: that of `models`.")
    max_output_tokens: int = Field(0, ge=0, description="Tokens a reply may have. 0: that of `models`.")


class Models(Group):
    """Any OpenAI-compatible endpoint. Without `base_url` and `api_key` nothing needs a model."""

    base_url: str = Field(
        "", repr=False, description="Address of the endpoint, with /v1. Empty: OpenAI's, when there is a key."
    )
    api_key: SecretStr = Field(SecretStr(""), description="Key. Empty: none is sent (local servers).")
    model: str = Field("", description="Model for every role that names none.")
    context_tokens: int = Field(128_000, ge=0, description="Tokens a request and its reply may have. 0: no limit.")
    max_output_tokens: int = Field(4096, ge=0, description="Tokens a reply may have. 0: the server's default.")
    timeout_s: float = Field(120.0, gt=0, description="Seconds one call may take, waiting for limits not counted.")
    max_wait_s: float = Field(
        3600.0, ge=0, description="Seconds a call may wait for limits and for a server to recover. 0: no limit."
    )
    max_attempts: int = Field(5, ge=1, description="Tries of a call whose error may pass, the first included.")
    prices: dict[str, dict[str, float]] = Field(
        default_factory=dict,
        description="US dollars for 1,000,000 tokens, by model name or pattern: "
        "{gpt-4o*: {input: 2.5, cached_input: 1.25, output: 10}}. A model not in it has an unknown cost. 0: free.",
    )
    planner: Role = Role()
    worker: Role = Role()
    verifier: Role = Role()
    writer: Role = Role()
    embeddings: Role = Role()


class Embeddings(Group):
    """How texts become vectors. The endpoint is that of `models.embeddings`."""

    provider: Literal["auto", "endpoint", "lexical", "sentence-transformers"] = Field(
        "auto",
        description="What makes vectors: endpoint, lexical (no model), sentence-transformers. "
        "auto: the endpoint when models.embeddings.model is set, else lexical.",
    )
    model: str = Field("", description="Name or folder of the sentence-transformers model. Empty: none.")
    batch_size: int = Field(100, ge=1, le=2048, description="Texts of one call at most. 1: one call a text.")
    batch_tokens: int = Field(100_000, ge=1, description="Tokens of one call at most, estimated. At least 1.")
    parallel_calls: int = Field(4, ge=1, le=64, description="Calls on the way at the same time. 1 to 64.")
    cache: bool = Field(True, description="On: vectors are kept in `state` by the content of their texts.")
    cache_bytes: int = Field(
        2_147_483_648, ge=0, description="Bytes of the vectors kept; the oldest go first. 0: none is kept."
    )
    text_prefix: str = Field("", description="Put before each indexed text, for models that want one.")
    query_prefix: str = Field("", description="Put before each question, for models that want one.")
