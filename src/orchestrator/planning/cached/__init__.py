"""Plans of verified runs, kept for goals like the one they were made for.

Rule: importing this imports nothing heavy; `cache` plans and learns, `files` is what lies on disk.
"""

from __future__ import annotations

from .files import Kept, all_in, find, forget, names

__all__ = ["Kept", "all_in", "find", "forget", "names"]
