from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from planloom.agents.tool import ToolContext
from planloom.agents.tools import contacts
from planloom.agents.workspace import Workspace
from planloom.errors import AccessError, ToolError

CARDS = """BEGIN:VCARD
VERSION:3.0
FN:Ada Shöre
N:Shöre;Ada;;;
EMAIL;TYPE=HOME:ada@h.example
EMAIL;TYPE=WORK:ada@harbour.example
TEL;TYPE=CELL:+49 1
ADR:;;Pier 1;Bay;;12345;DE
ORG:Harbour;Pilots
TITLE:Master
BDAY:1990-05-04
NOTE:Likes\\ntea
CATEGORIES:friends,crew
END:VCARD
BEGIN:VCARD
VERSION:4.0
FN:Bob Bricks
item1.EMAIL:mailto:bob@h.example
TEL:tel:+1-555
END:VCARD
BEGIN:VCARD
VERSION:3.0
this is broken
END:VCARD
BEGIN:VCARD
VERSION:2.1
N:Dünn;Eva
FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:Eva D=C3=BCnn
END:VCARD
"""


@pytest.fixture
def context(tmp_path: Path) -> ToolContext:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "contacts.vcf").write_text(CARDS)
    return ToolContext(workspace=Workspace(tmp_path / "work", tmp_path / "work" / "out"))


def names(found: Any) -> list[str]:
    return [one["name"] for one in found["people"]]


def test_everybody_is_listed_by_name_and_broken_cards_are_reported(context: ToolContext) -> None:
    found = contacts.find(context)
    assert names(found) == ["Ada Shöre", "Bob Bricks", "Eva Dünn"] and found["total"] == 3
    assert len(found["problems"]) == 1 and "card 3" in found["problems"][0]


def test_a_person_comes_with_all_that_is_on_the_card(context: ToolContext) -> None:
    found = contacts.find(context, "ada")["people"][0]
    assert found["emails"] == ["ada@h.example", "ada@harbour.example"] and found["phones"] == ["+49 1"]
    assert (found["organisation"], found["role"], found["birthday"]) == ("Harbour, Pilots", "Master", "1990-05-04")
    assert found["note"] == "Likes\ntea" and found["groups"] == ["friends", "crew"]
    assert "Pier 1" in found["address"] and "Bay" in found["address"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("shore ada", ["Ada Shöre"]),
        ("Bob Briks", ["Bob Bricks"]),
        ("crew", ["Ada Shöre"]),
        ("bob@h.example", ["Bob Bricks"]),
        ("h.example", ["Ada Shöre", "Bob Bricks"]),
        ("Zorro", []),
    ],
)
def test_people_are_found_as_written_or_nearly_so(context: ToolContext, query: str, expected: list[str]) -> None:
    assert names(contacts.find(context, query)) == expected


def test_saved_people_are_found_and_the_others_stay(context: ToolContext) -> None:
    evil = "Eve\r\nEND:VCARD\r\nBEGIN:VCARD"
    contacts.save(context, "Carl; von Bay", emails=["carl@h.example"], note=evil, groups=["a,b"], birthday="1980-01-02")
    found = contacts.find(context, "carl")["people"][0]
    assert (found["name"], found["emails"], found["birthday"]) == ("Carl; von Bay", ["carl@h.example"], "1980-01-02")
    assert "BEGIN:VCARD" in found["note"] and found["groups"] == ["a,b"]
    assert contacts.find(context)["total"] == 4
    contacts.save(context, "Dora", path="new/other.vcf")
    assert names(contacts.find(context, path="new/other.vcf")) == ["Dora"]


def test_the_same_name_twice_and_paths_outside_are_refused(context: ToolContext, tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="already"):
        contacts.save(context, "ada  SHÖRE")
    with pytest.raises(AccessError):
        contacts.save(context, "X", path="../x.vcf")
    assert not (tmp_path / "x.vcf").exists()


@pytest.mark.parametrize(
    "text", ["hello", "BEGIN:VCALENDAR\nEND:VCALENDAR", "BEGIN:VCARD\nFN:cut", "BEGIN:VCARD\n" * 50_000]
)
def test_what_holds_no_contacts_is_refused(context: ToolContext, text: str) -> None:
    (context.workspace.root / "a.vcf").write_text(text)
    with pytest.raises(ToolError, match="expected contacts"):
        contacts.find(context, path="a.vcf")
