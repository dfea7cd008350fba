"""Data without secrets, for logs that stay. Rule: what looks like a secret goes, by its name or by its form."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any

HIDDEN = "[secret]"
LONGEST = 300  # characters of a text that are kept
_ITEMS = 50
_HINTS = (  # without one of these no form of a secret fits; in small letters
    *("-----begin", "sk-", "pk-", "rk-", "_live_", "_test_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
    *("glpat-", "xox", "akia", "asia", "aiza", "ya29.", "eyj", "bearer ", "basic ", "://", "?", "&"),
)
_DEPTH = 8
_RANDOM, _KINDS = 12, 3  # characters, and kinds of them: small, capital, figures

_NAMES = re.compile(
    r"pass(word|wd|phrase)?$|secret|token$|api_?key|apikey|authori[sz]ation|credential|cookie|private_?key|"
    r"access_?key|session_?key|signature$|^auth$|^pin$|^otp$|bearer",
    re.IGNORECASE,
)
_FORMS = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|\b(?:sk|pk|rk)-[A-Za-z0-9_-]{8,}"  # OpenAI and many others
    r"|\b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{8,}"  # Stripe
    r"|\bgh[pousr]_[A-Za-z0-9]{16,}|\bgithub_pat_[A-Za-z0-9_]{16,}|\bglpat-[A-Za-z0-9_-]{16,}"
    r"|\bxox[abprs]-[A-Za-z0-9-]{8,}"  # Slack
    r"|\bA(?:KIA|SIA)[A-Z0-9]{12,}|\bAIza[A-Za-z0-9_-]{20,}|\bya29\.[A-Za-z0-9_-]{16,}"  # AWS, Google
    r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"  # JWT
    r"|(?<=[Bb]earer )[A-Za-z0-9._~+/=-]{8,}|(?<=[Bb]asic )[A-Za-z0-9+/=]{8,}"
    r"|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"  # user:password in a URL
    r"|(?<=[?&])(?:[a-z_]*(?:key|token|secret|signature|password|auth))=[^&\s#]+",
    re.DOTALL | re.IGNORECASE,
)
_ASSIGNED = re.compile(
    r"(?i)\b((?:[a-z0-9]+[_-])*(?:api[_-]?key|password|passwd|secret|token)(?:[_-][a-z0-9]+)*)(\s*[=:]\s*)(['\"]?)([^\s'\",;]{4,})"
)


class Redaction:
    """Takes secrets out. `known` are secrets by value: those of the settings."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        found = sorted({text for text in known if len(text) >= 6}, key=len, reverse=True)
        self._known = re.compile("|".join(re.escape(text) for text in found)) if found else None

    def __call__(self, value: Any, depth: int = 0) -> Any:
        """Plain data without secrets; long texts are cut, with length and hash, and long lists counted."""
        match value:
            case str():
                return self._text(value)
            case None | bool() | int() | float():
                return value
            case _ if depth >= _DEPTH:
                return "[deeper]"
            case Mapping():
                return self._mapping(value, depth + 1)
            case list() | tuple():
                more = [f"[{len(value) - _ITEMS} more]"] if len(value) > _ITEMS else []
                return [self(inner, depth + 1) for inner in value[:_ITEMS]] + more
            case _:
                return self._text(str(value))

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        clean = {}
        for key, inner in islice(value.items(), _ITEMS):
            hidden = inner not in (None, "", False) and is_secret_name(str(key))
            clean[self._text(str(key))] = HIDDEN if hidden else self(inner, depth)
        if len(value) > _ITEMS:
            clean["..."] = f"{len(value) - _ITEMS} more"
        return clean

    def _text(self, text: str) -> str:
        text = text if text.isascii() else text.encode("utf-8", "replace").decode()
        clean = text[: 4 * LONGEST]
        if self._known is not None:
            clean = self._known.sub(HIDDEN, clean)
        lower = clean.lower()
        if any(hint in lower for hint in _HINTS):
            clean = _FORMS.sub(HIDDEN, clean)
        if "=" in clean or ":" in clean:
            clean = _ASSIGNED.sub(rf"\1\2\3{HIDDEN}", clean)
        if len(text) <= LONGEST:
            return clean
        mark = hashlib.sha256(text.encode()).hexdigest()[:16]
        return f"{clean[:LONGEST]}... [{len(text)} characters, sha256 {mark}]"


@lru_cache(maxsize=1024)
def is_secret_name(name: str) -> bool:
    """Whether what goes by this name is secret."""
    return _NAMES.search(name) is not None


def looks_secret(text: str) -> bool:
    """Whether a text looks as keys and passwords that programs make up do."""
    if _FORMS.search(text) is not None:
        return True
    kinds = sum(any(map(test, text)) for test in (str.islower, str.isupper, str.isdigit))
    return len(text) >= _RANDOM and kinds == _KINDS and not any(map(str.isspace, text))
