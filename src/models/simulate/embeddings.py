"""Embeddings from words: equal texts have equal vectors, texts that share words are close. Rule: no state, no chance.

Each word has a random direction that follows from its letters alone; a text is the sum of its words, and a little of a
direction of its own, so that different texts with the same words differ.
"""

from __future__ import annotations

import base64
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from . import counting
from .problems import invalid

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_WORD = re.compile(r"\w+")
_OWN_SHARE = 0.15
MOST_INPUTS = 2048
MOST_TOKENS = 8192
MOST_TOKENS_IN_ALL = 300_000


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingRequest:
    """What is to be embedded; token lists are texts of their numbers. `base64`: vectors as bytes, else as numbers."""

    model: str
    texts: tuple[str, ...]
    tokens: int
    dimensions: int
    base64: bool


def read(body: Any, *, dimensions: int, model: str = "") -> EmbeddingRequest:
    """The request in a body; `dimensions` is the size of the model's vectors and the most that may be asked for.

    Raises:
        ApiError: what the real API would say.
    """
    if not isinstance(body, Mapping):
        raise invalid("We could not parse the JSON body of your request: expected a JSON object.")
    name = body.get("model") or model
    if not isinstance(name, str) or not name:
        raise invalid("you must provide a model parameter")
    texts, sizes = _inputs(body.get("input"))
    wanted = body.get("dimensions") or dimensions
    if not isinstance(wanted, int) or not 1 <= wanted <= dimensions:
        raise invalid(f"Invalid value for 'dimensions' = {wanted!r}. Must be from 1 to {dimensions}.", "dimensions")
    encoding = body.get("encoding_format") or "float"
    if encoding not in ("float", "base64"):
        raise invalid(f"Invalid value: {encoding!r}. Supported values are: 'float' and 'base64'.", "encoding_format")
    _check_sizes(sizes)
    return EmbeddingRequest(model=name, texts=texts, tokens=sum(sizes), dimensions=wanted, base64=encoding == "base64")


def _inputs(found: Any) -> tuple[tuple[str, ...], list[int]]:
    """The texts and how many tokens each is; one text, a list of texts, tokens, or a list of tokens lists."""
    if isinstance(found, str) or (isinstance(found, list) and found and isinstance(found[0], int)):
        found = [found]
    if not isinstance(found, list) or not found or len(found) > MOST_INPUTS:
        raise invalid(f"Invalid 'input': expected a text, or 1 to {MOST_INPUTS} texts or token lists.", "input")
    texts, sizes = [], []
    for number, item in enumerate(found):
        is_tokens = isinstance(item, list) and all(isinstance(token, int) for token in item)
        if not item or not (isinstance(item, str) or is_tokens):
            raise invalid(f"'$.input[{number}]' is invalid: expected a text that is not empty.", "input")
        texts.append(item if isinstance(item, str) else " ".join(map(str, item)))
        sizes.append(counting.tokens(item) if isinstance(item, str) else len(item))
    return tuple(texts), sizes


def _check_sizes(sizes: Sequence[int]) -> None:
    if max(sizes) > MOST_TOKENS:
        raise invalid(
            f"This model's maximum context length is {MOST_TOKENS} tokens, however you requested {max(sizes)} tokens "
            f"(input {sizes.index(max(sizes))}). Please reduce your prompt.",
            "input",
        )
    if sum(sizes) > MOST_TOKENS_IN_ALL:
        raise invalid(f"Requested {sum(sizes)} tokens, max {MOST_TOKENS_IN_ALL} tokens per request.", "input")


def reply(request: EmbeddingRequest, *, name: str, size: int) -> dict[str, Any]:
    """The response; `size` is the length of the model's whole vectors, shorter ones are their beginnings, rescaled."""
    data = []
    for index, text in enumerate(request.texts):
        vector = embed(text, size)[: request.dimensions]
        told: Any = _bytes(_unit(vector)) if request.base64 else [round(float(x), 8) for x in _unit(vector)]
        data.append({"object": "embedding", "index": index, "embedding": told})
    usage = {"prompt_tokens": request.tokens, "total_tokens": request.tokens}
    return {"object": "list", "data": data, "model": name, "usage": usage}


def embed(text: str, size: int) -> NDArray[np.float32]:
    """(size,) float32, L2-normalised."""
    import numpy as np

    total = np.zeros(size, dtype=np.float64)
    words = Counter(_WORD.findall(text.casefold()))
    for word, times in sorted(words.items()):
        total += _direction(word, size) * np.sqrt(times)
    norm = float(np.linalg.norm(total)) or 1.0
    return _unit(total / norm + _OWN_SHARE * _made("text/" + text, size))


@lru_cache(maxsize=8192)
def _direction(word: str, size: int) -> NDArray[np.float32]:
    return _made("word/" + word, size)


def _made(text: str, size: int) -> NDArray[np.float32]:
    """The unit vector that follows from a text's bytes."""
    import numpy as np

    seed = int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
    return _unit(np.random.Generator(np.random.PCG64(seed)).standard_normal(size))


def _unit(vector: NDArray[Any]) -> NDArray[np.float32]:
    import numpy as np

    made: NDArray[np.float32] = (vector / (np.linalg.norm(vector) or 1.0)).astype(np.float32)
    return made


def _bytes(vector: NDArray[np.float32]) -> str:
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()
