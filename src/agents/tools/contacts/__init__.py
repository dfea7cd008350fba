"""Tools over contacts in vCard files of the workspace.

Rule: people are found as they are written or nearly so; nobody is made up.
"""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from ....errors import ToolError
from ...tool import ToolContext, tool
from ..files.contents import decoded
from .cards import Person, card, people

_MOST_BYTES = 20_000_000
_NEAR = 80.0  # of 100, of rapidfuzz's partial ratio; below, other names come in

Line = Annotated[str, Field(max_length=300)]
Lines = Annotated[list[Annotated[str, Field(min_length=1, max_length=320)]], Field(max_length=50)]


class Match(Person):
    """A contact and how well it fits, 0 to 100."""

    score: float


class Found(TypedDict):
    """Contacts, best first. `total` counts those in the file; `problems` are cards that could not be read."""

    people: list[Match]
    total: int
    problems: list[str]


@tool(effect="read")
def find(
    context: ToolContext, query: Line = "", path: str = "contacts.vcf", limit: Annotated[int, Field(ge=1, le=500)] = 20
) -> Found:
    """Finds people in a contacts file (.vcf) by name, address, organisation or group, also when nearly spelled so.

    An empty query lists everybody by name.
    """
    known, problems = people(_text(context.workspace.readable(path)))
    scored = [Match(**{**one, "score": _score(query, one)}) for one in known]
    kept = [one for one in scored if one["score"] >= _NEAR]
    kept.sort(key=lambda one: (-one["score"], one["name"].casefold()))
    return {"people": kept[:limit], "total": len(known), "problems": problems[:50]}


@tool(effect="write")
def save(
    context: ToolContext,
    name: Annotated[str, Field(min_length=1, max_length=300)],
    path: str = "contacts.vcf",
    *,
    emails: Lines = [],  # noqa: B006  # never changed
    phones: Lines = [],  # noqa: B006  # never changed
    organisation: Line = "",
    role: Line = "",
    address: Line = "",
    birthday: Annotated[str, Field(pattern=r"^(\d{4}-\d\d-\d\d)?$")] = "",
    note: Annotated[str, Field(max_length=2_000)] = "",
    groups: Lines = [],  # noqa: B006  # never changed
) -> Person:
    """Adds a person to a contacts file (.vcf) of the workspace, which is made when it is not there.

    Refuses when somebody of this name is in it already.
    """
    person: Person = {
        "name": " ".join(name.split()), "emails": emails, "phones": phones, "organisation": organisation,
        "role": role, "address": address, "birthday": birthday, "note": note, "groups": groups,
    }  # fmt: skip
    target = context.workspace.writable(path)
    there = _text(target) if target.exists() else ""
    if any(one["name"].casefold() == person["name"].casefold() for one in people(there)[0]):
        raise ToolError(f"expected a new name, got {person['name']!r}, who is in {path!r} already")
    beside = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
    gap = "" if not there or there.endswith("\n") else "\r\n"
    beside.write_bytes(f"{there}{gap}{card(person)}".encode())
    beside.replace(target)
    return person


def _score(query: str, person: Person) -> float:
    from rapidfuzz import fuzz, utils

    if not query.strip():
        return 100.0
    texts = [person["name"], *person["emails"], *person["phones"], person["organisation"], *person["groups"]]
    wanted = query.casefold().strip()
    if any(wanted in text.casefold() for text in texts):
        return 100.0
    near = (person["name"], person["organisation"])  # addresses and numbers are right or wrong
    return max(fuzz.token_set_ratio(query, text, processor=utils.default_process) for text in near)


def _text(path: Path) -> str:
    if not path.is_file() or path.stat().st_size > _MOST_BYTES:
        raise ToolError(f"expected a contacts file of at most {_MOST_BYTES:,} bytes, got {str(path)!r}")
    return decoded(path.read_bytes())[0]
