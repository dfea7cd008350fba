"""A model's Markdown made harmless wherever it is shown: no HTML, no pictures that load, no address nobody named.

Rule: an address stays one only if it stands, whole, in what the person said or the steps gave; one that a model put
together could carry anything away, so it is shown as code, which can be read and is no link. Words lead only where the
person or a file of the run is; elsewhere the address is shown beside them. Code blocks and code spans stay as they are.
A line that holds something of this kind is held back until it is whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from ...printable import printable

_FENCE = re.compile(r"(`{3,})[^`]*$|(~{3,}).*$")
_RISKY = re.compile(r"[<&]|!\[|\][\[(:]|://|www\.|(?i:javascript|vbscript|data):\S")
_TICKS = re.compile(r"`+")
_ADDRESS = r"(?:(?:https?|ftp|file|mailto|tel|ws|wss)://|www\.)[^\s<>`]+"
_PARTS = re.compile(
    rf"<(?P<auto>{_ADDRESS})>"
    r"|(?P<tag><(?=[A-Za-z/!?]))"
    r"|(?P<entity>&(?=#))"
    r"|(?P<picture>!(?=\[))"
    r"|(?P<definition>^\s{0,3}\[(?=[^\]]+\]:))"
    r"|(?P<link>\]\()\s*<?(?P<to>(?:[^\s()<>`]|\([^\s()<>`]*\))*)>?"
    rf"|(?P<bare>{_ADDRESS})"
    r"|(?P<script>(?i:javascript|vbscript|data):[^\s`]+)"
)
_TRAILING = ".,;:!?)]}\"'*_"


class Harmless:
    """Markdown, piece by piece. `is_known` says whether an address stands in what the model was told, `is_own` whether
    it is the person's or a file of the run; `text` is what came out so far.

    Pieces end at spaces or between signs of scripts without them, so that no address comes in two parts.
    """

    def __init__(self, is_known: Callable[[str], bool], is_own: Callable[[str], bool]) -> None:
        self.text = ""
        self._is_known = is_known
        self._is_own = is_own
        self._fence = ""
        self._is_tick_open = False
        self._has_code = True  # whether what we write as code is read as code
        self._shown = 0  # characters of the line that came out already
        self._line = ""

    def feed(self, piece: str) -> str:
        """What can be shown after a further piece."""
        out = []
        *whole, last = (self._line + printable(piece)).split("\n")
        for line in whole:
            out.append(self._ended(line) + "\n")
        self._line = last
        if not self._held(last):
            out.append(last[self._shown :])
            self._shown = len(last)
        return self._out("".join(out))

    def end(self) -> str:
        """What was still held back."""
        return self._out(self._ended(self._line) if self._line else "")

    def _out(self, text: str) -> str:
        self.text += text
        return text

    def _held(self, line: str) -> bool:
        """Whether what was not shown yet of an unfinished line waits for its end."""
        if self._fence:
            return False
        return line.startswith(("`", "~")) or _RISKY.search(line, max(0, self._shown - 1)) is not None

    def _ended(self, line: str) -> str:
        """The rest of a whole line; the next one begins."""
        rest = "".join(self._parts(line))
        self._shown, self._line = 0, ""
        return rest

    def _parts(self, line: str) -> Iterator[str]:
        shown = self._shown
        if self._fence:
            closing = line.strip()
            if closing and not closing.strip(self._fence[0]) and len(closing) >= len(self._fence):
                self._fence = ""
            yield line[shown:]
            return
        if (opening := _FENCE.match(line)) is not None and not shown:
            self._fence, self._is_tick_open = opening[1] or opening[2], False
            yield line
            return
        at = shown
        for start, end in self._code(line):
            if end > at:
                yield self._safe(line[at : max(start, at)])
                yield line[max(start, at) : end]
                at = end
        yield self._safe(line[at:])

    def _code(self, line: str) -> list[tuple[int, int]]:
        """The code spans of a line; none where a paragraph leaves open what is code and what is not."""
        if not line.strip():
            self._is_tick_open = False
        self._has_code = not self._is_tick_open and "\\`" not in line
        if not self._has_code or _FENCE.match(line.lstrip(" >\t-*+0123456789.)")):
            return []
        spans, at = [], 0
        while (opening := _TICKS.search(line, at)) is not None:
            closing = next((m for m in _TICKS.finditer(line, opening.end()) if m[0] == opening[0]), None)
            if closing is None:
                self._is_tick_open, self._has_code = True, False
                return []
            spans.append((opening.start(), closing.end()))
            at = closing.end()
        return spans

    def _safe(self, text: str) -> str:
        return _PARTS.sub(self._replaced, text)

    def _replaced(self, match: re.Match[str]) -> str:
        match match.lastgroup:
            case "auto":
                return self._address(match["auto"])
            case "tag":
                return "&lt;"
            case "entity":
                return "&amp;"
            case "picture":
                return ""
            case "definition":
                return match[0].replace("[", "\\[")
            case "bare":
                end = len(match[0].rstrip(_TRAILING))
                return self._address(match[0][:end]) + match[0][end:]
            case "script":
                return self._unlinked(match[0])
            case _:
                return match[0] if self._is_fine(match["to"]) else f"] ({self._address(match['to'])}"

    def _address(self, address: str) -> str:
        is_plain = re.match(r"https?://|www\.", address) is not None
        return address if is_plain and self._is_known(address) else self._unlinked(address)

    def _unlinked(self, address: str) -> str:
        """An address that can be read and is no link: as code, or with a gap where that is not sure."""
        if self._has_code:
            return f"`{address}`" if address else ""
        return re.sub(r"(:|(?<=www)\.)", r"\1 ", address, count=1)

    def _is_fine(self, target: str) -> bool:
        """Whether words may lead there: the person's address, a file of the run, a place in the text itself."""
        is_address = target.startswith(("http://", "https://"))
        return target.startswith("#") or (target != "" and self._is_own(target) and (is_address or ":" not in target))
