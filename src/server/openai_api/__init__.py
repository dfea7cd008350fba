"""Planloom as a model, for OpenAI clients: `/v1/models` and `/v1/chat/completions`.

Rule: the last message of the user is the goal, a run answers it; what the run does on the way is told as it happens
where the client streams. The client keeps the conversation and sends all of it, so the earlier messages become those
of a session of its own; the session goes on from request to request while its beginning stays the same.
"""

from __future__ import annotations

from .pages import CompletionPages

__all__ = ["CompletionPages"]
