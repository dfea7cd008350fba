"""Text that is safe to print: nothing in it moves the cursor, colours, hides, reorders or reaches the terminal.

Rule: what is removed says nothing; everything that can be read stays, also what looks like the rest of a sequence.
"""

from __future__ import annotations

import re

_SEQUENCE = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]"  # ECMA-48: control sequences
    "|(?:\x1b\\]|\x9d)[^\x07\x1b\x9c\n]{0,2000}(?:\x07|\x1b\\\\|\x9c)"  # titles, links, clipboard
    "|(?:\x1b[PX^_]|[\x90\x98\x9e\x9f])[^\x1b\x9c\n]{0,2000}(?:\x1b\\\\|\x9c)"
    "|\x1b[ -/]*[0-Z\\\\^-~]"
)
_NEWLINE = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e0fff]"
)
_RISKY = re.compile("[^\n\t -~\u00a1-\u00ac\u00ae-\u024f\u4e00-\u9fff]")


def printable(text: str) -> str:
    """The text without escape sequences, controls (line breaks and tabs stay), bidirectional controls and tags."""
    if _RISKY.search(text) is None:
        return text
    return _UNSEEN.sub("", _NEWLINE.sub("\n", _SEQUENCE.sub("", text)))
