"""What a provider's response headers say about its limits. Rule: what can't be understood is None, never a guess.

Read are `x-ratelimit-{limit,remaining,reset}-{requests,tokens}` (OpenAI, Azure, Groq, vLLM gateways),
`anthropic-ratelimit-{requests,tokens}-{limit,remaining,reset}`, `retry-after-ms`, `retry-after` (seconds or an HTTP
date, RFC 9110 10.2.3), each also behind the prefix `llm_provider-`, as proxies pass them on.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime

LONGEST_S = 86_400.0  # nobody is believed who asks for more than a day
_PREFIXES = ("", "llm_provider-")
_EPOCH_S = 1e9  # numbers above are points in time, not durations
_UNITS = {"d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_WISH = re.compile(
    r"""(?:try again in|retry(?:ing)? (?:after|in)|"retryDelay":\s*")\s*"""
    r"((?:\d+(?:\.\d+)?\s*(?:milliseconds?|ms|minutes?|m(?![a-z])|seconds?|s(?![a-z]))\s*)+)",
    re.IGNORECASE,
)
_WISH_CHARACTERS = 4_000
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|ns|d|h|m|s)")


@dataclass(frozen=True, slots=True)
class Told:
    """One resource: `limit` in a window, `remaining` now, `reset_s` seconds until all of it is back; None: not said."""

    limit: float | None = None
    remaining: float | None = None
    reset_s: float | None = None


@dataclass(frozen=True, slots=True)
class Headers:
    """All that a response said; `retry_after_s` None: nothing."""

    requests: Told = Told()
    tokens: Told = Told()
    retry_after_s: float | None = None


def read(headers: Mapping[str, str], wall_s: float) -> Headers:
    """What the headers say, names in any case; `wall_s` is the Unix time at which they came, for dates."""
    plain = {name.lower(): value for name, value in headers.items()}
    return Headers(_told(plain, "requests", wall_s), _told(plain, "tokens", wall_s), _retry_after(plain, wall_s))


def wish(text: str) -> float | None:
    """The seconds after which the words of a refusal ask to come back, None: they don't.

    "try again in 1m30s" (OpenAI), "retry after 22 seconds" (Azure), `"retryDelay": "22s"` (Gemini).
    """
    found = _WISH.search(text[:_WISH_CHARACTERS])
    if found is None:
        return None
    words = re.sub(r"milliseconds?", "ms", found[1].lower())
    return seconds(re.sub(r"\s+|econds?|inutes?", "", words), 0.0)


def seconds(text: str, wall_s: float) -> float | None:
    """A duration or a point in time as seconds from now: `6m0s`, `250ms`, `1.5`, RFC 3339, an HTTP date, Unix time.

    0 for the past, at most one day; None if it is none of these.
    """
    text = text.strip()
    found = _number(text)
    if found is not None:
        found = found / 1000 if found > _EPOCH_S * 1000 else found
        return _bounded(found - wall_s if found > _EPOCH_S else found)
    parts = _PART.findall(text)
    if parts and "".join(number + unit for number, unit in parts) == text:
        return _bounded(sum(float(number) * _UNITS[unit] for number, unit in parts))
    at = _date(text)
    return None if at is None else _bounded(at - wall_s)


def _told(headers: Mapping[str, str], resource: str, wall_s: float) -> Told:
    def value(what: str) -> str:
        return _first(headers, f"x-ratelimit-{what}-{resource}", f"anthropic-ratelimit-{resource}-{what}")

    limit, remaining = _number(value("limit")), _number(value("remaining"))
    return Told(
        limit=limit if limit is not None and limit > 0 else None,
        remaining=remaining if remaining is not None and remaining >= 0 else None,
        reset_s=seconds(value("reset"), wall_s) if value("reset") else None,
    )


def _retry_after(headers: Mapping[str, str], wall_s: float) -> float | None:
    milliseconds = _number(_first(headers, "retry-after-ms"))
    if milliseconds is not None and milliseconds >= 0:
        return _bounded(milliseconds / 1000)
    text = _first(headers, "retry-after")
    return seconds(text, wall_s) if text else None


def _first(headers: Mapping[str, str], *names: str) -> str:
    return next((headers[p + name] for name in names for p in _PREFIXES if headers.get(p + name)), "")


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _date(text: str) -> float | None:
    for reader in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            return reader(text).timestamp()
        except (ValueError, TypeError, OverflowError):
            continue
    return None


def _bounded(duration_s: float) -> float:
    return min(max(duration_s, 0.0), LONGEST_S)
