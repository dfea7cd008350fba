"""Whether a site lets programs read a page (RFC 9309). Rule: no rules means yes, rules that can't be had mean later."""

from __future__ import annotations

from urllib.parse import urlsplit

from ....errors import AccessError, ToolError
from ...tool import ToolContext
from ..http import fetch

AGENT = "planloom"
_MOST_CHARACTERS = 500_000


async def require_allowed(url: str, context: ToolContext) -> None:
    """Passes when the site's robots.txt does not close the page.

    Raises:
        AccessError: the page is closed to programs, or the address is one that may not be fetched.
        TransientError: the site does not say now.
    """
    if not context.config.tools.web.robots:
        return
    at = urlsplit(url)
    try:
        found = await fetch(f"{at.scheme}://{at.netloc}/robots.txt", context=context)
    except AccessError:
        raise
    except ToolError:
        return  # 4xx: there are no rules
    if not allows(found["text"] or "", url):
        raise AccessError(
            f"expected a page that is open to programs, got {url!r}, which the site's robots.txt closes; "
            "open it yourself, or set tools.web.robots to false where you may"
        )


def allows(rules: str, url: str) -> bool:
    """Whether the text of a robots.txt lets this program read a page."""
    from protego import Protego

    return bool(Protego.parse(rules[:_MOST_CHARACTERS]).can_fetch(url, AGENT))
