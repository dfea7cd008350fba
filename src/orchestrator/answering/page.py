"""The text of an answer on its way to people: what a model wrote, piece by piece, and what is said below it.

Rule: nothing reaches `on_piece` that was not made fit to be shown: no thoughts, no citations of steps that are not
there, no HTML, no controls, no addresses that a model put together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence

from ..result import Artifact
from .citations import Cleaned
from .harmless import Harmless

_KINDS = "pdf|md|html?|csv|tsv|xlsx?|docx?|pptx?|odt|ods|png|jpe?g|svg|gif|json|jsonl|parquet|txt|zip"
_NAMED = re.compile(
    rf"`([^`\n]{{1,200}}\.(?:{_KINDS}))`|(?<![\w/.:`-])([\w./\\~-]{{1,200}}\.(?:{_KINDS}))\b", re.IGNORECASE
)


class Page:
    """An answer. `data` is what the model was told, in which addresses and files may stand; `text` what came out."""

    def __init__(
        self, steps: Collection[str], goal: str, files: Sequence[Artifact], on_piece: Callable[[str], None]
    ) -> None:
        self.data = ""
        self.text = ""
        self._goal = goal
        self._files = [file.path for file in files]
        self._cleaned = Cleaned(steps)
        self._harmless = Harmless(self._is_known, self._is_own)
        self._on_piece = on_piece

    def feed(self, piece: str) -> None:
        """Shows what can be shown after a further piece of the model's."""
        self._show(self._harmless.feed(self._cleaned.feed(piece)))

    def end(self) -> None:
        """Shows what was still held back."""
        self._show(self._harmless.feed(self._cleaned.end()) + self._harmless.end())

    def add(self, text: str) -> str:
        """Shows a paragraph of ours, with data in it, and gives it as it is shown; nothing for an empty one."""
        if not text:
            return ""
        harmless = Harmless(lambda address: True, self._is_own)
        shown = harmless.feed(text) + harmless.end()
        self._show(f"\n\n{shown}" if self.text else shown)
        return shown

    def invented(self) -> list[str]:
        """The files that the text names and that stand nowhere in what the model was told."""
        named = dict.fromkeys(match[1] or match[2] for match in _NAMED.finditer(self.text))
        return [name for name in named if not self._is_known(name)]

    def _show(self, text: str) -> None:
        if text:
            self.text += text
            self._on_piece(text)

    def _is_known(self, name: str) -> bool:
        return name in self.data or self._is_own(name)

    def _is_own(self, name: str) -> bool:
        return name in self._goal or any(name in path for path in self._files)
