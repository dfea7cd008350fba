"""What indexing costs in model calls and time: one text a call against batches, and again after a little has changed.

Documents are the texts of installed packages' own files and, where these are not enough, made from their paragraphs.
Vectors come from the simulated provider over HTTP, in a process of its own, with 50 ms a call; calls are counted there.
`calls_share` and `time_share` are of 100 documents, batched over one by one, in the median of three repetitions.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from planloom.clock import SystemClock
from planloom.config import Config
from planloom.documents.index.records import Report
from planloom.documents.library import library
from planloom.models.governed import governed

from . import harness
from .harness import Target
from .provider import serving

_ENDINGS = (".md", ".rst", ".txt", ".py")
_SIZES = (1_500, 12_000)  # bytes of a document
_PARTS = 3000  # characters of a made document


def sources() -> Iterator[str]:
    """Texts of the packages that are installed, in a fixed order."""
    for path in sorted(Path(sysconfig.get_paths()["purelib"]).rglob("*")):
        if path.suffix in _ENDINGS and path.is_file() and _SIZES[0] <= path.stat().st_size <= _SIZES[1]:
            yield path.read_text(encoding="utf-8", errors="replace")


def documents(count: int) -> list[str]:
    """So many different documents: real ones, then new ones made of their paragraphs."""
    chance = random.Random(3)
    found: list[str] = []
    for text in sources():
        found.append(text)
        if len(found) == count:
            return found
    paragraphs = [part for text in found for part in text.split("\n\n") if 80 < len(part) < 1500]
    while len(found) < count:
        parts, size = [f"# Document {len(found)}"], 0
        while size < _PARTS:
            parts.append(chance.choice(paragraphs))
            size += len(parts[-1])
        found.append("\n\n".join(parts))
    return found


def written(folder: Path, texts: list[str]) -> None:
    folder.mkdir()
    for number, text in enumerate(texts):
        (folder / f"document-{number:05}.md").write_text(text, encoding="utf-8")


def config(url: str, state: Path, *, batched: bool) -> Config:
    settings: dict[str, Any] = {
        "state": str(state),
        "models": {"base_url": url, "embeddings": {"model": "simulated-embedding"}},
        "features": {"batch_embeddings": batched},
        "limits": {"requests_per_minute": 0, "tokens_per_minute": 0},
    }
    return Config.model_validate(settings)


def requests(url: str) -> int:
    """How many requests the provider has got."""
    import httpx

    found = httpx.get(url.removesuffix("/v1") + "/simulate/stats", timeout=10).json()
    return int(found["requests"])


async def indexed(settings: Config, folder: Path) -> Report:
    """One indexing, with the files' processes started anew."""
    models = governed(settings, SystemClock())
    try:
        async with library(settings, models, Path(settings.state)) as index:
            return await index.index([folder])
    finally:
        await models.close()


def changed(folder: Path, share: float) -> int:
    """Changes one paragraph in this share of the documents; gives how many."""
    files = sorted(folder.iterdir())
    chosen = random.Random(5).sample(files, max(1, round(share * len(files))))
    for path in chosen:
        text = path.read_text(encoding="utf-8")
        path.write_text(text + "\n\nA later remark: this was looked at again.\n", encoding="utf-8")
    return len(chosen)


def run(url: str, count: int, *, batched: bool, again: bool) -> dict[str, Any]:
    """Indexes so many documents; `again`: a second time after 1 % of them changed."""
    with tempfile.TemporaryDirectory() as place:
        folder, state = Path(place) / "documents", Path(place) / "state"
        written(folder, documents(count))
        settings = config(url, state, batched=batched)
        before = requests(url)
        first = asyncio.run(indexed(settings, folder))
        row: dict[str, Any] = {"chunks": first.chunks, "calls": requests(url) - before, "seconds": first.seconds}
        if first.pending or first.failed:
            raise RuntimeError(f"expected every document in the index, got {first}")
        if again:
            row["documents_changed"] = changed(folder, 0.01)
            before = requests(url)
            second = asyncio.run(indexed(settings, folder))
            row |= {
                "again_embedded": second.embedded,
                "again_calls": requests(url) - before,
                "again_seconds": second.seconds,
                "again_share": second.embedded / second.chunks,
            }
        return row


def measure(args: argparse.Namespace) -> harness.Measured:
    """The table, size by size; 10,000 documents one by one would only take long."""
    measured: dict[str, Any] = {}
    with serving("--latency", "0.05") as url:
        pairs = []
        for _ in range(1 if args.quick else 3):
            pairs.append((run(url, 100, batched=False, again=False), run(url, 100, batched=True, again=True)))
        slow = {name: statistics.median(pair[0][name] for pair in pairs) for name in pairs[0][0]}
        quick = {name: statistics.median(pair[1][name] for pair in pairs) for name in pairs[0][1]}
        measured |= {f"one_by_one_{name}_100": value for name, value in slow.items()}
        measured |= {f"batched_{name}_100": value for name, value in quick.items()}
        largest = quick
        for size in () if args.quick else (1_000, 10_000):
            row = run(url, size, batched=True, again=True)
            measured |= {f"batched_{name}_{size}": value for name, value in row.items()}
            largest = row
            if size == 1_000:
                row = run(url, size, batched=False, again=False)
                measured |= {f"one_by_one_{name}_{size}": value for name, value in row.items()}
    return measured, [
        Target("calls_share", quick["calls"] / slow["calls"], "<=", 0.1),
        Target("time_share", quick["seconds"] / slow["seconds"], "<=", 0.2),
        Target("reindex_share", largest["again_share"], "<=", 0.02),
    ]


if __name__ == "__main__":
    harness.main(__doc__ or "", measure)
