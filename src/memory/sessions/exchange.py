"""Sessions as JSON, out and in. Rule: what comes in is checked before anything is written, and never overwrites.

An export has everything: the events as they are, the artifacts they refer to (base64), and for people the messages,
context and runs. A list of messages, as chat programs and older versions write it, comes in as messages.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from ...clock import Clock
from ...errors import JournalError, UsageError
from ...events import MessageAdded
from ..artifacts import ArtifactStore
from ..codec import pack
from ..journal import read, restore
from ..journal.records import VERSION, Record
from . import Sessions
from .names import is_id, new_id
from .state import folded

FORMAT = 1
_HEX = re.compile(rb"[0-9a-f]{64}")
_HEAD = ("seq", "at", "run_id", "type")
_BYTES = "$base64"


def exported(sessions: Sessions, session_id: str, store: ArtifactStore) -> dict[str, Any]:
    """Everything of a session as JSON data; artifacts that are gone are named under `missing_artifacts`.

    Raises:
        UsageError: there is no such session.
        JournalError: its journal is damaged.
    """
    records = list(read(sessions.existing(session_id)))
    state = folded(records)
    artifacts, missing = {}, []
    for sha256 in sorted(referred(records)):
        try:
            artifacts[sha256] = base64.b64encode(store.get(sha256)).decode()
        except JournalError:
            if any(record.payload.get("stored") == sha256 for record in records):
                missing.append(sha256)
    return {
        "planloom_session": FORMAT,
        "session_id": session_id,
        "messages": [{"role": m.role, "content": m.text, "at": m.at, "run_id": m.run_id} for m in state.messages],
        "context": _out(state.context),
        "runs": [_out(asdict(run)) for run in state.runs.values()],
        "events": [
            _out({**dict(zip(_HEAD, record[1:5], strict=True)), "payload": record.payload}) for record in records
        ],
        "artifacts": artifacts,
        "missing_artifacts": missing,
    }


def imported(data: Any, sessions: Sessions, store: ArtifactStore, *, session_id: str | None = None) -> str:
    """Makes a session of an export or of a list of messages; gives its id.

    `session_id` None: the id in the data, or a new one where that can't be an id.

    Raises:
        UsageError: the data is neither, or a session of this id is there.
        JournalError: it can't be written.
    """
    if not isinstance(data, Mapping):
        raise UsageError(f"expected a JSON object with a session, got {type(data).__name__}")
    records = list(_events(data) if "events" in data else _messages(data, sessions.clock))
    given = data.get("session_id")
    target = session_id or (given if isinstance(given, str) and is_id(given) else new_id())
    if sessions.path(target).exists():
        raise UsageError(f"expected a new session, but {target!r} is there; give another id with --as")
    for sha256, text in _artifacts(data):
        if store.put(text) != sha256:
            raise UsageError(f"expected an artifact of hash {sha256!r}, got other bytes")
    restore(sessions.path(target), records, sessions.clock)
    return target


def referred(records: Iterable[Record]) -> set[str]:
    """Every hash of an artifact that occurs anywhere in the records, whatever kind of event has it."""
    found: set[str] = set()
    for record in records:
        found.update(match.decode() for match in _HEX.findall(pack(record.payload)))
    return found


def _events(data: Mapping[str, Any]) -> Iterator[Record]:
    if data.get("planloom_session") != FORMAT:
        raise UsageError(
            f"expected an export of format {FORMAT}, got {data.get('planloom_session')!r}; update Planloom"
        )
    last = 0
    for place, event in enumerate(_list(data, "events")):
        try:
            seq, at, run_id, kind = (event[name] for name in _HEAD)
            payload = _in(event["payload"])
            fits = seq > last and at >= 0 and isinstance(run_id, str) and isinstance(kind, str)
        except (KeyError, TypeError) as error:
            raise UsageError(f"events[{place}]: expected seq, at, run_id, type and payload, got {error}") from error
        if not fits or not isinstance(payload, dict):
            raise UsageError(f"events[{place}]: expected rising numbers, a time, texts, a payload, got {event!r:.200}")
        last = seq
        yield Record(VERSION, seq, float(at), run_id, kind, payload)


def _messages(data: Mapping[str, Any], clock: Clock) -> Iterator[Record]:
    if "messages" not in data:
        raise UsageError(
            f"expected a session with `events` or `messages`, got {', '.join(map(str, data)) or 'nothing'}"
        )
    seq = 0
    for place, message in enumerate(_list(data, "messages")):
        role = message.get("role") if isinstance(message, Mapping) else None
        text = _text(message.get("content")) if isinstance(message, Mapping) else None
        if not isinstance(role, str) or text is None:
            raise UsageError(f"messages[{place}]: expected a role and content, got {message!r:.200}")
        seq += 1
        yield Record(VERSION, seq, clock.wall(), "", MessageAdded.type, {"role": role, "text": text})
    context = data.get("context")
    for name, value in context.items() if isinstance(context, Mapping) else ():
        seq += 1
        yield Record(VERSION, seq, clock.wall(), "", "context.set", {"name": str(name), "value": value})


def _text(content: Any) -> str | None:
    """The text of a message: as it is, or the texts of its parts, as chat programs write it."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = [part.get("text", "") if isinstance(part, Mapping) else part for part in content]
        return "\n".join(part for part in parts if isinstance(part, str) and part)
    return None


def _artifacts(data: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    artifacts = data.get("artifacts") or {}
    if not isinstance(artifacts, Mapping):
        raise UsageError(f"expected `artifacts` by hash, got {type(artifacts).__name__}")
    for sha256, text in artifacts.items():
        try:
            yield sha256, base64.b64decode(text, validate=True)
        except (TypeError, ValueError) as error:
            raise UsageError(f"artifacts[{sha256!r}]: expected base64, got: {error}") from error


def _list(data: Mapping[str, Any], name: str) -> list[Any]:
    value = data[name]
    if not isinstance(value, list):
        raise UsageError(f"expected `{name}` to be a list, got {type(value).__name__}")
    return value


def _out(value: Any) -> Any:
    """Plain data as JSON has it; bytes are marked."""
    match value:
        case bytes():
            return {_BYTES: base64.b64encode(value).decode()}
        case dict():
            return {str(key): _out(item) for key, item in value.items()}
        case list() | tuple():
            return [_out(item) for item in value]
        case _:
            return value


def _in(value: Any) -> Any:
    match value:
        case {"$base64": str(text)} if len(value) == 1:
            return base64.b64decode(text)
        case dict():
            return {key: _in(item) for key, item in value.items()}
        case list():
            return [_in(item) for item in value]
        case _:
            return value
