"""Steps out of a model's text while it is still being written, one JSON object at a time.

Rule: finds objects and says which are broken; it never executes or guesses. Thoughts, fences, bullets, prose and the
frame of a list or of `{"steps": [...]}` are passed over. Memory is bounded by one object.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MAX_OBJECT = 64_000
_THOUGHT = re.compile(r"<(think|thinking|reasoning|thought)>", re.IGNORECASE)
_SIGN = re.compile(r"[<{\n]|\"answer\"\s*:\s*\"")
_ANSWER_BEGUN = re.compile(r"\"(?:a|an|ans|answ|answe|answer(?:\"\s{0,9}(?::\s{0,9})?)?)?\Z")
_FRAME = re.compile(r"\"(?:steps|plan|tasks)\"\s*:\s*\[\Z")
_BEFORE = re.compile(r"[\s\-*\u2022>`,\[\]().:#0-9]*(?:json[l]?\s*)?")
_NEW_STEP = re.compile(r"[ \t\r]*(?:[-*\u2022]|\d+[.)])?[ \t]*\{\s*\"(?:id|answer)\"\s*:")
_NEW_STEP_BEGUN = re.compile(
    r"[ \t\r]*(?:[-*\u2022]|\d+[.)]?)?[ \t]*(?:\{\s*(?:\"(?:i|a|an|ans|answ|answe|(?:id|answer)(?:\"\s*)?)?)?)?"
)
_ID = re.compile(r"[\"']?id[\"']?\s*:\s*[\"']([^\"']{1,80})[\"']")
_TRAILING = re.compile(r"(\"(?:[^\"\\]|\\.)*\")|,(?=\s*[}\]])", re.DOTALL)
_STEP_WORDS = frozenset({"id", "action", "parameters", "dependencies", "for_each"})
_OTHER_NAMES = {
    "tool": "action",
    "args": "parameters",
    "arguments": "parameters",
    "depends_on": "dependencies",
    "deps": "dependencies",
}
_LONGEST_TAG = len("</reasoning>")


@dataclass(frozen=True, slots=True)
class StepLine:
    """An object that describes a step; `text` as it was written."""

    data: Mapping[str, Any]
    text: str


@dataclass(frozen=True, slots=True)
class AnswerLine:
    """The answer's template."""

    text: str


@dataclass(frozen=True, slots=True)
class BrokenLine:
    """An object that can't be read. `id` is what looks like one, else None; `is_cut`: the text ended inside."""

    text: str
    reason: str
    id: str | None = None
    is_cut: bool = False


Line = StepLine | AnswerLine | BrokenLine


class PlanLines:
    """The lines of a plan from pieces of text. `prose` is the beginning of what was no object, for messages."""

    def __init__(self, max_object: int = MAX_OBJECT) -> None:
        self._max = max_object
        self._buffer = ""
        self._at_start = True
        self._thought: str | None = None
        self._object: _Object | None = None
        self._skips = False
        self._ended = False
        self.prose = ""

    def feed(self, text: str) -> list[Line]:
        """The lines that this piece completes."""
        self._buffer += text
        found: list[Line] = []
        while self._advance(found):
            pass
        return found

    def end(self) -> list[Line]:
        """The last lines, once nothing more will come; what is open then was cut."""
        self._ended = True
        found = self.feed("\n") if self._object is None else []
        if self._object is not None:
            found.append(_broken(self._object.text + self._buffer, "the reply ended inside it", is_cut=True))
            self._object, self._buffer = None, ""
        return found

    def _advance(self, found: list[Line]) -> bool:
        """Reads on as far as it can; False when it needs more text."""
        if self._thought is not None:
            return self._read_thought(self._thought)
        if self._object is not None:
            return self._read_object(self._object, found)
        if self._skips:
            return self._skip_line()
        return self._read_prose(found)

    def _read_thought(self, tag: str) -> bool:
        place = self._buffer.lower().find(tag)
        if place < 0:
            self._buffer = self._buffer[-len(tag) :]
            return False
        self._buffer = self._buffer[place + len(tag) :]
        self._thought = None
        return True

    def _skip_line(self) -> bool:
        _, newline, rest = self._buffer.partition("\n")
        self._buffer = rest
        self._skips = not newline
        self._at_start = True
        return bool(newline)

    # ---- outside of objects

    def _read_prose(self, found: list[Line]) -> bool:
        match = _SIGN.search(self._buffer)
        if match is None:
            begun = _ANSWER_BEGUN.search(self._buffer)
            self._pass(begun.start() if begun is not None else len(self._buffer))
            return False
        self._pass(match.start())
        match match[0]:
            case "\n":
                self._pass(1)
                self._at_start = True
                return True
            case "<":
                return self._open_thought()
            case "{":
                return self._open_object()
            case _:
                return self._read_answer(found)

    def _pass(self, count: int) -> None:
        passed, self._buffer = self._buffer[:count], self._buffer[count:]
        self._at_start = self._at_start and _BEFORE.fullmatch(passed) is not None
        if len(self.prose) < 200:
            self.prose += passed[: 200 - len(self.prose)]

    def _open_thought(self) -> bool:
        match = _THOUGHT.match(self._buffer)
        if match is not None:
            self._thought = f"</{match[1].lower()}>"
            self._buffer = self._buffer[match.end() :]
            return True
        if len(self._buffer) < _LONGEST_TAG and ">" not in self._buffer and not self._ended:
            return False
        self._pass(1)
        return True

    def _open_object(self) -> bool:
        """An object starts at a line's start, or wherever a quoted key follows; `{name}` in prose is none."""
        after = self._buffer[1:].lstrip()
        if not after and not self._ended and not self._at_start:
            return False
        if self._at_start or after[:1] in ('"', "'"):
            self._object = _Object()
        else:
            self._pass(1)
        return True

    def _read_answer(self, found: list[Line]) -> bool:
        """The answer beside a list of steps, in the frame around it."""
        match = re.match(r"\"answer\"\s*:\s*(\"(?:[^\"\\\n]|\\.)*\")", self._buffer)
        if match is None and "\n" not in self._buffer and len(self._buffer) < self._max:
            return False
        if match is not None:
            found += _answer(f"{{{match[0]}}}")
        self._pass(match.end() if match is not None else 1)
        return True

    # ---- inside an object

    def _read_object(self, open_object: _Object, found: list[Line]) -> bool:
        while True:
            end = open_object.read(self._buffer)
            self._buffer = self._buffer[end:]
            match open_object.state:
                case "open" | "newline" if open_object.size > self._max:
                    found.append(_broken(open_object.text[:2000], f"longer than {self._max:,} characters"))
                    self._leave(skips=True)
                    return True
                case "open":
                    return False
                case "newline" if _NEW_STEP_BEGUN.fullmatch(self._buffer) and not self._ended:
                    return False  # the next line tells whether the object goes on
                case "newline" if open_object.in_object and _NEW_STEP.match(self._buffer):
                    found.append(_broken(open_object.text, "a closing } is missing"))
                    self._leave()
                    return True
                case "newline":
                    open_object.go_on()
                case "frame":
                    found += _frame(open_object.text)
                    self._leave()
                    return True
                case "split":
                    found.append(_broken(open_object.text, 'a line break inside a text; write it as "\\n"'))
                    self._leave()
                    return True
                case _:
                    found += _line(open_object.text)
                    self._leave()
                    self._at_start = False
                    return True

    def _leave(self, *, skips: bool = False) -> None:
        self._object, self._skips, self._at_start = None, skips, True


class _Object:
    """An object that is being read: counts brackets outside of texts."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self.size = 0
        self._stack: list[str] = []
        self._quoted = False
        self._escaped = False
        self.state = "open"

    @property
    def text(self) -> str:
        return "".join(self._parts)

    @property
    def in_object(self) -> bool:
        """Whether the innermost open bracket is `{`, which no other object can follow without a key."""
        return bool(self._stack) and self._stack[-1] == "{"

    def go_on(self) -> None:
        self.state = "open"

    def read(self, text: str) -> int:
        """How much of the text belongs to the object; `state` says why it stopped there."""
        if self.state != "open":
            return 0
        for place, sign in enumerate(text):
            state = self._quoted_sign(sign) if self._quoted else self._plain_sign(sign, text[: place + 1])
            if state != "open":
                self.state = state
                return self._keep(text[: place + 1])
        return self._keep(text)

    def _keep(self, text: str) -> int:
        self._parts.append(text)
        self.size += len(text)
        return len(text)

    def _quoted_sign(self, sign: str) -> str:
        if sign == "\n":
            return "split"
        if self._escaped:
            self._escaped = False
        elif sign == "\\":
            self._escaped = True
        elif sign == '"':
            self._quoted = False
        return "open"

    def _plain_sign(self, sign: str, until: str) -> str:
        match sign:
            case '"':
                self._quoted = True
            case "\n":
                return "newline"
            case "[" if "[" not in self._stack and _FRAME.search((self.text + until)[-60:]):
                return "frame"
            case "{" | "[":
                self._stack.append(sign)
            case "}" | "]":
                self._stack.pop()
                return "open" if self._stack else "closed"
        return "open"


def _line(text: str) -> list[Line]:
    """What a whole object is: a step, an answer, or nothing that belongs to a plan."""
    try:
        data = _loads(text)
    except (ValueError, RecursionError) as error:
        return [_broken(text, f"it is not JSON: {error}")]
    if not isinstance(data, dict):
        return [_broken(text, "it is no object")]
    if isinstance(data.get("step"), dict):
        data = data["step"]
    data = {_OTHER_NAMES.get(key, key) if _OTHER_NAMES.get(key) not in data else key: data[key] for key in data}
    if _STEP_WORDS & data.keys():
        return [StepLine(data, text.strip())]
    return _answer(text)


def _answer(text: str) -> list[Line]:
    try:
        told = _loads(text).get("answer")
    except (ValueError, RecursionError):
        return []
    return [AnswerLine(told)] if isinstance(told, str) and told.strip() else []


def _frame(head: str) -> list[Line]:
    """The answer, when it stands before the steps in the frame around them."""
    return _answer(head + "]" + "}" * (head.count("{") - head.count("}")))


def _loads(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return json.loads(_TRAILING.sub(lambda match: match[1] or "", text))


def _broken(text: str, reason: str, *, is_cut: bool = False) -> BrokenLine:
    match = _ID.search(text)
    return BrokenLine(text.strip(), reason, match[1] if match else None, is_cut)
