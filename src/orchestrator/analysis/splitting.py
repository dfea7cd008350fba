"""A time told apart by the model calls in it. Rule: at each moment a running call counts before a waiting one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from .figures import Category
from .timeline import Use


class Piece(NamedTuple):
    """A part of a time, and what it went to."""

    start: float
    end: float
    category: Category
    detail: str


def split(start: float, end: float, category: Category, uses: Sequence[Use], *, only_waits: bool) -> list[Piece]:
    """The time from `start` to `end` in pieces, in order: model calls, waits at their limits, else `category`.

    `only_waits`: the calls themselves belong to `category` too.
    """
    touching = [use for use in uses if use.asked < end and use.ended > start]
    if not touching:
        return [Piece(start, end, category, "")]
    edges = {start, end}
    for use in touching:
        edges.update(edge for edge in (use.asked, use.sent, use.ended) if start < edge < end)
    pieces: list[Piece] = []
    for left, right in pairwise(sorted(edges)):
        kind, detail = _kind(left, right, touching, category, only_waits=only_waits)
        if pieces and pieces[-1][2:] == (kind, detail):
            pieces[-1] = pieces[-1]._replace(end=right)
        else:
            pieces.append(Piece(left, right, kind, detail))
    return pieces


def _kind(
    left: float, right: float, uses: Sequence[Use], category: Category, *, only_waits: bool
) -> tuple[Category, str]:
    calling = next((use for use in uses if use.sent <= left and use.ended >= right), None)
    if calling is not None:
        return (category, "") if only_waits else ("model", _name(calling))
    waiting = next((use for use in uses if use.asked <= left and use.sent >= right), None)
    return (category, "") if waiting is None else ("limit_wait", _name(waiting))


def _name(use: Use) -> str:
    """What a call is known by: its model, or, where it is no step's, what it was for."""
    return use.call.model if use.call.step is not None else use.call.role
