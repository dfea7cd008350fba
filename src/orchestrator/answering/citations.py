"""An answer as a model streams it, made fit to be shown: no thoughts, no citations of steps that are not there.

Rule: pure; what may still turn out to be either is held back until it is known.
"""

from __future__ import annotations

import re
from collections.abc import Collection

_ID = r"[A-Za-z_][A-Za-z0-9_-]*(?:\[\d+\])?"
_CITED = re.compile(rf"(?<![A-Za-z0-9_\]!])([ \t]*)\[({_ID}(?:\s*[,;]\s*{_ID})*)\](?![(\[])")
_ONE = re.compile(_ID)
_OPEN = re.compile(r"\s*<(think|thinking|reasoning)>", re.IGNORECASE)
_OPENINGS = ("<think>", "<thinking>", "<reasoning>")
_TICKS = ("x", "X")
_HELD = 200  # characters; a longer bracket is no citation


def checked(text: str, known: Collection[str]) -> str:
    """A text whose citations all name a step: `[a, gone]` becomes `[a]`, `[gone]` goes. Links and `- [x]` stay."""

    def kept(match: re.Match[str]) -> str:
        if match[2] in _TICKS:
            return match[0]
        ids = [name for name in _ONE.findall(match[2]) if name in known]
        return f"{match[1]}[{', '.join(ids)}]" if ids else ""

    return _CITED.sub(kept, text)


def cited(text: str, known: Collection[str]) -> set[str]:
    """The steps that a text cites."""
    return {name for match in _CITED.finditer(text) for name in _ONE.findall(match[2]) if name in known}


class Cleaned:
    """The text of a stream, piece by piece. `known` are the ids that may be cited; `text` is what came out so far."""

    def __init__(self, known: Collection[str]) -> None:
        self.text = ""
        self._known = known
        self._held = ""
        self._is_begun = False

    def feed(self, piece: str) -> str:
        """What can be shown after a further piece; often empty."""
        self._held += piece
        if not self._is_begun and not self._begin():
            return ""
        return self._out(_safe_end(self._held))

    def end(self) -> str:
        """What was still held back. Thoughts that never ended are dropped."""
        if not self._is_begun and _OPEN.match(self._held):
            self._held = ""
        return self._out(len(self._held), is_last=True)

    def _begin(self) -> bool:
        """Drops thoughts and spaces before the answer; False while they may go on."""
        while match := _OPEN.match(self._held):
            closing = re.search(rf"</{match[1]}>", self._held, re.IGNORECASE)
            if closing is None:
                return False
            self._held = self._held[closing.end() :]
        self._held = self._held.lstrip()
        start = self._held.lower()
        self._is_begun = bool(start) and not any(tag.startswith(start) for tag in _OPENINGS)
        return self._is_begun

    def _out(self, cut: int, *, is_last: bool = False) -> str:
        text, self._held = self._held[:cut], self._held[cut:]
        shown = checked(text, self._known)
        if is_last:
            shown = shown.rstrip()
        self.text += shown
        return shown


def _safe_end(text: str) -> int:
    """How much of a text can be judged now: up to a space, or a character of a script without spaces, that is outside
    of brackets; one that stays open for long is none of ours."""
    depth = opened = safe = 0
    for at, char in enumerate(text):
        if char == "[":
            depth += 1
            opened = at if depth == 1 else opened
        elif char in {"]", "\n"}:
            depth = 0 if char == "\n" else max(0, depth - 1)
        is_edge = char >= "\u2e80" or (char.isspace() and not text[at - 1 : at].isspace())
        if is_edge and (depth == 0 or at - opened > _HELD):
            safe = at
    return safe
