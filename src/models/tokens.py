"""How many tokens a text is, without the vocabulary of any model. Rule: estimates only; real usage corrects them.

Counted are letters, runs of digits and of signs, and scripts, block by block: about 4 letters a token in Latin script,
1 character in Chinese, Japanese and Korean, 2 elsewhere; data, code and long random strings are denser.
"""

from __future__ import annotations

import functools
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PER_MESSAGE = 4  # role and separators (OpenAI cookbook, "How to count tokens")
PER_REPLY = 3
PER_PICTURE = 1_500  # a picture in high detail (OpenAI: 85 + 170 for each tile of 512 pixels)
LEARNED_FROM = 100  # shorter calls say too little about a model
BOUNDS = (0.6, 2.5)

_BLOCK = 8192
_CLASSES = bytes(
    0x61 if chr(i).isalpha() else 0x30 if chr(i).isdigit() else 0x0A if i in (10, 13) else 0x20 if i <= 32 else 0x2E
    for i in range(128)
) + bytes([0x20] * 128)
_KINDS = (b"a", b"0", b"\n", b" ", b".")
_RANDOM = re.compile(r"[A-Za-z0-9+/=]{64,}|[A-Za-z0-9+]{32,}")  # base64, hexadecimal
_SCRIPTS = (
    (re.compile("[\u1100-\u11ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef]"), 1.1),
    (re.compile("[\u0900-\u10ff\u1780-\u17ff]"), 1.0),  # Indic, Thai, Tibetan, Burmese, Georgian, Khmer
    (re.compile("[\U00010000-\U0010ffff]"), 2.5),  # emoji and rare characters
    (re.compile("[\u0080-\u024f\u1e00-\u1eff]"), 0.7),  # accents split words
    (re.compile("[\u0250-\u08ff\u1f00-\u2e7f]"), 0.55),  # Greek, Cyrillic, Hebrew, Arabic; typographic signs
)


def estimate(text: str) -> int:
    """About how many tokens a text is; 0 only for the empty text. About 50 ms a megabyte, less for text seen lately."""
    total = sum(_block(text[at : at + _BLOCK]) for at in range(0, len(text), _BLOCK))
    return max(1, round(total)) if text else 0


def of_message(message: Mapping[str, Any]) -> int:
    """About how many tokens a chat message in OpenAI's form is, all its parts counted."""
    total = PER_MESSAGE + _content(message.get("content"))
    for key in ("tool_calls", "function_call"):
        if message.get(key):
            total += estimate(json.dumps(message[key], ensure_ascii=False))
    return total + sum(estimate(str(message[key])) for key in ("name", "tool_call_id", "refusal") if message.get(key))


def of_data(data: Any) -> int:
    """About how many tokens plain data is as JSON: tools, a schema. 0 for None and what is empty."""
    return estimate(json.dumps(data, ensure_ascii=False)) if data else 0


def _content(content: Any) -> int:
    if content is None:
        return 0
    if isinstance(content, str):
        return estimate(content)
    total = 0
    for part in content:
        if "text" in part:
            total += estimate(str(part["text"]))
        elif part.get("type") in ("image_url", "image", "input_image"):
            total += PER_PICTURE
        else:
            total += of_data(part)
    return total


@functools.lru_cache(maxsize=512)  # histories are measured again and again
def _block(text: str) -> float:
    total = len(text) / 64  # spaces count little, but not nothing
    if not text.isascii():
        total += sum(len(script.findall(text)) * weight for script, weight in _SCRIPTS)
    total += 0.75 * sum(len(run) for run in _RANDOM.findall(text))
    plain = _RANDOM.sub(" ", text).encode("ascii", "ignore")
    classes = plain.translate(_CLASSES)
    digits, signs = classes.count(b"0"), classes.count(b".")
    digit_runs, sign_runs = _runs(classes, b"0"), _runs(classes, b".")
    numbers = digit_runs + max(0, digits - 3 * digit_runs) / 3
    words = max(classes.count(b"a") / 4 + numbers, len(plain.split()))
    return total + words + 0.95 * sign_runs + 0.25 * (signs - sign_runs) + 0.8 * classes.count(b"\n")


def _runs(classes: bytes, kind: bytes) -> int:
    """How many runs of one class there are."""
    return classes.startswith(kind) + sum(classes.count(before + kind) for before in _KINDS if before != kind)


@dataclass(slots=True)
class Ratio:
    """Real tokens for an estimated one, as a running mean, and how far single calls lie from it (RFC 6298)."""

    mean: float = 1.0
    deviation: float = 0.05

    def learn(self, ratio: float) -> None:
        low, high = BOUNDS
        ratio = min(max(ratio, low), high)
        self.deviation += (abs(ratio - self.mean) - self.deviation) / 4
        self.mean += (ratio - self.mean) / 8


@dataclass(slots=True)
class Corrections:
    """What real usage has taught about the estimates, by model."""

    ratios: dict[str, Ratio] = field(default_factory=dict)

    def learn(self, model: str, estimated: int, real: int) -> None:
        """Compares an estimate with the provider's count; short calls are ignored."""
        if estimated >= LEARNED_FROM and real > 0:
            self.ratios.setdefault(model, Ratio()).learn(real / estimated)

    def expected(self, model: str, estimated: int) -> int:
        """The likely number of tokens."""
        return math.ceil(estimated * self.ratios.get(model, Ratio()).mean)

    def most(self, model: str, estimated: int) -> int:
        """A number that is hardly ever passed: four deviations above the mean, 5 % at least."""
        ratio = self.ratios.get(model, Ratio())
        return math.ceil(estimated * (ratio.mean + max(4 * ratio.deviation, 0.05)))
