"""Where a role's calls go, and with what. Rule: what is shown of an address holds no name, password or query."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from ..config import Models as Settings
from .quiet import plain

RoleName = Literal["planner", "worker", "verifier", "writer", "embeddings"]
_OPENAI = "https://api.openai.com/v1"
_HIDDEN = "(key)"
_SHORTEST_KEY = 16  # shorter ones, such as "none" and "ollama", are words that texts may hold
_SHORTEST = 4  # shorter values in an address are no secrets, and would be taken out of every text


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where a role's calls go, and with what. `max_output_tokens` 0 and `temperature` -1: the server's defaults."""

    base_url: str = field(repr=False)
    api_key: str = field(repr=False)
    model: str
    temperature: float
    max_output_tokens: int
    timeout_s: float

    @property
    def shown(self) -> str:
        """The address for people."""
        return plain(self.base_url)

    @property
    def url(self) -> str:
        """The address without its query, for the client."""
        return urlsplit(self.base_url)._replace(query="", fragment="").geturl().rstrip("/")

    @property
    def query(self) -> Mapping[str, str]:
        """What every call has behind its question mark, such as Azure's api-version."""
        return dict(parse_qsl(urlsplit(self.base_url).query))

    @property
    def is_azure(self) -> bool:
        """Whether keys go in Azure's own header too."""
        host = urlsplit(self.base_url).hostname or ""
        return host.endswith((".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com"))

    def hide(self, text: str) -> str:
        """A text, as of a server that repeats what it was sent, without the secrets of this endpoint."""
        for secret in self._secrets():
            text = text.replace(secret, _HIDDEN)
        return text

    def _secrets(self) -> list[str]:
        parts = urlsplit(self.base_url)
        user = parts.netloc.rpartition("@")[0]
        found = [self.api_key, user, *user.split(":"), parts.query, *self.query.values()]
        known = {form for text in found for form in (text, unquote(text)) if len(form) >= _SHORTEST}
        return sorted(known, key=len, reverse=True)


def keys_of(settings: Settings) -> list[str]:
    """All keys in the settings that are long enough to be secrets, the longest first."""
    groups = (settings, settings.planner, settings.worker, settings.verifier, settings.writer, settings.embeddings)
    found = {group.api_key.get_secret_value().strip() for group in groups}
    return sorted((key for key in found if len(key) >= _SHORTEST_KEY), key=len, reverse=True)


def endpoint_of(settings: Settings, role: RoleName) -> Endpoint | None:
    """The endpoint of a role, None when there is no model for it."""
    own = getattr(settings, role)
    is_elsewhere = bool(own.base_url) and own.base_url != settings.base_url
    shared = "" if is_elsewhere else settings.api_key.get_secret_value()  # a key never goes to another server
    key = (own.api_key.get_secret_value() or shared).strip()
    base_url = own.base_url or settings.base_url or (_OPENAI if key else "")
    model = own.model or settings.model
    if not base_url or not model:
        return None
    return Endpoint(
        base_url=base_url.strip().rstrip("/"),
        api_key=key,
        model=model,
        temperature=own.temperature,
        max_output_tokens=own.max_output_tokens or settings.max_output_tokens,
        timeout_s=settings.timeout_s,
    )
