"""What tools that reach out need to know: mailboxes, calendars, places to notify, sources of prices.

Rule: whatever lets somebody in is a SecretStr; `${ENV:NAME}` in it takes a variable of the environment.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr

from .group import Group

_ENV = "${ENV:NAME} takes a variable of the environment."


class Web(Group):
    robots: bool = Field(True, description="On: pages that a site's robots.txt closes to programs are not fetched.")


class MailAccount(Group):
    """A mailbox; without `smtp_host` it sends nothing, without `imap_host` it reads nothing."""

    address: str = Field("", description="Address it sends from. Empty: `user`.")
    name: str = Field("", description="Name shown beside the address. Empty: none.")
    user: str = Field("", description="User name. Empty: no login.")
    password: SecretStr = Field(SecretStr(""), description=f"Password; {_ENV}")
    imap_host: str = Field("", description="Server to read from. Empty: nothing is read.")
    imap_port: int = Field(993, ge=1, le=65535, description="Port to read from.")
    imap_security: Literal["tls", "starttls", "none"] = Field(
        "tls", description="How reading is encrypted. none: only to this machine."
    )
    smtp_host: str = Field("", description="Server to send through. Empty: nothing is sent.")
    smtp_port: int = Field(465, ge=1, le=65535, description="Port to send through; often 587 with starttls.")
    smtp_security: Literal["tls", "starttls", "none"] = Field(
        "tls", description="How sending is encrypted. none: only to this machine."
    )


class Mail(Group):
    accounts: dict[str, MailAccount] = Field(
        default_factory=dict,
        description="Mailboxes by name: {home: {user: me@example.org, password: '${ENV:MAIL_PASSWORD}', "
        "imap_host: imap.example.org, smtp_host: smtp.example.org}}. All keys are in docs/reach.md.",
    )
    timeout_s: float = Field(30.0, gt=0, description="Seconds a server may take to answer. More than 0.")
    max_bytes: int = Field(25_000_000, gt=0, description="Bytes of one message, read or sent. More than 0.")


class CalendarAccount(Group):
    """A calendar on a CalDAV server; `url` is that of the collection, or of a server to look for it."""

    url: str = Field("", description="Address of the calendar, or of the server.")
    calendar: str = Field("", description="Name of the calendar, where the server has several. Empty: the first.")
    user: str = Field("", description="User name. Empty: no login.")
    password: SecretStr = Field(SecretStr(""), description=f"Password; {_ENV}")


class Calendars(Group):
    accounts: dict[str, CalendarAccount] = Field(
        default_factory=dict,
        description="CalDAV calendars by name: {work: {url: 'https://dav.example.org/me/work/', user: me, "
        "password: '${ENV:DAV_PASSWORD}'}}.",
    )
    timeout_s: float = Field(30.0, gt=0, description="Seconds a server may take to answer. More than 0.")
    max_occurrences: int = Field(2_000, gt=0, description="Occurrences of repeated events that are worked out at most.")


class Notify(Group):
    webhooks: dict[str, SecretStr] = Field(
        default_factory=dict,
        description=f"Addresses to post to, by name: {{team: 'https://chat.example.org/hook/abc'}}; {_ENV}",
    )
    timeout_s: float = Field(20.0, gt=0, description="Seconds a server may take to answer. More than 0.")


class Stocks(Group):
    url: str = Field(
        "",
        description="Address of prices as CSV or JSON, with {symbol}, {start} and {end}: "
        "'https://prices.example.org/{symbol}.csv?from={start}&to={end}'. Empty: files only.",
    )
    headers: dict[str, SecretStr] = Field(default_factory=dict, description=f"HTTP headers for it; {_ENV}")


class Speech(Group):
    command: str = Field("espeak-ng", min_length=1, description="Program that speaks, with the options of espeak-ng.")
