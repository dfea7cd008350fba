"""Tools over mail: search, read, save what is attached, send.

Rule: reading changes nothing in a mailbox; sending needs a person's yes. Accounts are in the settings (tools.mail).
"""

from __future__ import annotations

import datetime as dt
from email.utils import format_datetime
from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

from ....errors import ToolError
from ...tool import ToolContext, tool
from ..dates.reading import moment
from . import outbox
from .inbox import body_of, criteria, opened
from .outbox import Draft

_TIMEOUT_S = 180.0

Name = Annotated[str, Field(max_length=200)]
Line = Annotated[str, Field(max_length=1_000)]
Uid = Annotated[str, Field(pattern=r"^[0-9]{1,10}$")]
Addresses = Annotated[list[Annotated[str, Field(max_length=320)]], Field(max_length=100)]


class Folder(TypedDict):
    """A folder of a mailbox; `messages` and `unread` None when it holds no messages itself."""

    name: str
    messages: int | None
    unread: int | None


class Envelope(TypedDict):
    """What stands on a message; `uid` names it within its folder. `date` is ISO, as the sender says it."""

    uid: str
    folder: str
    date: str
    sender: str
    to: list[str]
    subject: str
    bytes: int
    unread: bool
    flagged: bool


class Attached(TypedDict):
    """A file in a message."""

    name: str
    media_type: str
    bytes: int


class Saved(Attached):
    """An attached file that was saved."""

    path: str


class Message(Envelope):
    """A whole message; `cut`: the text goes on after `text`."""

    cc: list[str]
    message_id: str
    text: str
    cut: bool
    attachments: list[Attached]


class Sent(TypedDict):
    """What was sent; `refused` are recipients the server did not take, with its reason."""

    message_id: str
    sender: str
    recipients: list[str]
    refused: dict[str, str]
    bytes: int


@tool(effect="read", outward=True, timeout_s=_TIMEOUT_S)
def folders(context: ToolContext, account: Name = "") -> list[Folder]:
    """Lists the folders of a mailbox with how many messages they hold and how many are unread."""
    with opened(context.config, account) as box:
        return [_folder(box, info) for info in box.folder.list()[:500]]


@tool(effect="read", outward=True, timeout_s=_TIMEOUT_S)
def search(
    context: ToolContext,
    account: Name = "",
    folder: Name = "INBOX",
    *,
    sender: Line = "",
    to: Line = "",
    subject: Line = "",
    text: Line = "",
    since: Name = "",
    before: Name = "",
    unread: bool | None = None,
    limit: Annotated[int, Field(ge=1, le=500)] = 20,
) -> list[Envelope]:
    """Finds emails in a mailbox by sender, recipient, subject, words, day or unread; newest first.

    Days are dates, or words such as "3 days ago". Nothing is marked as read.
    """
    wanted: dict[str, Any] = {"from_": sender, "to": to, "subject": subject, "text": text}
    wanted |= {"date_gte": _day(since), "date_lt": _day(before), "seen": None if unread is None else not unread}
    search, charset = criteria(wanted)
    with opened(context.config, account, folder) as box:
        found = box.fetch(
            search, charset=charset, limit=limit, reverse=True, mark_seen=False, headers_only=True, bulk=50
        )
        return [_envelope(message, folder) for message in found]


@tool(effect="read", outward=True, timeout_s=_TIMEOUT_S)
def read(
    context: ToolContext,
    uid: Uid,
    account: Name = "",
    folder: Name = "INBOX",
    max_characters: Annotated[int, Field(ge=1, le=1_000_000)] = 20_000,
) -> Message:
    """Reads an email of a mailbox: its text, who wrote it to whom, and what is attached. It stays unread."""
    with opened(context.config, account, folder) as box:
        message = _fetched(box, uid, folder, context)
    text = body_of(message)
    return {
        **_envelope(message, folder),
        "cc": list(message.cc),
        "message_id": _first(message, "message-id"),
        "text": text[:max_characters],
        "cut": len(text) > max_characters,
        "attachments": [_attached(one) for one in message.attachments],
    }


@tool(effect="read", outward=True, timeout_s=_TIMEOUT_S)
def attachments(
    context: ToolContext, uid: Uid, account: Name = "", folder: Name = "INBOX", names: tuple[Name, ...] = ()
) -> list[Saved]:
    """Saves the files attached to an email in the run's folder; `names` chooses some, empty takes all."""
    with opened(context.config, account, folder) as box:
        message = _fetched(box, uid, folder, context)
    wanted = [one for one in message.attachments if not names or one.filename in names]
    if missing := set(names) - {one.filename for one in wanted}:
        there = ", ".join(one.filename for one in message.attachments) or "none"
        raise ToolError(f"expected attachments among {there}, got {', '.join(sorted(missing))}")
    return [_saved(one, context) for one in wanted]


@tool(effect="write", outward=True, destructive=True, timeout_s=_TIMEOUT_S)
def send(
    context: ToolContext,
    to: Annotated[Addresses, Field(min_length=1)],
    subject: Line,
    text: Annotated[str, Field(max_length=1_000_000)],
    account: Name = "",
    *,
    cc: Addresses = [],  # noqa: B006  # never changed
    bcc: Addresses = [],  # noqa: B006  # never changed
    html: Annotated[str, Field(max_length=1_000_000)] = "",
    in_reply_to: Line = "",
    files: Annotated[list[str], Field(max_length=50)] = [],  # noqa: B006  # never changed
) -> Sent:
    """Sends an email to people, with text, HTML and files, as a new message or an answer; a person is asked first.

    `in_reply_to` is the message_id of the message it answers.
    """
    name, given = outbox.account_of(context.config, account)
    paths = [context.workspace.readable(path) for path in files]
    if folders_given := [str(path) for path in paths if not path.is_file()]:
        raise ToolError(
            f"expected files to attach, got {', '.join(folders_given)}; pack a folder into an archive first"
        )
    draft = Draft(
        to=to, subject=subject, text=text, cc=cc, bcc=bcc, html=html, in_reply_to=in_reply_to, files=paths,
        key=context.idempotency_key,
    )  # fmt: skip
    most = context.config.tools.mail.max_bytes
    if (size := sum(path.stat().st_size for path in paths)) > most:
        raise ToolError(f"expected files of at most {most:,} bytes together, got {size:,}; raise tools.mail.max_bytes")
    message = outbox.composed(draft, given, format_datetime(dt.datetime.now(dt.UTC)))
    refused = outbox.sent(message, draft, context.config, name, given)
    everyone = [outbox.address(text).addr_spec for text in (*to, *cc, *bcc)]
    return {
        "message_id": str(message["Message-ID"]),
        "sender": str(message["From"]),
        "recipients": [who for who in dict.fromkeys(everyone) if who not in refused],
        "refused": refused,
        "bytes": len(message.as_bytes()),
    }


def _folder(box: Any, info: Any) -> Folder:
    if "\\Noselect" in info.flags:
        return {"name": info.name, "messages": None, "unread": None}
    status = box.folder.status(info.name, ["MESSAGES", "UNSEEN"])
    return {"name": info.name, "messages": status.get("MESSAGES"), "unread": status.get("UNSEEN")}


def _fetched(box: Any, uid: str, folder: str, context: ToolContext) -> Any:
    """A whole message, after its size was looked at."""
    head = next(box.fetch(f"UID {uid}", mark_seen=False, headers_only=True, charset=None), None)
    if head is None:
        raise ToolError(f"expected the uid of a message in {folder!r}, got {uid}; mail.search gives them")
    most = context.config.tools.mail.max_bytes
    if head.size_rfc822 > most:
        raise ToolError(f"expected a message of at most {most:,} bytes, got {head.size_rfc822:,}; raise "
                        "tools.mail.max_bytes")  # fmt: skip
    return next(box.fetch(f"UID {uid}", mark_seen=False, charset=None))


def _envelope(message: Any, folder: str) -> Envelope:
    return {
        "uid": str(message.uid),
        "folder": folder,
        "date": message.date.isoformat() if message.date.year > 1900 else "",
        "sender": message.from_values.full if message.from_values else "",
        "to": [one.full for one in message.to_values],
        "subject": message.subject,
        "bytes": message.size_rfc822,
        "unread": "\\Seen" not in message.flags,
        "flagged": "\\Flagged" in message.flags,
    }


def _first(message: Any, header: str) -> str:
    return str(next(iter(message.headers.get(header, ())), "")).strip()


def _attached(one: Any) -> Attached:
    return {"name": one.filename, "media_type": one.content_type, "bytes": one.size}


def _saved(one: Any, context: ToolContext) -> Saved:
    """Writes an attachment; its name loses everything that could lead out of the folder."""
    path = context.workspace.output(one.filename.replace("\\", "/").rpartition("/")[2] or "attachment")
    path.write_bytes(one.payload)
    context.artifact(path, one.content_type)
    return {**_attached(one), "path": str(path)}


def _day(text: str) -> dt.date | None:
    return moment(text, "UTC").date() if text else None
