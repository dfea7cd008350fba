"""What kind of document a file is. Rule: its first bytes decide, its name only among kinds of text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

_MARKDOWN = frozenset((".md", ".markdown", ".mdx", ".rst", ".adoc"))
_HTML = frozenset((".html", ".htm", ".xhtml"))
_TABLES = frozenset((".csv", ".tsv"))
_TEXT = frozenset((".txt", ".text", ".log", "", ".tex", ".srt", ".vtt", ".org"))
_MAIL = frozenset((".eml",))
_CODE_ENDINGS = """
    .py .pyi .js .mjs .ts .tsx .jsx .java .kt .scala .go .rs .c .h .cc .cpp .hpp .cs .rb .php .swift .m .r .jl .lua .pl
    .sh .bash .zsh .fish .ps1 .sql .proto .graphql .css .scss .vue .svelte .dart .ex .exs .erl .hs .clj .f90 .tf .cmake
    .json .jsonl .yaml .yml .toml .ini .cfg .conf .xml .gradle .dockerfile .mk .ipynb
"""
_CODE = frozenset(_CODE_ENDINGS.split())
_CODE_NAMES = frozenset(("makefile", "dockerfile", "jenkinsfile", "rakefile", "gemfile"))
_OFFICE = {
    ".pdf": "pdf",
    ".docx": "word",
    ".pptx": "slides",
    ".xlsx": "sheets",
    ".xlsm": "sheets",
    ".epub": "book",
}
_SIGNS = (
    ((b"<!doctype html", b"<html"), "HTML"),
    ((b"<?xml",), "XML"),
    ((b"{\\rtf",), "RTF"),
    ((b"\x89png",), "a PNG picture"),
    ((b"\xff\xd8\xff",), "a JPEG picture"),
    ((b"gif8",), "a GIF picture"),
    ((b"%pdf-",), "a PDF"),
    ((b"\x1f\x8b", b"7z\xbc\xaf", b"rar!"), "an archive"),
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP = b"PK\x03\x04"

KINDS = ("pdf", "word", "slides", "sheets", "html", "markdown", "table", "code", "text", "mail", "book")


@dataclass(frozen=True, slots=True)
class Verdict:
    """`kind`: one of `KINDS`; empty when it can't be read, and why."""

    kind: str
    reason: str = ""


def is_candidate(name: str) -> bool:
    """Whether a file of this name may be a document, so that it is worth opening."""
    path = PurePath(name.lower())
    known = _MARKDOWN | _HTML | _TABLES | _TEXT | _MAIL | _CODE | frozenset(_OFFICE)
    return path.suffix in known or path.name in _CODE_NAMES


def kind_of(name: str, data: bytes) -> Verdict:
    """The kind of a whole file."""
    if data.startswith(_OLE):
        is_locked = "EncryptedPackage".encode("utf-16-le") in data
        if is_locked:
            return Verdict("", "it is encrypted; save it without a password")
        return Verdict("", "it is in the old binary Office format; save it as .docx, .pptx or .xlsx")
    suffix = PurePath(name.lower()).suffix
    if data[:1024].lstrip().startswith(b"%PDF-") or (suffix == ".pdf" and b"%PDF-" in data[:1024]):
        return Verdict("pdf")
    if data.startswith(_ZIP):
        return _office(data)
    if suffix in _OFFICE:
        return Verdict("", f"expected a {suffix} file, got something else ({_shown(data)})")
    return _text(name, data)


def _office(data: bytes) -> Verdict:
    import io
    import zipfile

    try:
        names = zipfile.ZipFile(io.BytesIO(data)).namelist()
    except zipfile.BadZipFile as error:
        return Verdict("", f"it is damaged: {error}")
    for prefix, kind in (("word/", "word"), ("ppt/", "slides"), ("xl/", "sheets")):
        if any(name.startswith(prefix) for name in names):
            return Verdict(kind)
    if "META-INF/container.xml" in names:
        return Verdict("book")
    return Verdict("", "it is an archive, not a document")


def _text(name: str, data: bytes) -> Verdict:
    head = data[:4096]
    is_wide = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    if b"\0" in head and not is_wide:
        return Verdict("", f"expected text, got binary data ({_shown(data)})")
    path = PurePath(name.lower())
    start = head.lstrip().lower()
    if path.suffix in _MAIL:
        return Verdict("mail")
    if path.suffix in _HTML or start.startswith((b"<!doctype html", b"<html")):
        return Verdict("html")
    if path.suffix in _MARKDOWN:
        return Verdict("markdown")
    if path.suffix in _TABLES:
        return Verdict("table")
    if path.suffix in _CODE or path.name in _CODE_NAMES:
        return Verdict("code")
    return Verdict("text")


def _shown(data: bytes) -> str:
    """What a file is by its first bytes, as people call it."""
    if not data:
        return "it is empty"
    start = data[:1024].lstrip().lower()
    known = next((what for signs, what in _SIGNS if start.startswith(signs)), "")
    if not known and b"\0" not in data[:1024]:
        known = "text"
    return f"it is {known}" if known else f"it begins with {data[:8]!r}"
