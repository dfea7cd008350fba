"""Data in prompts: between marks nobody can guess, in a form in which nothing can look like a mark, a role or a tag.

Rule: what others wrote reaches a model as JSON inside a fence and never as bare text. The escapes are JSON's own, so
reading the JSON gives the data back as it was.
"""

from __future__ import annotations

import json
import re
import secrets
from typing import Any

# bidirectional controls, zero-width signs but those that join letters, tags (text nobody sees), other controls
_UNSEEN = re.compile(
    "[\x7f-\x9f\u00ad\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
_LOOK_ALIKE = re.compile(
    r"<(?=<<|[|/!]|\w+[>\s]|[Dd][Aa][Tt][Aa]\b)"  # fences, special tokens, closing and opening tags
    r"|(?<=>>)>"
    r"|\[(?=/?INST\]|/?SYS(?:TEM)?\])"
)


def as_data(value: Any) -> str:
    """A value as one line of JSON in which no fence, tag or special token opens or closes and nothing is unseen."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    text = _LOOK_ALIKE.sub(_escaped, text)
    return _UNSEEN.sub(_escaped, text).encode("utf-8", "replace").decode()


def fenced(lines: str, mark: str = "") -> str:
    """Lines that `as_data` made, between two marks with `mark` in them; without one a new one is drawn."""
    mark = mark or new_mark()
    return f"<<<DATA {mark}\n{lines}\nEND {mark}>>>"


def new_mark() -> str:
    """64 random bits, for one request."""
    return secrets.token_hex(8)


def _escaped(match: re.Match[str]) -> str:
    raw = match[0].encode("utf-16-be")
    return "".join(f"\\u{raw[at]:02x}{raw[at + 1]:02x}" for at in range(0, len(raw), 2))
