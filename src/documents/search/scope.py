"""Which documents a search looks in: a file or folder, and conditions on what is known of a file. Pure.

Rule: a scope is part of the query, so that the best passages are the best of those that fit, however few they are.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from ...errors import UsageError
from ...language import NAMES
from ..kinds import KINDS

_CONDITION = re.compile(r"\s*([A-Za-z]+)\s*(!=|>=|<=|=|~|>|<)\s*(.*?)\s*", re.DOTALL)
_DATE = re.compile(r"(\d{4})(?:-(\d{1,2}))?(?:-(\d{1,2}))?(?:[T ](\d{1,2}):(\d{2}))?")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(b|kb|mb|gb)?", re.IGNORECASE)
_UNITS = {"b": 1, "kb": 1_000, "mb": 1_000_000, "gb": 1_000_000_000}
_LANGUAGES = {name.casefold(): code for code, name in NAMES.items()}
_KINDS = {
    **{kind: kind for kind in KINDS},
    "docx": "word",
    "pptx": "slides",
    "xlsx": "sheets",
    "htm": "html",
    "md": "markdown",
    "csv": "table",
    "txt": "text",
}

FIELDS = "kind, ext, folder, name, title, author, language, modified, size"
HELP = "kind=pdf, ext=docx,pptx, folder=offers, name~draft, author~smith, language=de, modified>=2025-01-01, size<5mb"


@dataclass(frozen=True, slots=True)
class Scope:
    """A condition of SQL over the files `f`, with its values; empty: all files."""

    clause: str = ""
    values: tuple[Any, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.clause)


def scope(under: str = "", where: Iterable[str] = ()) -> Scope:
    """The files of `under`, an absolute file or folder, that fit all conditions, such as `kind=pdf`.

    Several values with commas between them: one of them. `~`: contains. Days are whole days, here.

    Raises:
        UsageError: a condition is none; says what there is.
    """
    parts = [_below(under)] if under else []
    parts += [_condition(text) for text in where]
    return Scope(" AND ".join(f"({part.clause})" for part in parts), tuple(v for part in parts for v in part.values))


def _below(path: str) -> Scope:
    folder = path.rstrip("/") + "/"
    return Scope("f.path=? OR substr(f.path, 1, length(?)) = ?", (path, folder, folder))


def _condition(text: str) -> Scope:
    found = _CONDITION.fullmatch(text)
    if found is None or not found[3]:
        raise UsageError(f"expected a condition such as {HELP}; got {text!r}")
    field, sign, value = found[1].casefold(), found[2], found[3]
    make = _FIELDS.get(field)
    if make is None:
        near = get_close_matches(field, _FIELDS, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise UsageError(f"{text!r}: expected one of {FIELDS}, got {field!r}{hint}")
    made = make(text, "=" if sign == "!=" else sign, value)
    return Scope(f"NOT ({made.clause})", made.values) if sign == "!=" else made


def _any(parts: Sequence[Scope]) -> Scope:
    return Scope(" OR ".join(part.clause for part in parts), tuple(value for part in parts for value in part.values))


def _listed(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


def _words(column: str) -> Callable[[str, str, str], Scope]:
    """Texts: equal or contained, in small letters."""

    def make(text: str, sign: str, value: str) -> Scope:
        if sign not in ("=", "~"):
            raise UsageError(f"{text!r}: expected = or ~ or != for a text, got {sign!r}")
        if sign == "~":
            return Scope(f"instr(folded({column}), ?) > 0", (value.casefold(),))
        return _any([Scope(f"folded({column}) = ?", (one.casefold(),)) for one in _listed(value)])

    return make


def _known(column: str, known: dict[str, str], what: str) -> Callable[[str, str, str], Scope]:
    """One of a few names."""

    def make(text: str, sign: str, value: str) -> Scope:
        wanted = [known.get(one.casefold().lstrip(".")) for one in _listed(value)]
        if sign != "=" or not wanted or None in wanted:
            raise UsageError(f"{text!r}: expected {what} = one of {', '.join(dict.fromkeys(known.values()))}")
        return Scope(f"{column} IN ({', '.join('?' * len(wanted))})", tuple(wanted))

    return make


def _ext(text: str, sign: str, value: str) -> Scope:
    return _words("f.ext")(text, sign, ",".join(one.lstrip(".") for one in _listed(value)))


def _folder(text: str, sign: str, value: str) -> Scope:
    if sign != "=":
        raise UsageError(f"{text!r}: expected folder=NAME or folder!=NAME, got {sign!r}")
    return _any([Scope("instr(folded(f.path), ?) > 0", (f"/{one.strip('/').casefold()}/",)) for one in _listed(value)])


def _modified(text: str, sign: str, value: str) -> Scope:
    begin, end = _span(text, value)
    return _between("f.modified", sign, begin, end, text)


def _size(text: str, sign: str, value: str) -> Scope:
    found = _SIZE.fullmatch(value)
    if found is None:
        raise UsageError(f"{text!r}: expected a size such as 200kb or 5mb, got {value!r}")
    size = float(found[1]) * _UNITS[(found[2] or "b").lower()]
    return _between("f.size", sign, size, size + 1, text)


def _between(column: str, sign: str, begin: float, end: float, text: str) -> Scope:
    """Where a number is, seen from a span that begins at `begin` and ends before `end`."""
    match sign:
        case "=":
            return Scope(f"{column} >= ? AND {column} < ?", (begin, end))
        case ">=" | "<":
            return Scope(f"{column} {sign} ?", (begin,))
        case ">":
            return Scope(f"{column} >= ?", (end,))
        case "<=":
            return Scope(f"{column} < ?", (end,))
        case _:
            raise UsageError(f"{text!r}: expected =, !=, <, <=, > or >= for a date or a size, got {sign!r}")


def _span(text: str, value: str) -> tuple[float, float]:
    """A year, a month, a day or a minute, in Unix seconds: its begin and the begin of the next one."""
    found = _DATE.fullmatch(value)
    told = f"{text!r}: expected a date such as 2025, 2025-03, 2025-03-14 or 2025-03-14T09:30, got {value!r}"
    if found is None or (found[4] and not found[3]):
        raise UsageError(told)
    year, month, day, hour, minute = (int(part) if part else 0 for part in found.groups())
    try:
        begin = dt.datetime(year, month or 1, day or 1, hour, minute)  # noqa: DTZ001  # the time of this place
        if found[4]:
            end = begin + dt.timedelta(minutes=1)
        elif day:
            end = begin + dt.timedelta(days=1)
        elif month:
            end = begin.replace(year=year + month // 12, month=month % 12 + 1)
        else:
            end = begin.replace(year=year + 1)
        return begin.timestamp(), end.timestamp()
    except (ValueError, OverflowError) as error:
        raise UsageError(told) from error


_FIELDS: dict[str, Callable[[str, str, str], Scope]] = {
    "kind": _known("f.kind", _KINDS, "kind"),
    "ext": _ext,
    "folder": _folder,
    "name": _words("f.name"),
    "title": _words("f.title"),
    "author": _words("f.author"),
    "language": _known("f.language", {**_LANGUAGES, **{code: code for code in NAMES}}, "language"),
    "modified": _modified,
    "size": _size,
}
