"""The command line. Rule: nothing but click is imported before a command needs it."""

from __future__ import annotations

from .app import main

__all__ = ["main"]
