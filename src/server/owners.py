"""Whose a session is. Rule: the first who writes it owns it, and for everybody else it is not there.

The name stands in the session's folder and goes with it. Sessions of the command line have none: they are those of
`LOCAL`, the person of this machine, whom the server's own token (or no token, on loopback) stands for.
"""

from __future__ import annotations

from pathlib import Path

from ..errors import JournalError, UsageError
from ..memory.sessions import Sessions
from ..memory.sessions.names import LOCAL, OWNER

__all__ = ["LOCAL", "Owners"]


class Owners:
    """The owners of all sessions below a state folder; what was read once is kept, since it never changes."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._known: dict[str, str] = {}

    def of(self, session_id: str) -> str | None:
        """The owner; None: there is no such session.

        Raises:
            UsageError: the id can't be one.
        """
        known = self._known.get(session_id)
        folder = self._sessions.path(session_id)
        if not folder.is_dir():
            self._known.pop(session_id, None)
            return None
        if known is None:
            known = self._known[session_id] = _read(folder / OWNER)
        return known

    def is_served(self, session_id: str) -> bool:
        """Whether the session was begun over the server, and not on the command line."""
        return (self._sessions.path(session_id) / OWNER).is_file()

    def check(self, session_id: str, owner: str, *, or_new: bool = False) -> None:
        """Nothing, when the session is there and this owner's, or with `or_new` nobody's.

        Raises:
            UsageError: it is not, which is told in the same words for all reasons.
        """
        refused = UsageError(f"expected the id of one of your sessions, got {session_id[:80]!r}")
        try:
            found = self.of(session_id)
        except UsageError:
            raise refused from None
        if found != owner and not (or_new and found is None):
            raise refused

    def claim(self, session_id: str, owner: str) -> None:
        """Makes the session this owner's, if it is nobody's yet.

        Raises:
            UsageError: it is somebody else's.
            JournalError: the folder can't be written.
        """
        folder = self._sessions.path(session_id)
        try:
            folder.mkdir(mode=0o700, parents=True)
            (folder / OWNER).write_text(owner, encoding="utf-8")
        except FileExistsError:
            self.check(session_id, owner)
        except OSError as error:
            raise JournalError(f"expected to write into {str(folder)!r}, got: {error}; make room") from error
        self._known[session_id] = owner

    def forget(self, session_id: str) -> None:
        """Drops what is known of a session that is gone."""
        self._known.pop(session_id, None)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return LOCAL
