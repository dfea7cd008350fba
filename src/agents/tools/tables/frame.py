"""A table that was read: a Parquet file, opened lazily, under names that can't be mistaken for patterns.

Rule: inside, columns are called c0, c1, ... by position; people's names come back when a result is made.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ....errors import ToolError

if TYPE_CHECKING:
    import polars as pl

Kind = Literal["number", "text", "date", "boolean", "category"]
EXACT_ROWS = 5_000_000
NO_VALUE = "\u2013"


@dataclass(frozen=True)
class Table:
    """`names` and `types` in the order of the columns."""

    path: Path
    names: tuple[str, ...]
    types: tuple[Any, ...]

    @classmethod
    def open(cls, path: Path) -> Table:
        """The table that `tables.read` made.

        Raises:
            ToolError: the file is no Parquet file.
        """
        import polars as pl

        try:
            schema = pl.scan_parquet(path).collect_schema()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise ToolError(
                f"expected the table that tables.read made (a Parquet file), got {path.name!r}; run tables.read first"
            ) from error
        return cls(path, tuple(schema.names()), tuple(schema.dtypes()))

    @cached_property
    def frame(self) -> pl.LazyFrame:
        """The rows, columns renamed to c0, c1, ..."""
        import polars as pl

        return pl.scan_parquet(self.path).rename({name: f"c{i}" for i, name in enumerate(self.names)})

    @cached_property
    def rows(self) -> int:
        import polars as pl

        return int(pl.scan_parquet(self.path).select(pl.len()).collect().item())

    def key(self, name: str) -> str:
        """The inner name of a column.

        Raises:
            ToolError: there is none called `name`; offers the nearest.
        """
        if name in self.names:
            return f"c{self.names.index(name)}"
        from rapidfuzz import process

        near = [found for found, _, _ in process.extract(name, self.names, limit=3, score_cutoff=50)]
        hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else f"; there are {shown_list(self.names)}"
        raise ToolError(f"expected a column of {self.path.stem!r}, got {name!r}{hint}")

    def type_of(self, name: str) -> Any:
        return self.types[int(self.key(name)[1:])]

    def named(self, frame: Any) -> Any:
        """A frame or lazy frame with people's names again."""
        keys = frame.collect_schema().names()
        return frame.rename({key: self.names[int(key[1:])] for key in keys if re.fullmatch(r"c\d+", key)})

    def numbers(self) -> list[str]:
        """Names of the columns that hold numbers."""
        return [name for name, kind in zip(self.names, self.types, strict=True) if kind.is_numeric()]

    def dates(self) -> list[str]:
        """Names of the columns that hold dates or times."""
        return [name for name, kind in zip(self.names, self.types, strict=True) if is_date(kind)]


def is_date(kind: Any) -> bool:
    """Whether a type holds dates (a time of day or a length of time alone is none)."""
    import polars as pl

    return bool(kind in (pl.Date, pl.Datetime))


def kind_of(kind: Any, present: int, distinct: int) -> Kind:
    """What a person calls a column of this type: a text column with few distinct, repeating values is a category."""
    import polars as pl

    if kind.is_numeric():
        return "number"
    if is_date(kind):
        return "date"
    if kind == pl.Boolean:
        return "boolean"
    return "category" if 0 < distinct <= 1000 and distinct <= max(2, present * 0.5) else "text"


def shown_list(names: Any, most: int = 8) -> str:
    """`a`, `b` and 3 more."""
    names = list(names)
    listed = ", ".join(map(repr, names[:most]))
    return f"{listed} and {len(names) - most} more" if len(names) > most else listed


def number_text(value: float | int | None, digits: int = 4) -> str:
    """A number as people write it: 1,234,567, 12.35, 0.00012; an en dash for None."""
    if value is None:
        return NO_VALUE
    if value == 0:
        return "0"
    if abs(value) >= 1e12 or abs(value) < 1e-4:
        return f"{value:.{digits - 1}g}"
    if float(value).is_integer():
        return f"{int(value):,}"
    decimals = 0 if abs(value) >= 10_000 else max(0, digits - 1 - _magnitude(value))
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _magnitude(value: float) -> int:
    import math

    return math.floor(math.log10(abs(value)))


def share_text(part: float, whole: float) -> str:
    """A share in percent: 0%, <0.1%, 3.2%, 45%."""
    if not whole or not part:
        return "0%"
    percent = 100 * part / whole
    if percent < 0.1:
        return "<0.1%"
    return f"{percent:.1f}%" if percent < 10 or 90 < percent < 100 else f"{percent:.0f}%"


def words(text: Any, most: int = 80) -> str:
    """Text that came from data, safe inside Markdown: no mark-up, one line, shortened to `most` characters."""
    flat = " ".join(str(text).split())
    flat = flat if len(flat) <= most else flat[: most - 1] + "…"
    return re.sub(r"[\\`*\[\]<>]|(?<!\w)_|_(?!\w)|^[#+~-]|~(?=~)|&(?=#?\w+;)", r"\\\g<0>", flat)


def slug(name: str, number: int) -> str:
    """A short file name for the column at a position; different for each."""
    clean = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40]
    return f"column-{number + 1:03d}" + (f"-{clean}" if clean else "")
