"""What kind of file something is: Python, Markdown, Images, Archives.

Rule: the name decides; only a name that says nothing makes us look at the first bytes.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

Group = Literal["code", "prose", "data", "settings", "media", "document", "archive", "binary", "text"]

_SNIFF_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file. `line_marks` start a comment to the end of the line, `block_marks` enclose one."""

    name: str
    group: Group
    is_text: bool
    line_marks: tuple[str, ...] = ()
    block_marks: tuple[str, str] | None = None


_HASH: tuple[str, ...] = ("#",)
_C = (("//",), ("/*", "*/"))
_XML = ((), ("<!--", "-->"))

# identify's tag -> (name, group, marks); the first of these tags that a file has is its kind
_TAGGED: dict[str, tuple[str, Group, tuple[str, ...], tuple[str, str] | None]] = {
    "jupyter": ("Notebooks", "data", (), None),
    "cython": ("Cython", "code", _HASH, None),
    "pyi": ("Python stubs", "code", _HASH, None),
    "python": ("Python", "code", _HASH, None),
    "javascript": ("JavaScript", "code", *_C),
    "jsx": ("JavaScript", "code", *_C),
    "ts": ("TypeScript", "code", *_C),
    "tsx": ("TypeScript", "code", *_C),
    "vue": ("Vue", "code", ("//",), ("<!--", "-->")),
    "svelte": ("Svelte", "code", ("//",), ("<!--", "-->")),
    "cuda": ("CUDA", "code", *_C),
    "objective-c++": ("Objective-C++", "code", *_C),
    "c#": ("C#", "code", *_C),
    "f#": ("F#", "code", ("//",), ("(*", "*)")),
    "header": ("C and C++ headers", "code", *_C),
    "c++": ("C++", "code", *_C),
    "c": ("C", "code", *_C),
    "objective-c": ("Objective-C", "code", *_C),
    "java": ("Java", "code", *_C),
    "kotlin": ("Kotlin", "code", *_C),
    "scala": ("Scala", "code", *_C),
    "groovy": ("Groovy", "code", *_C),
    "go": ("Go", "code", *_C),
    "rust": ("Rust", "code", *_C),
    "swift": ("Swift", "code", *_C),
    "dart": ("Dart", "code", *_C),
    "zig": ("Zig", "code", ("//",), None),
    "php": ("PHP", "code", ("//", "#"), ("/*", "*/")),
    "ruby": ("Ruby", "code", _HASH, ("=begin", "=end")),
    "perl": ("Perl", "code", _HASH, None),
    "r": ("R", "code", _HASH, None),
    "julia": ("Julia", "code", _HASH, ("#=", "=#")),
    "elixir": ("Elixir", "code", _HASH, None),
    "erlang": ("Erlang", "code", ("%",), None),
    "haskell": ("Haskell", "code", ("--",), ("{-", "-}")),
    "ocaml": ("OCaml", "code", (), ("(*", "*)")),
    "lua": ("Lua", "code", ("--",), ("--[[", "]]")),
    "sql": ("SQL", "code", ("--",), ("/*", "*/")),
    "clojure": ("Clojure", "code", (";",), None),
    "scheme": ("Scheme", "code", (";",), None),
    "asm": ("Assembly", "code", (";", "#", "//"), ("/*", "*/")),
    "fortran": ("Fortran", "code", ("!",), None),
    "shell": ("Shell", "code", _HASH, None),
    "fish": ("Shell", "code", _HASH, None),
    "powershell": ("PowerShell", "code", _HASH, ("<#", "#>")),
    "batch": ("Batch", "code", ("rem ", "REM ", "::"), None),
    "css": ("CSS", "code", (), ("/*", "*/")),
    "scss": ("Sass", "code", *_C),
    "sass": ("Sass", "code", ("//",), None),
    "less": ("Less", "code", *_C),
    "xhtml": ("HTML", "code", *_XML),
    "html": ("HTML", "code", *_XML),
    "jinja": ("Jinja", "code", (), ("{#", "#}")),
    "makefile": ("Make", "code", _HASH, None),
    "cmake": ("CMake", "code", _HASH, None),
    "meson": ("Meson", "code", _HASH, None),
    "dockerfile": ("Dockerfile", "code", _HASH, None),
    "bazel": ("Bazel", "code", _HASH, None),
    "terraform": ("Terraform", "code", _HASH, ("/*", "*/")),
    "hcl": ("HCL", "code", _HASH, ("/*", "*/")),
    "nix": ("Nix", "code", _HASH, ("/*", "*/")),
    "vim": ("Vim script", "code", ('"',), None),
    "verilog": ("Verilog", "code", *_C),
    "system-verilog": ("Verilog", "code", *_C),
    "vhdl": ("VHDL", "code", ("--",), None),
    "solidity": ("Solidity", "code", *_C),
    "proto": ("Protocol Buffers", "code", *_C),
    "graphql": ("GraphQL", "code", _HASH, None),
    "markdown": ("Markdown", "prose", *_XML),
    "mdx": ("Markdown", "prose", *_XML),
    "myst": ("Markdown", "prose", *_XML),
    "quarto": ("Markdown", "prose", *_XML),
    "rst": ("reStructuredText", "prose", ("..",), None),
    "asciidoc": ("AsciiDoc", "prose", ("//",), None),
    "tex": ("LaTeX", "prose", ("%",), None),
    "plain-text": ("Plain text", "prose", (), None),
    "csv": ("CSV", "data", (), None),
    "tsv": ("CSV", "data", (), None),
    "geojson": ("JSON", "data", (), None),
    "svg": ("Images", "media", (), None),
    "image": ("Images", "media", (), None),
    "audio": ("Audio", "media", (), None),
    "json": ("JSON", "data", (), None),
    "json5": ("JSON", "data", *_C),
    "xml": ("XML", "data", *_XML),
    "yaml": ("YAML", "settings", _HASH, None),
    "toml": ("TOML", "settings", _HASH, None),
    "ini": ("INI", "settings", ("#", ";"), None),
    "java-properties": ("INI", "settings", ("#", "!"), None),
    "gitignore": ("Settings", "settings", _HASH, None),
    "editorconfig": ("Settings", "settings", _HASH, None),
    "dockerignore": ("Settings", "settings", _HASH, None),
    "npmignore": ("Settings", "settings", _HASH, None),
    "gitattributes": ("Settings", "settings", _HASH, None),
    "gitmodules": ("Settings", "settings", _HASH, None),
    "mailmap": ("Settings", "settings", _HASH, None),
    "dotenv": ("Settings", "settings", _HASH, None),
    "pdf": ("PDF", "document", (), None),
    "eps": ("Images", "media", (), None),
    "icon": ("Images", "media", (), None),
    "icns": ("Images", "media", (), None),
    "adobe-illustrator": ("Images", "media", (), None),
    "ttf": ("Fonts", "media", (), None),
    "otf": ("Fonts", "media", (), None),
    "woff": ("Fonts", "media", (), None),
    "woff2": ("Fonts", "media", (), None),
    "eot": ("Fonts", "media", (), None),
    "wheel": ("Archives", "archive", (), None),
    "jar": ("Archives", "archive", (), None),
    "zip": ("Archives", "archive", (), None),
    "tar": ("Archives", "archive", (), None),
    "gzip": ("Archives", "archive", (), None),
    "bzip2": ("Archives", "archive", (), None),
    "pem": ("Certificates", "settings", (), None),
    "diff": ("Patches", "data", (), None),
}

# endings that identify leaves out, by kind; all of them binary
_MORE: dict[tuple[str, Group], str] = {
    ("Word documents", "document"): "doc docx odt rtf pages dotx",
    ("Spreadsheets", "document"): "xls xlsx xlsm ods numbers",
    ("Presentations", "document"): "ppt pptx odp key",
    ("E-books", "document"): "epub mobi azw3 djvu",
    ("Images", "media"): "heic heif raw cr2 nef arw dng psd xcf jp2 jxl",
    ("Audio", "media"): "mp3 m4a ogg oga opus flac aac wma aiff aif mid midi",
    ("Video", "media"): "mp4 m4v mkv mov avi webm wmv flv mpg mpeg 3gp ogv",
    ("Archives", "archive"): "xz txz zst tzst 7z rar lz lz4 tbz2 cab deb rpm apk dmg iso img",
    ("Databases", "data"): "db sqlite sqlite3 db3 mdb accdb duckdb",
    ("Binary data", "data"): "parquet feather arrow orc avro npy npz h5 hdf5 pkl pickle joblib mat rds rdata bin dat",
    ("Model weights", "data"): "pt pth onnx safetensors gguf ckpt tflite",
    ("Compiled files", "binary"): "pyc pyo class o obj a lib so dll dylib exe elc wasm node mo",
}
_ENDINGS: dict[str, Kind] = {
    ending: Kind(name, group, False) for (name, group), endings in _MORE.items() for ending in endings.split()
} | {
    "jsonl": Kind("JSON", "data", True),
    "ndjson": Kind("JSON", "data", True),
    "log": Kind("Logs", "data", True),
    "lock": Kind("Lock files", "data", True),
    "org": Kind("Org", "prose", True),
    "typed": Kind("Settings", "settings", True),
}
_FURTHER: dict[str, Kind] = {
    "Settings": Kind("Settings", "settings", True, ("#",)),
    "Other text": Kind("Other text", "text", True),
    "Other binaries": Kind("Other binaries", "binary", False),
    "Empty files": Kind("Empty files", "text", True),
    "Unreadable": Kind("Unreadable", "binary", False),
}


def kind_of(path: str | Path) -> Kind:
    """The kind of the file at `path`; a file that can't be opened and has a name that says nothing is "Unreadable"."""
    name = os.path.basename(path)  # noqa: PTH119  # called for every file of a big folder
    stem, dot, ending = name.rpartition(".")
    known = _exactly(name) or (_by_ending(ending.lower()) if dot and stem else None)
    return known or _by_name(name) or _by_content(Path(path))


def told_by_content(name: str) -> Kind | None:
    """The kind called `name` if it is one that only the content tells, None for all others."""
    return _FURTHER.get(name)


@lru_cache(maxsize=4096)
def _exactly(name: str) -> Kind | None:
    from identify.extensions import NAMES

    if name.startswith(("requirements", "constraints")) and name.endswith(".txt"):
        return _from_tags({"ini", "text"})
    tags = NAMES.get(name)
    return _from_tags(tags) if tags else None


@lru_cache(maxsize=4096)
def _by_ending(ending: str) -> Kind | None:
    if ending in _ENDINGS:
        return _ENDINGS[ending]
    from identify.extensions import EXTENSIONS

    tags = EXTENSIONS.get(ending)
    return _from_tags(tags) if tags else None


@lru_cache(maxsize=4096)
def _by_name(name: str) -> Kind | None:
    if name.lower().partition(".")[0] in ("readme", "license", "licence", "copying", "changelog", "notice"):
        return _from_tags({"plain-text", "text"})
    from identify.identify import tags_from_filename

    tags = tags_from_filename(name)
    return _from_tags(tags) if tags else None


def _from_tags(tags: set[str] | frozenset[str]) -> Kind:
    is_text = "text" in tags
    for tag, (name, group, lines, block) in _TAGGED.items():
        if tag in tags:
            return Kind(name, group, is_text and group != "media", lines, block)
    own = sorted(tags - {"text", "binary"})
    if not is_text:
        return _FURTHER["Other binaries"] if not own else Kind(_pretty(own[0]), "binary", False)
    return Kind(_pretty(own[0]), "code", True, ("#", "//")) if own else _FURTHER["Settings"]


def _pretty(tag: str) -> str:
    return tag.replace("-", " ").capitalize()


def _by_content(path: Path) -> Kind:
    try:
        with path.open("rb") as file:
            head = file.read(_SNIFF_BYTES)
    except OSError:
        return _FURTHER["Unreadable"]
    if not head:
        return _FURTHER["Empty files"]
    if head.startswith(b"#!"):
        return _by_interpreter(head) or _FURTHER["Other text"]
    return _FURTHER["Other text" if looks_like_text(head) else "Other binaries"]


def _by_interpreter(head: bytes) -> Kind | None:
    words = head[2:].split(b"\n", 1)[0].decode("ascii", "replace").split()
    names = [word.rsplit("/", 1)[-1] for word in words if not word.startswith("-")]
    program = next((n for n in names if n not in ("env",)), "")
    from identify.interpreters import INTERPRETERS

    tags = INTERPRETERS.get(program) or INTERPRETERS.get(program.rstrip("0123456789."))
    return _from_tags({*tags, "text"}) if tags else None


def looks_like_text(head: bytes) -> bool:
    """Whether the first bytes of a file read as text: a byte order mark, or no NUL and few control characters."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")):
        return True
    if b"\0" in head:
        return False
    control = sum(byte < 32 and byte not in (9, 10, 12, 13, 27) for byte in head)
    return control <= len(head) * 0.02
