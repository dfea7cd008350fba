"""Where the words of a forgotten fact stand, however they were written down. Pure.

Rule: the same words in the same order are the fact, whatever stands between them (spaces, quotes, marks, escapes of
JSON and HTML) and in whichever case; also when their end was cut off. Other words that mean the same are not found.
"""

from __future__ import annotations

import contextlib
import io
import re
import unicodedata
import zipfile
from collections.abc import Iterable
from typing import Any

from ..codec import unpack

MARK = "[forgotten]"
_WORD = re.compile(r"[^\W_]+")
_BETWEEN = r"(?:\\[nrtbf]|\\u[0-9a-fA-F]{4}|&#?\w{1,8};|[\W_]){1,24}"
_BEGINS = r"(?:(?<![^\W_])|(?<=\\[nrtbf]))"
_ENDS = r"(?![^\W_])"
_CUT = r"\w{0,40}(?=\s*(?:\u2026|\.\.\.)|-+\d{8}-\d{6})"  # the last: a folder named by a run's goal
_UNSPACED = "\u0e00"  # scripts from here on mostly have no spaces between words
_TELLING_CHARS = 8  # letters and digits; shorter texts of one word stand in too many places by chance
_MOST_CUT = 40  # words of a fact that is looked for without its end
_MOST_UNZIPPED = 64 << 20


class Wording:
    """Texts to take out. `names` are the ids under which they were known: who mentions one of them knew the fact."""

    def __init__(self, texts: Iterable[str], names: Iterable[str] = ()) -> None:
        self.texts = sorted({text for text in texts if text.strip()}, key=len, reverse=True)
        self.names = frozenset(names)
        telling = [text for text in self.texts if _is_telling(text)]
        self._anywhere = _any(telling)
        self._alone = _any(text for text in self.texts if text not in telling)
        self._first = tuple({_first(text) for text in telling})

    def without(self, value: Any) -> Any:
        """Plain data without the texts; the same object when they are not in it."""
        match value:
            case str():
                return self._text(value)
            case bytes():
                return value if not self.is_in(value) else MARK.encode()
            case dict():
                pairs = [(self.without(key), self.without(item)) for key, item in value.items()]
                is_same = all(k is key and v is item for (k, v), (key, item) in zip(pairs, value.items(), strict=True))
                return value if is_same else dict(pairs)
            case list() | tuple():
                items = [self.without(item) for item in value]
                return value if all(a is b for a, b in zip(items, value, strict=True)) else items
            case _:
                return value

    def is_in(self, value: Any) -> bool:
        """Whether the texts are anywhere in plain data, or in the bytes of a file."""
        match value:
            case bytes():
                return any(self.without(part) is not part for part in _readings(value))
            case _:
                return self.without(value) is not value

    def may_be_in(self, data: bytes) -> bool:
        """Whether packed data may hold the texts; False is sure."""
        small = data.lower()
        return self._alone is not None or any(word.encode() in small for word in self._first)

    def is_named_in(self, value: Any) -> bool:
        """Whether one of the names stands in plain data as a text of its own."""
        match value:
            case str():
                return value in self.names
            case dict():
                return any(map(self.is_named_in, value.values()))
            case list() | tuple():
                return any(map(self.is_named_in, value))
            case _:
                return False

    def _text(self, text: str) -> str:
        if self._alone is not None and self._alone.fullmatch(text.strip()):
            return MARK
        if self._anywhere is None:
            return text
        small = text.lower()
        if not any(word in small for word in self._first):
            return text
        return self._anywhere.sub(MARK, text)


def _any(texts: Iterable[str]) -> re.Pattern[str] | None:
    forms = dict.fromkeys(form for text in texts for form in (unicodedata.normalize("NFC", text), text))
    patterns = [pattern for form in forms for pattern in _patterns(form)]
    return re.compile("|".join(patterns), re.IGNORECASE) if patterns else None


def _patterns(text: str) -> list[str]:
    """The whole text, and its beginning where the end was cut off."""
    words = _WORD.findall(text)
    if not words:
        return [re.escape(text.strip())]
    begin = _BEGINS if words[0][0] < _UNSPACED else ""
    end = _ENDS if words[-1][-1] < _UNSPACED else ""
    told = [_word(word) for word in words]
    patterns = [begin + _BETWEEN.join(told) + end]
    least = _least(words)
    if least < len(words):
        rest = ""
        for word in reversed(told[least:_MOST_CUT]):
            rest = f"(?:{_BETWEEN}{word}{rest})?"
        patterns.append(f"{begin}{_BETWEEN.join(told[:least])}{rest}(?:{_BETWEEN})?{_CUT}")
    return patterns


def _word(word: str) -> str:
    return "".join(map(_sign, word))


def _sign(sign: str) -> str:
    """A letter or digit as it is, in two halves (accents apart), or as JSON and HTML escape it."""
    if sign.isascii():
        return sign
    code = ord(sign)
    units = [sign.encode("utf-16-be")[at : at + 2].hex() for at in range(0, len(sign.encode("utf-16-be")), 2)]
    ways = [re.escape(sign), "".join(rf"\\{{1,4}}u{unit}" for unit in units), f"&#{code};", f"&#x0*{code:x};"]
    ways += [rf"\\x{code:02x}"] if code < 256 else []
    apart = unicodedata.normalize("NFD", sign)
    return f"(?:{'|'.join([*ways, re.escape(apart)] if apart != sign else ways)})"


def _least(words: list[str]) -> int:
    """How many words of a fact are enough where its end was cut off."""
    return max(3, (len(words) + 1) // 2)


def _first(text: str) -> str:
    """A word, or a part of one, that stands in every form of the text; empty: there is none."""
    words = _WORD.findall(unicodedata.normalize("NFC", text))
    found = re.findall(r"[A-Za-z0-9]+", " ".join(words[: _least(words)]))
    return max(found, key=len, default="").lower()


def _is_telling(text: str) -> bool:
    words = _WORD.findall(text)
    return len(words) > 1 or sum(map(len, words)) >= _TELLING_CHARS or (not words and len(text.strip()) > 1)


def _readings(data: bytes) -> Iterable[Any]:
    """What bytes may say: packed values, the parts of a zip file (Office documents are some), text."""
    if data.startswith(b"PK\x03\x04"):
        yield from _unzipped(data)
        return
    with contextlib.suppress(ValueError, RecursionError):
        yield unpack(data)
    yield data.decode("utf-8", "replace")


def _unzipped(data: bytes) -> Iterable[str]:
    left = _MOST_UNZIPPED
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for entry in archive.infolist():
                left -= entry.file_size
                if left < 0:
                    return
                yield re.sub(r"<[^>]*>", " ", archive.read(entry).decode("utf-8", "replace"))
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError):
        yield data.decode("utf-8", "replace")
