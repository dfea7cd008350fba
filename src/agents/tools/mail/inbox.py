"""Mailboxes read over IMAP (RFC 3501). Rule: folders are opened read-only, so nothing is marked, moved or deleted."""

from __future__ import annotations

import imaplib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ....config import Config
from ....errors import ToolError, TransientError
from ..credentials import chosen, revealed
from .secure import plain, require_private, tls, told

_KEY = "tools.mail.accounts"


@contextmanager
def opened(config: Config, account: str, folder: str = "") -> Iterator[Any]:
    """The mailbox of an account, logged in, with a folder open read-only unless empty.

    Raises:
        ToolError: the account, its login or the folder does not work.
        TransientError: the server can't be reached now.
    """
    from imap_tools import MailBox, MailBoxStartTls, MailBoxUnencrypted

    name, given = chosen(config.tools.mail.accounts, account, _KEY)
    if not given.imap_host:
        raise ToolError(f"expected {_KEY}.{name}.imap_host, got none: this account reads no mail")
    require_private(given.imap_security, given.imap_host)
    password = revealed(given.password, f"{_KEY}.{name}.password")
    at: dict[str, Any] = {"port": given.imap_port, "timeout": config.tools.mail.timeout_s}
    with _told(f"the IMAP server {given.imap_host!r}"):
        match given.imap_security:
            case "tls":
                box: Any = MailBox(given.imap_host, ssl_context=tls(), **at)
            case "starttls":
                box = MailBoxStartTls(given.imap_host, ssl_context=tls(), **at)
            case "none":
                box = MailBoxUnencrypted(given.imap_host, **at)
        try:
            _log_in(box, name, given.user, password)
            if folder:
                _open(box, folder)
            yield box
        finally:
            _leave(box)


def _log_in(box: Any, name: str, user: str, password: str) -> None:
    from imap_tools import MailboxLoginError

    try:
        box.login(user, password, initial_folder=None)
    except (MailboxLoginError, imaplib.IMAP4.error) as error:
        if isinstance(error, imaplib.IMAP4.abort):
            raise
        # without the server's words, and without the cause: both may hold what was sent
        raise ToolError(f"the IMAP server refuses the login of account {name!r}; check user and password") from None


def _open(box: Any, folder: str) -> None:
    from imap_tools import MailboxFolderSelectError

    try:
        box.folder.set(plain(folder, "the name of a folder"), readonly=True)
    except MailboxFolderSelectError as error:
        names = ", ".join(info.name for info in box.folder.list()[:50])
        raise ToolError(f"expected one of the folders {names}, got {folder!r}") from error


def _leave(box: Any) -> None:
    """Ends the session; a server that is gone is left as it is."""
    try:
        box.client.logout()
    except (OSError, imaplib.IMAP4.error):
        box.client.shutdown()


@contextmanager
def _told(server: str) -> Iterator[None]:
    from imap_tools import ImapToolsError

    try:
        with told(server):
            yield
    except imaplib.IMAP4.abort as error:
        raise TransientError(f"{server} ended the connection") from error
    except (imaplib.IMAP4.error, ImapToolsError) as error:
        raise ToolError(f"{server} refuses: {str(error)[:200]}") from error


def criteria(wanted: Mapping[str, Any]) -> tuple[str, str | None]:
    """The search (RFC 3501, 6.4.4) for what is wanted, and the character set to name with it.

    Raises:
        ToolError: a text has control characters.
    """
    from imap_tools import AND

    given = {name: value for name, value in wanted.items() if value not in ("", None)}
    for name, value in given.items():
        if isinstance(value, str):
            plain(value, f"{name.rstrip('_')} to search for")
    search = str(AND(**given)) if given else "ALL"
    return search, None if search.isascii() else "UTF-8"


def body_of(message: Any) -> str:
    """The text of a message; HTML becomes words where there is no text."""
    from ..web.content import tree_of

    if message.text.strip():
        return str(message.text).replace("\r\n", "\n").strip()
    if not message.html.strip():
        return ""
    try:
        tree = tree_of(message.html)
    except ToolError:
        return ""
    for element in tree.iter("br", "p", "div", "tr", "li", "h1", "h2", "h3"):
        element.tail = "\n" + (element.tail or "")
    return re.sub(r"\s*\n\s*", "\n", tree.text_content()).strip()
