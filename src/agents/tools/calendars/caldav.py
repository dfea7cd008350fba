"""A calendar on a CalDAV server (RFC 4791): look, add, remove.

Rule: the password goes to the server of the settings and to no other, never in the clear over a network; answers are
bounded and their XML has no entities.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urljoin, urlsplit

from ....config import Config
from ....config.reaching import CalendarAccount
from ....errors import AccessError, ToolError, TransientError
from ..credentials import chosen, revealed
from .icalendars import components

if TYPE_CHECKING:
    import datetime as dt

    import httpx

_KEY = "tools.calendars.accounts"
_MOST_BYTES = 20_000_000
_DAV, _CAL = "{DAV:}", "{urn:ietf:params:xml:ns:caldav}"
_SPACES = 'xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"'
_ASKED = (
    f"<d:propfind {_SPACES}><d:prop><d:resourcetype/><d:displayname/><d:current-user-principal/>"
    "<c:calendar-home-set/></d:prop></d:propfind>"
)


@dataclass(frozen=True, slots=True)
class Collection:
    """A calendar on a server."""

    url: str
    name: str


class Dav:
    """A session with the server of an account."""

    def __init__(self, client: httpx.AsyncClient, account: CalendarAccount, name: str) -> None:
        self._client = client
        self._account = account
        self._name = name

    async def collections(self) -> list[Collection]:
        """The calendars of the account: the one its url names, else those of the person it belongs to.

        Raises:
            ToolError: there is no calendar to be found from there.
        """
        url = self._account.url
        found = await self._found(url, depth=1)
        for _ in range(2):  # from the server to the person, from the person to the folder of calendars
            if found.calendars:
                return found.calendars
            if not found.leads_to:
                break
            found = await self._found(self._inside(url, found.leads_to), depth=1)
        if found.calendars:
            return found.calendars
        raise ToolError(f"expected a calendar at {_KEY}.{self._name}.url, got none; give the address of the calendar")

    async def collection(self) -> Collection:
        """The calendar of the settings.

        Raises:
            ToolError: there is none of its name.
        """
        there = await self.collections()
        wanted = self._account.calendar
        found = next((one for one in there if wanted in ("", one.name)), None)
        if found is None:
            names = ", ".join(one.name for one in there)
            raise ToolError(f"expected {_KEY}.{self._name}.calendar to be one of {names}, got {wanted!r}")
        return found

    async def between(self, at: Collection, start: dt.datetime, end: dt.datetime) -> list[str]:
        """The texts of the calendar objects that touch a span (RFC 4791, 7.8)."""
        body = (
            f"<c:calendar-query {_SPACES}><d:prop><c:calendar-data/></d:prop><c:filter>"
            '<c:comp-filter name="VCALENDAR"><c:comp-filter name="VEVENT">'
            f'<c:time-range start="{_stamp(start)}" end="{_stamp(end)}"/>'
            "</c:comp-filter></c:comp-filter></c:filter></c:calendar-query>"
        )
        tree = _tree(await self._asked("REPORT", at.url, body, depth=1))
        return [data.text for data in tree.iter(f"{_CAL}calendar-data") if data.text]

    async def put(self, at: Collection, uid: str, text: str) -> str:
        """Stores a new event; gives its address. One that is there under this uid already is left as it is."""
        url = self._of(at, uid)
        headers = {"Content-Type": "text/calendar; charset=utf-8", "If-None-Match": "*"}
        await self._sent("PUT", url, text.encode(), headers, fine=(200, 201, 204, 412), changes=True)
        return url

    async def remove(self, at: Collection, uid: str) -> bool:
        """Removes an event; False when there was none under this uid.

        Raises:
            ToolError: the server refuses.
        """
        url = await self._address(at, uid)
        if url is None:
            return False
        status, _ = await self._sent("DELETE", url, b"", {}, fine=(200, 202, 204, 404), changes=True)
        return status != 404

    async def _address(self, at: Collection, uid: str) -> str | None:
        """Where an event is kept; servers and other programs choose names of their own."""
        from xml.sax.saxutils import escape

        body = (
            f"<c:calendar-query {_SPACES}><d:prop><c:calendar-data/></d:prop><c:filter>"
            '<c:comp-filter name="VCALENDAR"><c:comp-filter name="VEVENT"><c:prop-filter name="UID">'
            f'<c:text-match collation="i;octet">{escape(uid)}</c:text-match>'
            "</c:prop-filter></c:comp-filter></c:comp-filter></c:filter></c:calendar-query>"
        )
        tree = _tree(await self._asked("REPORT", at.url, body, depth=1))
        for response in tree.iter(f"{_DAV}response"):
            text = response.findtext(f".//{_CAL}calendar-data") or ""
            # servers look for a part of the text: only the whole uid names an event
            if text and any(str(event.get("UID", "")) == uid for event in components(text)):
                return self._inside(at.url, response.findtext(f"{_DAV}href") or "")
        return None

    async def _found(self, url: str, depth: int) -> _Found:
        tree = _tree(await self._asked("PROPFIND", url, _ASKED, depth=depth))
        calendars, leads_to = [], ""
        for response in tree.iter(f"{_DAV}response"):
            href = response.findtext(f"{_DAV}href") or ""
            if response.find(f".//{_DAV}resourcetype/{_CAL}calendar") is not None:
                at = self._inside(url, href)
                calendars.append(
                    Collection(at, response.findtext(f".//{_DAV}displayname") or at.rstrip("/").rpartition("/")[2])
                )
            for place in (f"{_CAL}calendar-home-set", f"{_DAV}current-user-principal"):
                leads_to = leads_to or response.findtext(f".//{place}/{_DAV}href") or ""
        return _Found(calendars, leads_to)

    def _of(self, at: Collection, uid: str) -> str:
        return urljoin(at.url.rstrip("/") + "/", quote(uid, safe="") + ".ics")

    def _inside(self, url: str, href: str) -> str:
        """An address that the server names, which must be its own: the password goes along."""
        at = urljoin(url, href)
        if urlsplit(at)[:2] != urlsplit(self._account.url)[:2]:
            raise AccessError(f"expected an address of the server of account {self._name!r}, got another from it")
        return at

    async def _asked(self, method: str, url: str, body: str, depth: int) -> bytes:
        headers = {"Content-Type": "application/xml; charset=utf-8", "Depth": str(depth)}
        text = f'<?xml version="1.0" encoding="utf-8"?>{body}'
        return (await self._sent(method, url, text.encode(), headers, fine=(200, 207)))[1]

    async def _sent(
        self,
        method: str,
        url: str,
        body: bytes,
        headers: dict[str, str],
        *,
        fine: tuple[int, ...],
        changes: bool = False,
    ) -> tuple[int, bytes]:
        import httpx

        server = f"the calendar server of account {self._name!r}"
        try:
            async with self._client.stream(method, url, content=body, headers=headers) as response:
                status, parts, size = response.status_code, [], 0
                async for part in response.aiter_bytes():
                    parts.append(part)
                    if (size := size + len(part)) > _MOST_BYTES:
                        raise ToolError(f"expected at most {_MOST_BYTES:,} bytes from {server}, got more")
        except httpx.ConnectError as error:
            raise TransientError(f"{server} can't be connected to: {error}", overloaded=True) from error
        except httpx.TransportError as error:
            raise TransientError(f"{server} did not answer: {type(error).__name__}", outcome_unknown=changes) from error
        if status not in fine:
            raise _refused(status, server)
        return status, b"".join(parts)


@dataclass(frozen=True, slots=True)
class _Found:
    """What an address told: calendars, and where to look further; empty: nowhere."""

    calendars: list[Collection]
    leads_to: str


@asynccontextmanager
async def opened(config: Config, account: str) -> AsyncIterator[Dav]:
    """A session with the server of an account.

    Raises:
        ToolError: the account is not in the settings, or its address does not fit.
        AccessError: the password would cross a network in the clear.
    """
    import httpx

    name, given = chosen(config.tools.calendars.accounts, account, _KEY)
    at = urlsplit(given.url)
    if at.scheme not in ("http", "https") or not at.hostname or at.username:
        raise ToolError(f"expected {_KEY}.{name}.url as https://..., without user and password in it, got another")
    if at.scheme == "http" and at.hostname not in ("localhost", "127.0.0.1", "::1"):
        raise AccessError(f"expected {_KEY}.{name}.url with https, got http, over which passwords are not sent")
    login = (given.user, revealed(given.password, f"{_KEY}.{name}.password")) if given.user else None
    client = httpx.AsyncClient(
        auth=login, timeout=config.tools.calendars.timeout_s, trust_env=False, headers={"User-Agent": "planloom"}
    )
    async with client:
        yield Dav(client, given, name)


def _refused(status: int, server: str) -> ToolError | TransientError:
    if status in (401, 403):
        return ToolError(f"{server} refuses ({status}); check user, password and what the person may do")
    if status in (429, 503):
        return TransientError(f"{server} answered {status}", overloaded=True)
    if status >= 500 or status == 408:
        return TransientError(f"{server} answered {status}")
    if status in (301, 302, 307, 308):
        return ToolError(f"{server} has moved ({status}); put its new address into the settings")
    return ToolError(f"{server} answered {status}; check the address in {_KEY}")


def _tree(body: bytes) -> Any:
    from lxml import etree

    if b"<!DOCTYPE" in body[:2_000] or b"<!ENTITY" in body:
        raise ToolError("expected XML without a document type from the calendar server, got one with")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    try:
        return etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise ToolError(f"expected XML from the calendar server, got something else: {error}") from error


def _stamp(at: dt.datetime) -> str:
    from datetime import UTC

    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
