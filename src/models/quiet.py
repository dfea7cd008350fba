"""The HTTP library's own log lines without secrets. Rule: an address in them has no name, password or query."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

_LOGGER = "httpx2"
_WIRES = ("httpcore2.http11", "httpcore2.http2")


def plain(url: str) -> str:
    """An address without what may be secret in it."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


class _Plain(logging.Filter):
    """Takes secrets out of the addresses a line is about."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(plain(str(value)) if "://" in str(value) else value for value in record.args)
        return True


class _Headless(logging.Filter):
    """Leaves out what stands in headers on the wire: servers repeat in them what they were sent."""

    def filter(self, record: logging.LogRecord) -> bool:
        return "headers" not in record.getMessage()


def quieten() -> None:
    """From now on the library's lines are plain; may be called again."""
    for name, made in ((_LOGGER, _Plain()), *((wire, _Headless()) for wire in _WIRES)):
        logger = logging.getLogger(name)
        if not any(type(one) is type(made) for one in logger.filters):
            logger.addFilter(made)
