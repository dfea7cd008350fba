"""The ids of sessions. Rule: an id is never a path."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from ...errors import UsageError

OWNER = "owner"  # file in a session's folder: whose it is; without one it is of the person of this machine
LOCAL = "local"

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


def person(folder: Path, local: str) -> str:
    """Whose facts the runs of a session use: its owner's; `local` where it belongs to the person of this machine."""
    try:
        owner = (folder / OWNER).read_text(encoding="utf-8")
    except OSError:
        return local
    return local if owner == LOCAL else owner
