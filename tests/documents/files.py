"""Real files of every kind, made by the libraries that people's programs use too."""

from __future__ import annotations

import zipfile
from pathlib import Path

MARKDOWN = """---
owner: harbour office
---
# Harbour rules

Ships report to the harbour office before they moor.

## Mooring

The quay on the north side is for fishing boats alone. A mooring costs 14 euros a night, and 9 euros in winter.

## Waste

Used oil goes into the green tank beside the crane. Anyone who pours oil into the water pays for the cleaning.
"""
HTML = """<!doctype html><html><head><title>Opening hours</title><style>p {color: red}</style></head><body>
<nav>Home Contact</nav>
<h1>Opening hours</h1>
<p>The baths are open from <b>nine</b> to eight.</p>
<script>alert("never indexed")</script>
<table><tr><th>Day</th><th>Pool</th></tr><tr><td>Monday</td><td>closed for cleaning</td></tr></table>
</body></html>"""
CODE = '''"""Pays wages."""


class Payroll:
    """What each employee gets."""

    def overtime(self, hours: float) -> float:
        return max(0.0, hours - 40) * 1.5
'''


def pdf(path: Path, pages: list[str], *, password: str = "") -> Path:
    from reportlab.lib.pdfencrypt import StandardEncryption
    from reportlab.pdfgen.canvas import Canvas

    lock = StandardEncryption(password, canPrint=1) if password else None
    canvas = Canvas(str(path), encrypt=lock)
    for text in pages:
        canvas.drawString(72, 720, text)
        canvas.showPage()
    canvas.save()
    return path


def word(path: Path) -> Path:
    import docx

    document = docx.Document()
    document.add_heading("Lease", 1)
    document.add_paragraph("The flat is let from the first of March.")
    document.add_heading("Notice", 2)
    document.add_paragraph("Either side may end the lease with three months' notice in writing.")
    table = document.add_table(rows=2, cols=2)
    for cell, text in zip(
        [*table.rows[0].cells, *table.rows[1].cells], ["Room", "Area", "Kitchen", "11 m2"], strict=True
    ):
        cell.text = text
    document.save(str(path))
    return path


def slides(path: Path) -> Path:
    import pptx

    deck = pptx.Presentation()
    for title, body, spoken in (
        ("Where we stand", "Sales rose by a tenth in spring.", ""),
        ("What comes next", "A second shop opens in Porto.", "Mention the lease of the shop."),
    ):
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = title
        slide.placeholders[1].text = body
        if spoken:
            slide.notes_slide.notes_text_frame.text = spoken
    deck.save(str(path))
    return path


def sheets(path: Path) -> Path:
    import openpyxl

    book = openpyxl.Workbook()
    costs = book.active
    costs.title = "Costs"
    for row in (["Month", "Rent", "Power"], ["January", 900, 120.5], ["February", 900, 98.25]):
        costs.append(row)
    people = book.create_sheet("People")
    people.append(["Name", "Role"])
    people.append(["Ines Duarte", "captain of the ferry"])
    book.save(str(path))
    return path


def everything(folder: Path) -> Path:
    """One file of each kind."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "rules.md").write_text(MARKDOWN, encoding="utf-8")
    (folder / "hours.html").write_text(HTML, encoding="utf-8")
    (folder / "payroll.py").write_text(CODE, encoding="utf-8")
    (folder / "boats.csv").write_text(
        "Boat;Length;Owner\nGaivota;12;Ana Reis\nAlbatroz;31;Rui Pinto\n", encoding="utf-8"
    )
    (folder / "letter.txt").write_text("Dear Ana,\n\nthe engine of the Gaivota needs a new pump.\n", encoding="utf-8")
    pdf(folder / "manual.pdf", ["Before you start, check the oil.", "The alarm sounds when the bilge is full."])
    word(folder / "lease.docx")
    slides(folder / "talk.pptx")
    sheets(folder / "costs.xlsx")
    return folder


def bomb(path: Path, size_bytes: int) -> Path:
    """A small .docx whose text is huge."""
    word(path)
    with zipfile.ZipFile(path) as source:
        kept = {name: source.read(name) for name in source.namelist() if name != "word/document.xml"}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target:
        for name, data in kept.items():
            target.writestr(name, data)
        with target.open("word/document.xml", "w", force_zip64=True) as part:
            part.write(
                b'<?xml version="1.0"?><w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
                b"<w:body><w:p><w:r><w:t>"
            )
            for _ in range(size_bytes // 2**20):
                part.write(b"a" * 2**20)
            part.write(b"</w:t></w:r></w:p></w:body></w:document>")
    return path
