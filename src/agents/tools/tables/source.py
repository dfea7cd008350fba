"""Opens a table file of any supported format as rows of text, repairing what can be repaired.

Rule: nothing is dropped silently; every repair is counted in `Notes`, with the first line numbers.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TextIO

from ....errors import ToolError
from .formats import encoding_of, opened

Row = list[str | None]
SAMPLE_CHARS = 262_144
FIELD_CHARS = 1_000_000


@dataclass
class Notes:
    """What was repaired: sentences, and counted kinds with the first lines they happened on."""

    texts: list[str] = field(default_factory=list)
    _lines: dict[str, list[int]] = field(default_factory=dict)
    _counts: Counter[str] = field(default_factory=Counter)

    def add(self, text: str) -> None:
        self.texts.append(text)

    def count(self, what: str, line: int) -> None:
        """One more line of a kind; reads as in "3 lines WHAT"."""
        self._counts[what] += 1
        if self._counts[what] <= 3:
            self._lines.setdefault(what, []).append(line)

    def all(self) -> list[str]:
        counted = [
            f"{number:,} {'line' if number == 1 else 'lines'} {what} ({_places(self._lines[what], number)})"
            for what, number in self._counts.items()
        ]
        return [*self.texts, *counted]


def _places(lines: list[int], number: int) -> str:
    shown = ", ".join(map(str, lines))
    return f"line {shown}" if number == 1 else f"lines {shown}{', ...' if number > len(lines) else ''}"


@dataclass(frozen=True, slots=True)
class Source:
    """Rows of text under clean, unique names. `european`: the file's form suggests decimal commas, day before month.

    `notes` is complete once `rows` is used up. `position` gives the bytes read so far of `size_bytes`. `body` is there
    for who reads a delimited file in columns, instead of `rows`.
    """

    names: list[str]
    rows: Iterator[Row]
    notes: Notes
    european: bool = False
    size_bytes: int = 0
    position: Callable[[], int] = lambda: 0
    body: Body | None = None


@dataclass(frozen=True, slots=True)
class Form:
    """How a delimited file is written. `skip` rows stand before the header; `width` is the usual number of cells."""

    delimiter: str
    quote: str
    skip: int
    width: int


@dataclass(frozen=True, slots=True)
class Body:
    """What stands behind the header of a delimited file. `lines` were read before, `first` are rows among them."""

    stream: TextIO
    form: Form
    lines: int
    first: list[Row]
    quoted: bool


def form_of(sample: str) -> Form:
    """Finds delimiter, quote and header row from the first lines of a file."""
    quote = "'" if _count_quotes(sample, "'") > 2 * _count_quotes(sample, '"') else '"'
    best, best_score = Form(",", quote, 0, 1), 0.0
    for order, delimiter in enumerate(",;\t|"):
        rows = [row for row in _parsed(sample, delimiter, quote)[:500] if row]
        width, share = usual_width(rows)
        if width < 2:
            continue
        skip = next(i for i, row in enumerate(rows) if abs(len(row) - width) <= (1 if i == 0 else 0))
        score = share * (1 - skip / len(rows)) + min(width, 20) * 0.002 - order * 0.0001
        if score > best_score:
            best, best_score = Form(delimiter, quote, skip, width), score
    return best


def _count_quotes(sample: str, quote: str) -> int:
    """How often `quote` opens a cell and another closes one."""
    return len(re.findall(rf"(?:^|[,;\t|]) ?{quote}[^{quote}\n]*{quote}(?=[,;\t|]|\r?$)", sample, re.MULTILINE))


def usual_width(rows: list[list[str]]) -> tuple[int, float]:
    """The most frequent number of cells, and the share of rows that have it."""
    if not rows:
        return 0, 0.0
    width, number = Counter(map(len, rows)).most_common(1)[0]
    return width, number / len(rows)


def _parsed(sample: str, delimiter: str, quote: str) -> list[list[str]]:
    csv.field_size_limit(FIELD_CHARS)
    return list(
        csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter, quotechar=quote, skipinitialspace=True)
    )


def open_csv(path: Path, *, quoted: bool = True) -> Source:
    """A delimited file. Delimiter, quotes, encoding, lines before the header and a missing header are found out.

    Raises:
        ToolError: there is nothing but blank lines in it.
        UnclosedQuoteError: while reading rows, a quote is never closed; open again with `quoted=False`.
    """
    encoding, notes = encoding_of(path), Notes()
    if encoding in _ENCODINGS:
        notes.add(f"The text is not UTF-8; it was read as {_ENCODINGS[encoding]}.")
    if not quoted:
        notes.add("A quote is opened and never closed; quotes were read as ordinary characters.")
    raw = opened(path)
    stream = io.TextIOWrapper(raw, encoding=encoding, errors="replace", newline="")
    try:
        names, body = _open_body(stream, notes, quoted=quoted)
    except csv.Error as error:
        stream.close()
        raise UnclosedQuoteError(str(error)) from error
    except ToolError:
        stream.close()
        raise
    rows = itertools.chain(body.first, body_rows(body, len(names), notes))
    is_european = body.form.delimiter == ";"
    return Source(names, rows, notes, is_european, path.stat().st_size, lambda: _told(raw), body)


def _open_body(stream: TextIO, notes: Notes, *, quoted: bool) -> tuple[list[str], Body]:
    sample = stream.read(SAMPLE_CHARS)
    if len(sample) == SAMPLE_CHARS and "\n" in sample:
        sample = sample[: sample.rindex("\n") + 1]
    stream.seek(0)
    form = form_of(sample)
    reader = _reader(stream, form, quoted=quoted)
    following = [row for row in _parsed(sample, form.delimiter, form.quote) if row][form.skip + 1 :][:200]
    names, first = header((row for row in reader if any(cell.strip() for cell in row)), form.skip, following, notes)
    return names, Body(stream, form, reader.line_num, first, quoted)


def _reader(stream: TextIO, form: Form, *, quoted: bool) -> Any:
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    return csv.reader(stream, delimiter=form.delimiter, quotechar=form.quote, skipinitialspace=True, quoting=quoting)


_ENCODINGS = {"cp1252": "Windows-1252", "latin-1": "Latin-1", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16"}


class UnclosedQuoteError(Exception):
    """A quoted cell runs on to the end of the file, or for longer than any cell should."""


def _told(raw: Any) -> int:
    inner = getattr(raw, "fileobj", None) or raw
    return 0 if inner.closed else int(inner.tell())


def header(
    rows: Iterator[list[str]], skip: int, following: list[list[str]], notes: Notes
) -> tuple[list[str], list[Row]]:
    """The column names, and the header row itself as data when it looks like data."""
    for _ in range(skip):
        next(rows, None)
    head = next(rows, None)
    if head is None:
        raise ToolError("expected a table with a header, got blank lines only")
    if skip:
        notes.add(f"{skip} {'line' if skip == 1 else 'lines'} before the header left out.")
    if _looks_like_data(head, following):
        notes.add("There is no header; the columns were given numbers.")
        return [f"column_{number}" for number in range(1, len(head) + 1)], [list(head)]
    while head and not head[-1].strip() and all(not cell.strip() for row in following for cell in row[len(head) - 1 :]):
        head = head[:-1]
    extra = usual_width([row for row in following if row and row[-1].strip()])[0] - len(head)
    if extra == 1:
        head = ["row", *head]
        notes.add('The header has one name less than the rows have cells; the first column was named "row".')
    elif extra > 1:
        head = [*head, *([""] * extra)]
        notes.add(f"The header has {extra} names less than the rows have cells; the last columns were given numbers.")
    return clean_names(head, notes), []


_NUMERIC = re.compile(r"[+-]?[\d.,\s]*\d[\d.,\s]*%?|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.*")


def _looks_like_data(head: list[str], following: list[list[str]]) -> bool:
    """Whether the first row has numbers where the rows below have them too (years count as names)."""
    if not following or any(not cell.strip() for cell in head):
        return False
    numeric = [bool(_NUMERIC.fullmatch(cell.strip())) for cell in head]
    if not any(numeric) or len(set(head)) < len(head):
        return any(numeric) and len(set(head)) < len(head)
    years = [cell for cell, is_number in zip(head, numeric, strict=True) if is_number]
    if all(re.fullmatch(r"(19|20)\d\d", cell.strip()) for cell in years) and len(years) > 1:
        return False
    below = [row for row in following if len(row) == len(head)]
    columns = zip(*below, strict=True) if below else [()] * len(head)
    return all(
        is_number == any(_NUMERIC.fullmatch(cell.strip()) for cell in column)
        for is_number, column in zip(numeric, columns, strict=False)
    )


def clean_names(names: list[str], notes: Notes) -> list[str]:
    """Names without line breaks and outer blanks, none empty, none twice."""
    clean: list[str] = []
    taken: set[str] = set()
    renamed = 0
    for number, name in enumerate(names, 1):
        base = " ".join(str(name).split()) or f"column_{number}"
        unique = next(c for i in itertools.count(1) if (c := base if i == 1 else f"{base}_{i}") not in taken)
        renamed += unique != str(name).strip()
        taken.add(unique)
        clean.append(unique)
    if renamed:
        these = "1 column name was" if renamed == 1 else f"{renamed} column names were"
        notes.add(f"{these} empty, repeated or broken and replaced.")
    return clean


def body_rows(body: Body, width: int, notes: Notes) -> Iterator[Row]:
    """The rows behind the header, each `width` cells; closes the stream.

    Raises:
        UnclosedQuoteError: a quote is never closed.
    """
    reader = _reader(body.stream, body.form, quoted=body.quoted)
    row: Row = []
    try:
        for row in reader:
            if len(row) == width:
                yield row
            elif (repaired := _repaired(row, width, notes, body.lines + reader.line_num)) is not None:
                yield repaired
    except csv.Error as error:
        raise UnclosedQuoteError(str(error)) from error
    finally:
        body.stream.close()
    if body.quoted and row and _holds_rows(row[-1] or "", width, body.form.delimiter):
        raise UnclosedQuoteError("the last cell holds several rows")


def _holds_rows(cell: str, width: int, delimiter: str) -> bool:
    """Whether most lines of a cell look like rows of the table: the quote before it was never closed."""
    lines = cell.split("\n")[1:]
    alike = sum(line.count(delimiter) == width - 1 for line in lines)
    return len(lines) > 1 and alike > len(lines) / 2


def _repaired(row: Row, width: int, notes: Notes, line: int) -> Row | None:
    """A row of the wrong length made to fit, None for a blank line."""
    if not any(row):
        if row and width > 1:
            return [None] * width
        notes.count("left out: blank", line)
        return None
    if len(row) < width:
        notes.count(f"with fewer than {width} cells; the missing cells count as missing values", line)
        return row + [None] * (width - len(row))
    if any(row[width:]):
        notes.count(f"with more than {width} cells; the cells too many were left out", line)
    return row[:width]
