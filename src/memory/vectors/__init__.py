"""Vectors by id: exact while few, quick when many, safe on disk."""

from __future__ import annotations

from .index import Match, VectorIndex

__all__ = ["Match", "VectorIndex"]
