"""The results of a run. Rule: small ones in memory, large ones on disk by hash; nothing is ever cut."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import ResultError
from ...memory.artifacts import ArtifactStore
from ...memory.codec import digest, pack, unpack
from ..planning.plan import INPUTS, Reference, follow

_RECENT = 8
_NOTHING = digest(pack(None))


@dataclass(frozen=True, slots=True)
class Stored:
    """A result: its digest, and the value itself (None when it is large) or the hash it is stored under."""

    digest: str
    value: Any
    stored: str | None = None


class Values:
    """Results by step id, and the goal's inputs."""

    def __init__(
        self, store: ArtifactStore, inputs: Mapping[str, Any], *, large_bytes: int, max_bytes: int = 0
    ) -> None:
        self.inputs = dict(inputs)
        self._store = store
        self._large = large_bytes
        self._max = max_bytes
        self._results: dict[str, Stored] = {}
        self._recent: OrderedDict[str, Any] = OrderedDict()

    def encode(self, value: Any) -> Stored:
        """Packs a result, and stores it when large. Bytes are always stored; their value is a handle.

        Cost is linear in the size; call it in a thread when `is_large`.

        Raises:
            ResultError: the result is above the limit.
            JournalError: it can't be stored.
        """
        if isinstance(value, bytes):
            self._check_size(len(value))
            value = {"artifact": self._store.put(value), "size_bytes": len(value)}
        packed = pack(value)
        self._check_size(len(packed))
        if len(packed) <= self._large:
            return Stored(digest(packed), value)
        return Stored(digest(packed), None, self._store.put(packed))

    def put(self, step: str, result: Stored) -> None:
        """Keeps a result."""
        self._results[step] = result

    def discard(self, step: str) -> None:
        """Forgets a result that does not count any more."""
        self._results.pop(step, None)

    def result(self, step: str) -> Stored | None:
        """What is kept of a step, None if it gave nothing."""
        return self._results.get(step)

    def get(self, step: str) -> Any:
        """The value of a step, loaded when it is stored; None for a step without a result."""
        result = self._results.get(step)
        if result is None:
            return None
        return result.value if result.stored is None else self._load(result.stored)

    def lookup(self, reference: Reference) -> Any:
        """The value a reference stands for; None below an optional step that gave nothing.

        Raises:
            LookupError: the field or position is not there; names it and what is.
        """
        if reference.step == INPUTS:
            return follow(self.inputs, reference.path)
        if reference.step not in self._results:
            return None
        value = self.get(reference.step)
        try:
            if reference.all_items:
                return [None if item is None else follow(item, reference.path) for item in value]
            return follow(value, reference.path)
        except LookupError as error:
            raise LookupError(f"{reference}: {error.args[0]}") from error

    def digest_of(self, step: str) -> str:
        """The digest of a step's result; that of None when it has none, because that is what is seen of it."""
        result = self._results.get(step)
        return result.digest if result is not None else _NOTHING

    def unpacked(self, sha256: str) -> Any:
        """A stored result; from any thread.

        Raises:
            JournalError: it is not there any more.
        """
        return unpack(self._store.get(sha256))

    def raw(self, sha256: str) -> bytes:
        """The bytes stored under a hash; from any thread.

        Raises:
            JournalError: they are not there any more.
        """
        return self._store.get(sha256)

    def _check_size(self, size: int) -> None:
        if self._max and size > self._max:
            raise ResultError(
                f"expected a result of at most {self._max:,} bytes, got {size:,}; return less, "
                "write a file and return its path, or raise execution.max_result_bytes"
            )

    def _load(self, sha256: str) -> Any:
        if sha256 in self._recent:
            self._recent.move_to_end(sha256)
            return self._recent[sha256]
        value = unpack(self._store.get(sha256))
        self._recent[sha256] = value
        if len(self._recent) > _RECENT:
            self._recent.popitem(last=False)
        return value


def is_large(value: Any, *, budget: int = 2000) -> bool:
    """Whether packing a value may take more than a few milliseconds; looks at no more than `budget` parts."""
    stack = [value]
    while stack:
        budget -= 1
        if budget < 0:
            return True
        top = stack.pop()
        if isinstance(top, (str, bytes)):
            budget -= len(top) >> 10
        elif isinstance(top, dict):
            budget -= len(top)
            if budget > 0:
                stack.extend(top.values())
        elif isinstance(top, list):
            if len(top) > budget:
                return True
            stack.extend(top)
    return False
