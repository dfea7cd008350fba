"""People as vCards (RFC 2426, RFC 6350). Rule: a broken card is reported and does not stop the others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from typing_extensions import TypedDict

from ....errors import ToolError

_MOST_CHARACTERS = 20_000_000
_LONGEST = 2_000


class Person(TypedDict):
    """A contact; what the card does not tell is empty. `birthday` is as the card has it."""

    name: str
    emails: list[str]
    phones: list[str]
    organisation: str
    role: str
    address: str
    birthday: str
    note: str
    groups: list[str]


def people(text: str) -> tuple[list[Person], list[str]]:
    """The contacts in a file's text, and what could not be read.

    Raises:
        ToolError: it holds no cards at all, or too much.
    """
    import vobject
    from vobject.base import VObjectError

    if len(text) > _MOST_CHARACTERS:
        raise ToolError(f"expected contacts of at most {_MOST_CHARACTERS:,} characters, got {len(text):,}")
    found: list[Person] = []
    problems: list[str] = []
    for card in blocks(text):
        try:
            found.append(_person(vobject.readOne(card, allowQP=True)))
        except (VObjectError, ValueError, AttributeError, TypeError, IndexError, KeyError) as error:
            problems.append(f"card {len(found) + len(problems) + 1}: {str(error)[:200]}")
    if not found and not problems and text.strip():
        raise ToolError(f"expected contacts (vCard, RFC 6350), got {text[:60]!r}")
    return found, problems


def blocks(text: str) -> Iterator[str]:
    """The text of each card that is closed; a card that begins within another takes its place."""
    kept: list[str] | None = None
    for line in text.replace("\r\n", "\n").split("\n"):
        mark = line.strip().upper()
        if mark == "BEGIN:VCARD":
            kept = []
        if kept is not None:
            kept.append(line)
        if mark == "END:VCARD" and kept is not None:
            yield "\n".join(kept)
            kept = None


def card(person: Person) -> str:
    """A contact as a card; the library escapes what is in it."""
    import vobject

    made = vobject.vCard()
    first, _, last = person["name"].rpartition(" ")
    made.add("fn").value = person["name"]
    made.add("n").value = vobject.vcard.Name(family=last, given=first)
    for kind, values in (("email", person["emails"]), ("tel", person["phones"])):
        for value in values:
            made.add(kind).value = value
    for kind, value in (("title", person["role"]), ("bday", person["birthday"]), ("note", person["note"])):
        if value:
            made.add(kind).value = value
    if person["organisation"]:
        made.add("org").value = [person["organisation"]]
    if person["address"]:
        made.add("adr").value = vobject.vcard.Address(street=person["address"])
    if person["groups"]:
        made.add("categories").value = person["groups"]
    return str(made.serialize())


def _person(made: Any) -> Person:
    return {
        "name": _text(made, "fn") or " ".join(str(getattr(made, "n", "")).split()),
        "emails": _texts(made, "email"),
        "phones": _texts(made, "tel"),
        "organisation": ", ".join(part for part in _flat(_first(made, "org")) if part),
        "role": _text(made, "title") or _text(made, "role"),
        "address": "; ".join(", ".join(str(one.value).split("\n")) for one in made.contents.get("adr", []))[:_LONGEST],
        "birthday": _text(made, "bday"),
        "note": _text(made, "note"),
        "groups": [part for one in made.contents.get("categories", []) for part in _flat(one.value)][:100],
    }


def _first(made: Any, kind: str) -> Any:
    return next((one.value for one in made.contents.get(kind, [])), "")


def _text(made: Any, kind: str) -> str:
    return str(_first(made, kind)).strip()[:_LONGEST]


def _texts(made: Any, kind: str) -> list[str]:
    found = (str(one.value).strip()[:320] for one in made.contents.get(kind, []))
    return [text.removeprefix("tel:").removeprefix("mailto:") for text in dict.fromkeys(found) if text][:50]


def _flat(value: Any) -> list[str]:
    return [str(part)[:_LONGEST] for part in value] if isinstance(value, list) else [str(value)[:_LONGEST]]
