"""What is said over `/ws/chat`: frames in, events and replies out. Rule: pure; no socket, no clock, no file.

Every frame is one JSON object with a `type`. A frame out with a `seq` is an event of the session's journal, exactly as
`Event.to_dict` gives it; the others are replies, and carry the `id` of the frame they answer when it had one.
"""

from __future__ import annotations

from .coalescing import coalesced
from .incoming import FRAMES, Frame, Malformed, parsed
from .outgoing import REPLIES, Accepted, Fault, Hello, Pong, Replayed, Reply, SessionList, Snapshot
from .schema import schema

VERSION = 1

__all__ = [
    "VERSION",
    "FRAMES",
    "REPLIES",
    "Frame",
    "Reply",
    "Malformed",
    "parsed",
    "coalesced",
    "schema",
    "Accepted",
    "Fault",
    "Hello",
    "Pong",
    "Replayed",
    "SessionList",
    "Snapshot",
]
