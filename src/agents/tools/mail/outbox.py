"""Mail sent over SMTP (RFC 5321). Rule: until the text of a message was handed over, nothing has happened."""

from __future__ import annotations

import hashlib
import smtplib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import make_msgid, parseaddr
from pathlib import Path

from ....config import Config
from ....config.reaching import MailAccount
from ....errors import ToolError, TransientError
from ..credentials import chosen, revealed
from .secure import plain, require_private, tls, told

_KEY = "tools.mail.accounts"
_RECIPIENTS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What is to be sent. `key` makes the Message-ID, so that a second sending of the same is known as one."""

    to: Sequence[str]
    subject: str
    text: str
    cc: Sequence[str] = ()
    bcc: Sequence[str] = ()
    html: str = ""
    in_reply_to: str = ""
    files: Sequence[Path] = field(default_factory=tuple)
    key: str = ""


def account_of(config: Config, name: str) -> tuple[str, MailAccount]:
    """The account to send from.

    Raises:
        ToolError: there is none, or it can't send.
    """
    name, given = chosen(config.tools.mail.accounts, name, _KEY)
    if not given.smtp_host:
        raise ToolError(f"expected {_KEY}.{name}.smtp_host, got none: this account sends no mail")
    require_private(given.smtp_security, given.smtp_host)
    return name, given


def address(text: str) -> Address:
    """One mail address, with or without a name before it.

    Raises:
        ToolError: it is none, several, or holds what does not belong into a header.
    """
    name, spec = parseaddr(plain(text, "an address"))
    local, _, domain = spec.rpartition("@")
    is_whole = text.strip() == spec or (text.strip().endswith(f"<{spec}>") and text.count("<") == 1)
    try:
        found = Address(display_name=name, addr_spec=spec)
    except Exception as error:  # the border: the parser raises many kinds
        raise _no_address(text) from error
    if not local or not domain or not spec.isascii() or found.addr_spec != spec or " " in spec or not is_whole:
        raise _no_address(text)
    return found


def _no_address(text: str) -> ToolError:
    return ToolError(f"expected one address such as ada@example.org or Ada <ada@example.org>, got {text[:120]!r}")


def composed(draft: Draft, account: MailAccount, at: str) -> EmailMessage:
    """The message as it is sent; `at` is its date as the protocol writes it.

    Raises:
        ToolError: an address or header does not fit.
    """
    sender = address(account.address or account.user)
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(plain(account.name, "the account's name"), addr_spec=sender.addr_spec)
    message["To"] = [address(text) for text in draft.to]
    if draft.cc:
        message["Cc"] = [address(text) for text in draft.cc]
    message["Subject"] = plain(draft.subject, "a subject")
    message["Date"] = at
    message["Message-ID"] = _id(draft.key, sender.domain)
    if draft.in_reply_to:
        if not draft.in_reply_to.isascii():
            raise ToolError(f"expected in_reply_to in ASCII, such as <1@example.org>, got {draft.in_reply_to[:80]!r}")
        message["In-Reply-To"] = message["References"] = plain(draft.in_reply_to, "in_reply_to")
    message.set_content(draft.text)
    if draft.html:
        message.add_alternative(draft.html, subtype="html")
    for path in draft.files:
        main, sub = _kind(path)
        message.add_attachment(path.read_bytes(), maintype=main, subtype=sub, filename=path.name)
    return message


def _id(key: str, domain: str) -> str:
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:40]}@{domain}>" if key else make_msgid(domain=domain)


def _kind(path: Path) -> tuple[str, str]:
    import mimetypes

    main, _, sub = (mimetypes.guess_type(path.name)[0] or "application/octet-stream").partition("/")
    return (main, sub) if main not in ("message", "multipart") else ("application", "octet-stream")


def sent(message: EmailMessage, draft: Draft, config: Config, name: str, given: MailAccount) -> dict[str, str]:
    """Sends, and gives the recipients that the server refused, each with its reason.

    Raises:
        ToolError: the server refuses login, sender, every recipient or the message.
        TransientError: it may work later; `outcome_unknown` when the message was handed over and no answer came.
    """
    recipients = list(dict.fromkeys(address(text).addr_spec for text in (*draft.to, *draft.cc, *draft.bcc)))
    if not 1 <= len(recipients) <= _RECIPIENTS:
        raise ToolError(f"expected 1 to {_RECIPIENTS} recipients, got {len(recipients)}")
    server = f"the SMTP server {given.smtp_host!r}"
    sender = address(given.address or given.user).addr_spec
    data = message.as_bytes()
    with told(server), _connected(config, name, given) as client:
        _require(client.mail(sender, [f"size={len(data)}"] if client.has_extn("size") else []), f"the sender {sender}")
        answers = {recipient: client.rcpt(recipient) for recipient in recipients}
        refused = {who: _words(answer) for who, answer in answers.items() if answer[0] not in (250, 251)}
        if len(refused) == len(recipients):
            _require(next(iter(answers.values())), f"all recipients ({', '.join(recipients)})")
        _hand_over(client, data, server)
        return refused


def _hand_over(client: smtplib.SMTP, data: bytes, server: str) -> None:
    try:
        _require(client.data(data), "the message")
    except smtplib.SMTPDataError as error:
        _require((error.smtp_code, error.smtp_error), "the message")
    except (OSError, smtplib.SMTPServerDisconnected) as error:
        raise TransientError(
            f"{server} went away while the message was handed over; it may have been sent", outcome_unknown=True
        ) from error


@contextmanager
def _connected(config: Config, name: str, given: MailAccount) -> Iterator[smtplib.SMTP]:
    """A session, logged in. Its errors carry nothing that was sent."""
    password = revealed(given.password, f"{_KEY}.{name}.password")
    seconds = config.tools.mail.timeout_s
    client: smtplib.SMTP | None = None
    try:
        if given.smtp_security == "tls":
            client = smtplib.SMTP_SSL(given.smtp_host, given.smtp_port, timeout=seconds, context=tls())
        else:
            client = smtplib.SMTP(given.smtp_host, given.smtp_port, timeout=seconds)
        if given.smtp_security == "starttls":
            client.starttls(context=tls())
        client.ehlo_or_helo_if_needed()
        if given.user:
            client.login(given.user, password)
        yield client
    except smtplib.SMTPAuthenticationError:
        raise ToolError(f"the SMTP server refuses the login of account {name!r}; check user and password") from None
    except smtplib.SMTPNotSupportedError as error:
        raise ToolError(f"the SMTP server lacks what account {name!r} needs: {error}") from None
    except smtplib.SMTPConnectError as error:
        raise TransientError(f"the SMTP server does not take connections now: {error.smtp_code}") from None
    except smtplib.SMTPServerDisconnected:
        raise TransientError("the SMTP server ended the connection") from None
    except smtplib.SMTPException as error:
        raise ToolError(f"the SMTP server does not keep to the protocol: {type(error).__name__}") from None
    finally:
        if client is not None:
            with suppress(OSError, smtplib.SMTPException):
                client.quit()


def _require(answer: tuple[int, bytes | str], what: str) -> None:
    """Passes for 2xx. 4xx may pass later, 5xx not (RFC 5321, 4.2.1)."""
    if 200 <= answer[0] < 300:
        return
    text = f"the SMTP server refuses {what}: {_words(answer)}"
    raise TransientError(text) if 400 <= answer[0] < 500 else ToolError(text)


def _words(answer: tuple[int, bytes | str]) -> str:
    said = answer[1].decode("utf-8", "replace") if isinstance(answer[1], bytes) else answer[1]
    return f"{answer[0]} {said}"[:300]
