"""Where quotes, delimiters and line ends stand in a piece of CSV. Rule: in doubt a piece is not plain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Signs = npt.NDArray[np.uint8]
    Places = npt.NDArray[np.int64]

_LONGEST_LINE = 500_000
_NUL, _LINE, _RETURN, _SPACE = 0, 10, 13, 32


class StrayQuoteError(Exception):
    """A quote inside a cell, or one that is not closed: where rows end depends on the reader."""


@dataclass(frozen=True, slots=True)
class Marks:
    """A piece of a file up to `end`, behind its last whole row; `lines` are its physical lines.

    `data` is without what readers leave out: spaces before cells, returns before line ends. `cells` are those of each
    row, counted; None: readers may differ on the piece.
    """

    data: bytes
    end: int
    lines: int
    cells: Places | None

    def is_plain(self, width: int) -> bool:
        """Whether it is nothing but rows of `width` cells, one a line."""
        return self.cells is not None and bool((self.cells == width).all())


def marks(data: bytes, delimiter: str, quote: str) -> Marks:
    """The marks of a piece that begins with a row. `quote` empty: there are no quotes.

    Raises:
        StrayQuoteError: quotes are not those of a well-formed table.
    """
    import numpy as np

    signs = np.frombuffer(data, np.uint8)
    quotes = _places(signs, quote)
    ends = _outside(np.flatnonzero(signs == _LINE), quotes)
    end = int(ends[-1]) + 1 if len(ends) else 0
    whole, quotes = signs[:end], quotes[quotes < end]
    returns = np.flatnonzero(whole == _RETURN)
    lone = int((whole[returns + 1] != _LINE).sum())  # the last sign is a line end
    lines = int((whole == _LINE).sum())
    kept = np.delete(whole, np.concatenate([returns, _leading(whole, quotes, ord(delimiter))]))
    quotes = _places(kept, quote)
    _check(kept, quotes, ord(delimiter))
    is_unclear = bool(lone or lines != len(ends) or (whole == _NUL).any())
    return Marks(kept.tobytes(), end, lines + lone, None if is_unclear else _cells(kept, quotes, ord(delimiter)))


def _places(signs: Signs, quote: str) -> Places:
    import numpy as np

    return np.flatnonzero(signs == ord(quote)) if quote else np.empty(0, np.int64)


def _outside(places: Places, quotes: Places) -> Places:
    """Those of the places that are not within quotes."""
    import numpy as np

    outside: Places = places[np.searchsorted(quotes, places) % 2 == 0]
    return outside


def _leading(signs: Signs, quotes: Places, delimiter: int) -> Places:
    """The places of spaces before the first sign of a cell."""
    import numpy as np

    is_free = signs == _SPACE
    spaces = _outside(np.flatnonzero(is_free), quotes)
    before = np.where(spaces > 0, signs[spaces - 1], _LINE)
    found = spaces[(before == delimiter) | (before == _LINE)]
    made = [found]
    while len(found):  # one more sign of each row of spaces in a turn
        found = found[signs[found + 1] == _SPACE] + 1
        made.append(found)
    places: Places = np.concatenate(made)
    return places


def _check(signs: Signs, quotes: Places, delimiter: int) -> None:
    """Raises: StrayQuoteError, unless quotes open before a cell and close behind it, or stand in pairs."""
    import numpy as np

    if not len(quotes):
        return
    quote = signs[quotes[0]]
    before = np.where(quotes[::2] > 0, signs[quotes[::2] - 1], _LINE)
    behind = signs[quotes[1::2] + 1]
    is_well = len(quotes) % 2 == 0 and np.isin(before, (delimiter, _LINE, quote)).all()
    if not (is_well and np.isin(behind, (delimiter, _LINE, quote)).all()):
        raise StrayQuoteError


def _cells(signs: Signs, quotes: Places, delimiter: int) -> Places | None:
    """The number of cells of each line; None: one is longer than is usual."""
    import numpy as np

    ends = _outside(np.flatnonzero(signs == _LINE), quotes)
    breaks = _outside(np.flatnonzero(signs == delimiter), quotes)
    if len(ends) and np.diff(ends, prepend=-1).max() > _LONGEST_LINE:
        return None
    return np.diff(np.searchsorted(breaks, ends), prepend=0) + 1
