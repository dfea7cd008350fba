"""Results of earlier rounds of a run, by content. Rule: a key is the action, its resolved arguments, its inputs.

Within one round nothing is reused: two steps that read the same thing both look.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...events import ArtifactCreated
from ...memory.codec import digest, pack
from .values import Stored

Kept = tuple[Stored, list[ArtifactCreated]]


class Memo:
    """What earlier rounds gave."""

    def __init__(self) -> None:
        self._kept: dict[str, Kept] = {}

    def keep(self, key: str, stored: Stored, files: list[ArtifactCreated]) -> None:
        """Makes a final result available to the next round."""
        self._kept[key] = (stored, files)

    def find(self, key: str) -> Kept | None:
        """The result kept under a key, None if there is none."""
        return self._kept.get(key)


def key_of(action: str, arguments: Mapping[str, Any], inputs: Sequence[str], write_id: str) -> str:
    """The content key of a step; a write's key has its id too, so that two equal writes are both done."""
    return digest(pack([action, arguments, inputs, write_id]))
