"""How well passages are found: by words, by vectors, by both, over the documentation of Python's standard library.

The text is what `help` shows of some eighty modules, one file a module and one section a function or class, so it is on
every machine. The questions in data/questions.tsv were written for these sections in the words of someone who does not
know the name; what is found is right when it is the section's own passage. nDCG of 10 is the measure, since only one
passage is right and it should be first. `hybrid_over_best`: both together over the better of the two alone.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import inspect
import math
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from planloom.config import Config
from planloom.documents.index.embedded import PassageVectors
from planloom.documents.index.store import Store
from planloom.documents.library import Library, library
from planloom.documents.search.hybrid import by_words

from . import harness
from .harness import Target

QUESTIONS = Path(__file__).parent / "data" / "questions.tsv"
_DEPTH = 50
_TOP = 10
_MORE = """
    abc array bdb cmd code codecs colorsys copyreg ctypes curses dbm doctest errno fileinput ftplib getopt gettext
    http.client http.cookiejar http.server imaplib keyword mailbox mmap modulefinder netrc numbers optparse pathlib pdb
    pkgutil plistlib poplib profile pstats pty pyclbr resource rlcompleter runpy sched select selectors shelve site
    socketserver symtable tabnanny termios token tokenize trace tracemalloc tty unittest unittest.mock urllib.request
    venv wave wsgiref.util xml.dom.minidom xml.etree.ElementTree xmlrpc.client zipapp
"""


@dataclass(frozen=True, slots=True)
class Question:
    """A question and where its answer stands: file name, first and last line."""

    text: str
    file: str
    first: int
    last: int


def asked() -> list[tuple[str, str]]:
    """Names of sections and the questions for them."""
    rows = (line.split("\t") for line in QUESTIONS.read_text(encoding="utf-8").splitlines() if line.strip())
    return [(name, question) for name, question in rows]


def corpus(folder: Path) -> dict[str, tuple[str, int, int]]:
    """Writes the files; gives where each section stands."""
    places: dict[str, tuple[str, int, int]] = {}
    wanted = {name for name, _ in asked()}
    modules = sorted({name.rpartition(".")[0] for name in wanted} | set(_MORE.split()))
    for module in modules:
        try:
            found = importlib.import_module(module)
        except ImportError:  # not on this system
            continue
        lines = [f"# {module}", "", *(inspect.getdoc(found) or "").splitlines()]
        for name, text in sections(found):
            first = len(lines) + 2
            lines += ["", f"## {name}", "", *text.splitlines()]
            places[f"{module}.{name}"] = (f"{module}.md", first, len(lines))
        (folder / f"{module}.md").write_text("\n".join(lines) + "\n", encoding="utf-8", errors="replace")
    return places


def sections(module: Any) -> list[tuple[str, str]]:
    """Public functions and classes of a module with what `help` says, by name."""
    names = getattr(module, "__all__", None) or [name for name in dir(module) if not name.startswith("_")]
    found = []
    for name in sorted(names):
        value = getattr(module, name, None)
        if not callable(value):
            continue
        text = inspect.getdoc(value) or ""
        if inspect.isclass(value):
            text += "".join(f"\n\n{key}: {doc}" for key, doc in methods(value))
        if text.strip():
            found.append((name, text))
    return found


def methods(value: type) -> list[tuple[str, str]]:
    own = [(key, inspect.getdoc(one) or "") for key, one in vars(value).items() if not key.startswith("_")]
    return [(key, doc) for key, doc in own if doc and callable(getattr(value, key, None))][:30]


def ndcg(rank: int | None) -> float:
    """Of one right passage at this rank from 1; None: not among the ten."""
    return 1 / math.log2(rank + 1) if rank is not None and rank <= _TOP else 0.0


def rank_of(question: Question, ids: Sequence[int], stored: Mapping[int, Any]) -> int | None:
    for rank, id_ in enumerate(ids, 1):
        passage = stored[id_]
        is_there = Path(passage.path).name == question.file
        if is_there and passage.place.first <= question.last and passage.place.last >= question.first:
            return rank
    return None


async def ranked(index: Library, question: str) -> dict[str, list[int]]:
    """Ids of passages, each way."""
    store: Store = index._store  # the ways alone are not offered to people
    vectors: PassageVectors = index._vectors
    query = await index.embedder.embed_query(question)
    found = await index.search(question, count=_TOP)
    keys = {(hit.path, hit.place, hit.text): None for hit in found.hits}
    alone = {"words": by_words(question, store, _DEPTH), "vectors": [m.id for m in vectors.search(query, _DEPTH)]}
    stored = store.passages([id_ for ids in alone.values() for id_ in ids])
    by_key = {(one.path, one.place, one.text): id_ for id_, one in stored.items()}
    return {**alone, "hybrid": [by_key[key] for key in keys if key in by_key]}


async def scores(folder: Path, state: Path, questions: Sequence[Question]) -> dict[str, Any]:
    """nDCG and hits of each way, and how long a search takes."""
    async with library(Config(), None, state) as index:
        report = await index.index([folder])
        ranks: dict[str, list[int | None]] = {}
        seconds = []
        for question in questions:
            began = time.perf_counter()
            await index.search(question.text, count=_TOP)
            seconds.append(time.perf_counter() - began)
            for way, ids in (await ranked(index, question.text)).items():
                stored = index._store.passages(ids)
                ranks.setdefault(way, []).append(rank_of(question, ids, stored))
    result: dict[str, Any] = {"files": report.files, "passages": report.chunks, "index_s": report.seconds}
    for way, found in ranks.items():
        result[f"{way}_ndcg10"] = sum(map(ndcg, found)) / len(found)
        result[f"{way}_first"] = sum(rank == 1 for rank in found) / len(found)
        result[f"{way}_in_5"] = sum(rank is not None and rank <= 5 for rank in found) / len(found)
        result[f"{way}_in_10"] = sum(rank is not None and rank <= _TOP for rank in found) / len(found)
    seconds.sort()
    return result | {
        "search_p50_ms": 1000 * seconds[len(seconds) // 2],
        "embedding": report.embedding.partition("?")[0],
    }


def measure(args: argparse.Namespace) -> harness.Measured:
    """Every question of the file whose section is on this machine; `--quick`: every third."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "docs"
        folder.mkdir()
        places = corpus(folder)
        questions = [Question(text, *places[name]) for name, text in asked() if name in places]
        missing = [name for name, _ in asked() if name not in places]
        found = asyncio.run(scores(folder, Path(place) / "state", questions[:: 3 if args.quick else 1]))
    measured = {"questions": len(questions), "not_on_this_machine": " ".join(missing), **found}
    best = max(found["words_ndcg10"], found["vectors_ndcg10"])
    return measured, [
        Target("questions", len(questions), ">=", 200),
        Target("hybrid_over_best", found["hybrid_ndcg10"] / best, ">=", 1.0),
    ]


if __name__ == "__main__":
    harness.main(__doc__ or "", measure)
