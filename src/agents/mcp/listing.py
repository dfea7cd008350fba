"""What a server offers, as data that may be kept and shown.

Rule: every text of a server is a stranger's: cleaned of what can't be seen, bounded, and never more than a description.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from .schemas import clean, usable

_SENTENCE = re.compile(r"(?<=[a-z)'\"][.!?]) (?=[A-Z])")
_NAME = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One tool. `name` is ours, `original` the server's. `output` None: the server does not say.

    `hints` are what the server says of its effects: readOnly, destructive, idempotent, openWorld. `fingerprint` is a
    hash of all that the server says of the tool, before any of it was made harmless.
    """

    name: str
    original: str
    description: str
    input: Mapping[str, Any]
    output: Mapping[str, Any] | None = None
    hints: Mapping[str, bool] = field(default_factory=dict)
    fingerprint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What one server offers. `notes` say what of it had to be changed or left out."""

    server: str
    version: str
    offers: tuple[Offer, ...]
    has_resources: bool = False
    has_prompts: bool = False
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for `from_dict`."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Listing:
        """The listing that `to_dict` made.

        Raises:
            TypeError, KeyError, AttributeError: it is something else.
        """
        offers = tuple(Offer(**offer) for offer in data["offers"])
        return cls(**{**data, "offers": offers, "notes": tuple(data["notes"])})


def listing(tools: Iterable[Any], *, server: str, version: str, has_resources: bool, has_prompts: bool) -> Listing:
    """The listing of the library's tools, in a fixed order."""
    notes: list[str] = []
    offers: dict[str, Offer] = {}
    seen: set[str] = set()
    for tool in sorted(tools, key=lambda tool: _plain(tool.name) != tool.name):  # a name as it is comes first
        if tool.name in seen:
            notes.append(f"lists {clean(tool.name, 80)!r} twice; the first counts")
            continue
        seen.add(tool.name)
        offer = _offer(tool, offers, notes)
        offers[offer.name] = offer
    return Listing(
        server=clean(server, 80),
        version=clean(version, 40),
        offers=tuple(offers[name] for name in sorted(offers)),
        has_resources=has_resources,
        has_prompts=has_prompts,
        notes=tuple(notes),
    )


def _offer(tool: Any, taken: Mapping[str, Offer], notes: list[str]) -> Offer:
    name = _name(tool.name, taken)
    hints = {}
    if tool.annotations is not None:
        hints = {
            key: value
            for key in ("readOnly", "destructive", "idempotent", "openWorld")
            if (value := getattr(tool.annotations, f"{key}Hint")) is not None
        }
    output = None if tool.outputSchema is None else usable(tool.outputSchema, f"the result of {name}", notes)
    return Offer(
        name=name,
        original=tool.name,
        description=_headed(clean(tool.description or tool.title or "")),
        input=usable(tool.inputSchema, f"the arguments of {name}", notes),
        output=output,
        hints=hints,
        fingerprint=_fingerprint(tool),
    )


def _fingerprint(tool: Any) -> str:
    said = tool.model_dump(include={"name", "title", "description", "inputSchema", "outputSchema", "annotations"})
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode("utf-8", "replace")).hexdigest()[:32]


def _headed(text: str) -> str:
    """A description with its first sentence on a line of its own, as those of our tools have it."""
    first, *rest = _SENTENCE.split(text, maxsplit=1)
    return "\n".join([first, *rest])


def _plain(name: str) -> str:
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return _NAME.sub("_", ascii_only).strip("_")[:60]


def _name(original: str, taken: Mapping[str, Offer]) -> str:
    """A name that can stand in a plan; another one's name is never taken."""
    name = _plain(original)
    if not name or name in taken:
        name = f"{name or 'tool'}_{hashlib.sha256(original.encode('utf-8', 'replace')).hexdigest()[:6]}"
    return name
