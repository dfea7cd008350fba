"""Whether something looks like a secret. Rule: what does is never written into a kept plan."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

_KEYS = re.compile(
    r"passw|passphrase|secret|token$|api_?key|access_?key|private_?key|credential|authori[sz]ation|cookie"
)
_TOLD = re.compile(
    r"\b(?:pass(?:word|wort|phrase|code)|pin|secret|token|api[ _-]?key|access[ _-]?key|credentials?)\b\s*(?:is|=|:)",
    re.IGNORECASE,
)
_SHAPES = re.compile(
    r"\b(?:sk|pk|rk)[-_][A-Za-z0-9_-]{8,}|\bAKIA[0-9A-Z]{12,}|\bgh[pousr]_\w{16,}|\bgithub_pat_\w{16,}|\bglpat-[\w-]{16,}"
    r"|\bxox[a-z]-[\w-]{8,}|\bAIza[\w-]{20,}|\beyJ[\w-]{8,}\.[\w-]{8,}|-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|[a-z][a-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@|[?&](?:key|token|sig|signature|secret|password|api_?key)=[^&\s]+"
    r"|\bBearer\s+\S{8,}",
    re.IGNORECASE,
)
_WORD = re.compile(r"[A-Za-z0-9+/_=-]{24,}")
_BITS = 3.4


def is_secret(value: Any, key: str = "") -> bool:
    """Whether plain data, or a value under the name `key`, holds what looks like a secret."""
    if isinstance(value, Mapping):
        return any(is_secret(inner, str(name)) for name, inner in value.items())
    if isinstance(value, (list, tuple)):
        return any(is_secret(inner, key) for inner in value)
    if not isinstance(value, str) or not value.strip():
        return False
    if _KEYS.search(key.lower()) and not re.fullmatch(r"\$\{[^{}]*\}", value):
        return True
    return bool(_SHAPES.search(value) or _TOLD.search(value)) or any(map(_is_random, _WORD.findall(value)))


def _is_random(word: str) -> bool:
    """Whether a long word looks drawn by chance: letters and digits mixed, and hardly any twice."""
    if not (re.search(r"[A-Za-z]", word) and re.search(r"\d", word)) or "/" in word.strip("/"):
        return False
    counts = Counter(word)
    entropy = -sum(n / len(word) * math.log2(n / len(word)) for n in counts.values())
    return entropy > _BITS
