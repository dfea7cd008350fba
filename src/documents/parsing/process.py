"""The process that reads files: one after another, until its input ends.

Rule: it shares two pipes with the one that started it, which carry frames: a length (4 bytes, big endian) and that many
bytes of msgpack. To it: `{path, name, max_bytes, chunk_chars}`; from it: `{taken}`, then `{read}` or `{error}`. What a
library prints goes to standard error. The other end is `reading`.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import struct
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from ...errors import ToolError
from ...language import language
from ...memory.codec import pack, unpack

HEAD = struct.Struct(">I")
_TRIES = 3
_TOLD = 20  # passages that tell the language


def framed(message: Mapping[str, Any]) -> bytes:
    """A message with its length in front."""
    body = pack(message)
    return HEAD.pack(len(body)) + body


def main() -> None:
    """Serves requests from standard input; `argv[1]` is how many bytes of memory it may take, 0: any."""
    source, sink = _own_pipes()
    _die_with_parent()
    warnings.simplefilter("ignore")
    _limit_memory(int(sys.argv[1]))
    while len(head := source.read(HEAD.size)) == HEAD.size:
        request = unpack(source.read(HEAD.unpack(head)[0]))
        _send(sink, {"taken": True})
        is_last = False
        try:
            reply: dict[str, Any] = {"read": read(request)}
        except MemoryError:
            reply, is_last = {"error": "it takes more memory than documents.parse_memory_bytes allows"}, True
        except RecursionError:
            reply = {"error": "it is nested too deep"}
        except (ToolError, OSError) as error:
            reply = {"error": str(error)}
        _send(sink, reply)
        if is_last:
            return


def read(request: Mapping[str, Any]) -> dict[str, Any]:
    """A file as passages, with the hash of exactly the bytes that were read.

    Raises:
        ToolError: it can't be read; says why.
        OSError: it is gone, or not readable.
    """
    from ..passages import passages
    from .formats import parse

    path = Path(request["path"])
    data, stat = _content(path, request["max_bytes"])
    parsed = parse(path.name, data)
    found = [
        [_clean(one.text), one.place.to_dict()]
        for one in passages(parsed.blocks, limit=request["chunk_chars"])
        if any(char.isalnum() for char in one.text)
    ]
    told = "\n".join(str(text) for text, _ in found[:_TOLD])
    if not found:
        raise ToolError("it has no text" if data else "it is empty")
    return {
        "kind": parsed.kind,
        "title": _clean(" ".join(parsed.title.split())[:300]),
        "notes": parsed.notes,
        "sha256": hashlib.sha256(data).hexdigest(),
        "size_bytes": len(data),
        "mtime_ns": stat.st_mtime_ns,
        "modified": stat.st_mtime,
        "author": _clean(" ".join(parsed.author.split())[:300]),
        "language": language(told) or parsed.language,
        "passages": found,
    }


def _content(path: Path, max_bytes: int) -> tuple[bytes, os.stat_result]:
    """All bytes of one state of the file."""
    for _ in range(_TRIES):
        before = path.stat()
        if max_bytes and before.st_size > max_bytes:
            raise ToolError(
                f"it has {before.st_size:,} bytes, more than the {max_bytes:,} of documents.max_file_bytes allow"
            )
        data = path.read_bytes()
        after = path.stat()
        if (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size) and len(data) == after.st_size:
            return data, after
    raise ToolError("it changed while it was read; index again when nobody writes it")


def _clean(text: str) -> str:
    """Without halves of surrogate pairs and control characters, which terminals and databases don't take."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    return "".join(char for char in text if char >= " " or char in "\n\t")


def _own_pipes() -> tuple[BinaryIO, BinaryIO]:
    """The pipes under new numbers; 0 becomes empty, 1 becomes standard error."""
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return source, sink


def _die_with_parent() -> None:
    if sys.platform != "linux":
        return  # the end of standard input says it too
    import ctypes

    pr_set_pdeathsig = 1
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL, 0, 0, 0)


def _limit_memory(size_bytes: int) -> None:
    if size_bytes <= 0:
        return
    import resource

    with contextlib.suppress(ValueError, OSError):
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        limit = size_bytes if hard == resource.RLIM_INFINITY else min(size_bytes, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))


def _send(sink: BinaryIO, message: Mapping[str, Any]) -> None:
    sink.write(framed(message))
    sink.flush()


if __name__ == "__main__":
    main()
