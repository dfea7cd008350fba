"""Mail saved as a file (.eml): who, when, about what, and the text. Rule: attachments are named, not read."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage

from ..blocks import Block, Parsed
from ..places import Place
from .decoding import decoded
from .markup import text as plain
from .web import html

_TOLD = ("From", "To", "Cc", "Date", "Subject")


def mail(data: bytes) -> Parsed:
    """One message; its text as it was written, or of its HTML where there is no other."""
    message = email.message_from_bytes(data, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    head = "\n".join(f"{name}: {_header(message, name)}" for name in _TOLD if _header(message, name))
    names = [name for part in message.iter_attachments() if (name := part.get_filename())]
    blocks = [Block(text=head, place=_place(1))] if head else []
    for block in _body(message):
        blocks.append(Block(text=block.text, place=_place(len(blocks) + 1), role=block.role, level=block.level))
    if names:
        blocks.append(Block(text=f"Attachments: {', '.join(names)}", place=_place(len(blocks) + 1)))
    notes = [f"attachments are not read: {', '.join(names)}"] if names else []
    subject, sender = _header(message, "Subject"), _header(message, "From")
    return Parsed(kind="mail", blocks=blocks, title=subject, author=sender, notes=notes)


def _body(message: EmailMessage) -> list[Block]:
    part = message.get_body(("plain", "html"))
    if part is None:
        return []
    try:
        content = str(part.get_content())
    except (LookupError, ValueError):  # a character set nobody knows
        content, _ = decoded(bytes(part.get_payload(decode=True) or b""))
    read = html if part.get_content_subtype() == "html" else plain
    return read(content.encode("utf-8", "replace")).blocks


def _header(message: EmailMessage, name: str) -> str:
    try:
        return " ".join(str(message.get(name, "")).split())
    except (ValueError, IndexError, AttributeError):  # a header the library can't take apart
        return ""


def _place(number: int) -> Place:
    return Place(unit="paragraph", first=number, last=number)
