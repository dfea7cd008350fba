"""The ids of sessions. Rule: an id is never a path."""

from __future__ import annotations

import re
import secrets

from ...errors import UsageError

_PATTERN = re.compile(r"[A-Za-z0-9_-]{1,64}")


def new_id() -> str:
    """128 random bits as 32 hexadecimal digits: nobody guesses another's."""
    return secrets.token_hex(16)


def is_id(text: str) -> bool:
    """Whether a text can be a session's id."""
    return _PATTERN.fullmatch(text) is not None


def checked(session_id: str) -> str:
    """The id.

    Raises:
        UsageError: it can't be one.
    """
    if not is_id(session_id):
        raise UsageError(f"expected a session id of up to 64 letters, digits, '-' or '_', got {session_id!r}")
    return session_id
