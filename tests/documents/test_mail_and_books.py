"""Mail and books are read as what they are: decoded, in reading order, with who wrote them."""

from __future__ import annotations

import zipfile
from email.message import EmailMessage
from pathlib import Path

import pytest

from planloom.documents.parsing.formats import parse
from planloom.errors import ToolError

CONTAINER = '<container xmlns="urn:x"><rootfiles><rootfile full-path="OEBPS/a b.opf"/></rootfiles></container>'
PACKAGE = """<package xmlns="http://www.idpf.org/2007/opf"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:title>The Pier</dc:title><dc:creator>Ana Reis</dc:creator><dc:language>pt-PT</dc:language></metadata>
<manifest><item id="two" href="text/two.xhtml"/><item id="one" href="text/o%20ne.xhtml"/>
<item id="out" href="../../etc/passwd"/></manifest>
<spine><itemref idref="one"/><itemref idref="two"/><itemref idref="out"/><itemref idref="none"/></spine></package>"""


def message(**parts: str) -> bytes:
    made = EmailMessage()
    made["From"], made["To"] = "Inês Duarte <ines@example.com>", "Rui <rui@example.com>"
    made["Subject"], made["Date"] = "Die Hafengebühr für März", "Mon, 3 Mar 2025 10:00:00 +0100"
    made.set_content(parts.get("plain", "Die Gebühr beträgt 14 €.\n\nGrüße, Inês\n"), cte="base64")
    if "html" in parts:
        made.add_alternative(parts["html"], subtype="html")
    made.add_attachment(b"%PDF-", maintype="application", subtype="pdf", filename="rechnung.pdf")
    return bytes(made)


def book(path: Path, **more: str) -> bytes:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr("META-INF/container.xml", CONTAINER)
        archive.writestr("OEBPS/a b.opf", PACKAGE)
        archive.writestr(
            "OEBPS/text/o ne.xhtml", "<html><body><h1>Arrival</h1><p>The boat came late.</p></body></html>"
        )
        archive.writestr("OEBPS/text/two.xhtml", "<html><body><h1>Storm</h1><p>The pier broke.</p></body></html>")
        for name, text in more.items():
            archive.writestr(name, text)
    return path.read_bytes()


def test_mail_is_decoded_and_says_who_wrote_it():
    found = parse("letter.eml", message())
    text = "\n".join(block.text for block in found.blocks)
    assert (found.kind, found.title) == ("mail", "Die Hafengebühr für März")
    assert "Inês Duarte" in found.author
    assert "Die Gebühr beträgt 14 €." in text and "Date: Mon, 03 Mar 2025" in text and "rechnung.pdf" in text
    assert found.notes == ["attachments are not read: rechnung.pdf"]
    assert str(found.blocks[1].place) == "paragraph 2"


def test_mail_of_html_alone_is_read_without_its_marks():
    head = b"From: a@b.c\nContent-Type: text/html; charset=iso-8859-15\n\n"
    data = head + b"<p>Mooring: <b>14 \xa4</b></p><script>x()</script>"
    assert parse("a.eml", data).blocks[-1].text == "Mooring: 14 €"


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff\xfe nothing", b"Content-Type: text/plain; charset=no-such\n\ntext", b"Subject: =?x?q?\xe4?=\n\ntext"],
)
def test_mail_that_is_hardly_one_never_crashes(data):
    parse("a.eml", data)


def test_a_book_is_read_in_its_own_order_and_nothing_outside_of_it(tmp_path):
    found = parse("pier.epub", book(tmp_path / "pier.epub"))
    assert [block.text for block in found.blocks] == ["Arrival", "The boat came late.", "Storm", "The pier broke."]
    assert (found.kind, found.title, found.author, found.language) == ("book", "The Pier", "Ana Reis", "pt")


def test_a_protected_or_broken_book_is_refused_with_the_reason(tmp_path):
    protected = book(tmp_path / "a.epub", **{"META-INF/rights.xml": "<x/>"})
    with pytest.raises(ToolError, match="encrypted"):
        parse("a.epub", protected)
    with pytest.raises(ToolError, match="damaged"):
        parse("a.epub", book(tmp_path / "b.epub").replace(b"full-path", b"half-path"))
