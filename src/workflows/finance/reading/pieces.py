"""The rows of a table in pieces of columns. Rule: what comes out is what reading row by row gives, only sooner.

A piece of a file that every reader of CSV reads alike goes to polars as it is; others are read row by row.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, TextIO, cast

from ....agents.tools.tables.source import Body, Row, Source, body_rows
from .marks import Marks, StrayQuoteError, marks

if TYPE_CHECKING:
    import polars as pl

CHARS = 4_000_000
_ROWS = 100_000
_MOST_CARRIED = 1_000_000


def pieces(source: Source, chars: int = CHARS) -> Iterator[pl.DataFrame]:
    """All rows of a source as columns of text named 0, 1, 2 by their places; about `chars` of a file at a time.

    Raises:
        UnclosedQuoteError: a quote is never closed.
    """
    width, body = len(source.names), source.body
    if body is None or width < 2:
        yield from _by_rows(source.rows, width)
        return
    yield from _by_rows(iter(body.first), width)
    with body.stream:
        yield from _by_text(source, body, chars)


def _by_text(source: Source, body: Body, chars: int) -> Iterator[pl.DataFrame]:
    """Piece by piece while quotes stand where they belong; from the first that does not, row by row to the end."""
    width, rest, lines, read = len(source.names), b"", body.lines, "more"
    while read:
        read = body.stream.read(chars)
        data = rest + read.encode()
        closed = data + b"\n" if data and not read else data  # the last line of a file may have no end
        try:
            found = marks(closed, body.form.delimiter, body.form.quote if body.quoted else "")
            if len(closed) - found.end > (_MOST_CARRIED if read else 0):
                raise StrayQuoteError
        except StrayQuoteError:
            tail = cast("TextIO", _Joined(data.decode(), body.stream))
            yield from _by_rows(body_rows(replace(body, stream=tail, lines=lines), width, source.notes), width)
            return
        if found.end and found.is_plain(width):
            yield _parsed(found, body, width)
        elif found.end:
            part = replace(body, stream=io.StringIO(closed[: found.end].decode(), newline=""), lines=lines)
            yield from _by_rows(body_rows(part, width, source.notes), width)
        rest, lines = data[found.end :], lines + found.lines


def _by_rows(rows: Iterator[Row], width: int) -> Iterator[pl.DataFrame]:
    import polars as pl

    while piece := list(itertools.islice(rows, _ROWS)):
        cells = list(zip(*piece, strict=True))
        yield pl.DataFrame({str(at): pl.Series(cells[at], dtype=pl.String) for at in range(width)})


def _parsed(found: Marks, body: Body, width: int) -> pl.DataFrame:
    import polars as pl

    frame = pl.read_csv(
        found.data,
        has_header=False,
        new_columns=[str(at) for at in range(width)],
        separator=body.form.delimiter,
        quote_char=body.form.quote if body.quoted else None,
        infer_schema=False,
    )
    return frame.select(pl.all().fill_null(""))


class _Joined:
    """Lines of a text that is cut off anywhere, and of the stream that goes on behind it."""

    def __init__(self, text: str, stream: TextIO) -> None:
        self._text, self._stream = text, stream

    def __iter__(self) -> Iterator[str]:
        yield from io.StringIO(self._text + self._stream.readline(), newline="")
        yield from self._stream

    def close(self) -> None:
        self._stream.close()
