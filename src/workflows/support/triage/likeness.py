"""The category of a text by its likeness to sentences whose category is known; beside the rules' words.

Rule: it names a topic for the reply and the report; nothing is done because of it. Logistic regression over pieces of
words of three to six characters, learned in a second from the `known` sample sentences when it is first needed.
"""

from __future__ import annotations

import re
import threading
from functools import lru_cache
from typing import Any

from .words import matter

_SLOTS = re.compile(r"\{\w+\}")
_ORDER = re.compile(r"\b[a-z]{1,3} ?\d{4,8}\b")
_LOCK = threading.Lock()


def odds(text: str) -> dict[str, float]:
    """The probability of each category; from any thread."""
    with _LOCK:
        model = _learned()
    found = model.predict_proba([_shown(text)])[0]
    return {str(name): float(share) for name, share in zip(model.classes_, found, strict=True)}


@lru_cache(maxsize=1)
def _learned() -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    from ..samples.generator import CATEGORIES, LANGUAGES, sentences

    told = [(s, name) for name in CATEGORIES for language in LANGUAGES for s in sentences(name, language, "known")]
    vectors = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 6), sublinear_tf=True, lowercase=False)
    model = make_pipeline(vectors, LogisticRegression(C=30, max_iter=2000, class_weight="balanced"))
    return model.fit([_shown(_SLOTS.sub(" ", text)) for text, _ in told], [name for _, name in told])


def _shown(text: str) -> str:
    return _ORDER.sub(" ", matter(text))
