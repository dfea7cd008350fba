"""Amounts as whole cents, from the texts people write. Rule: digits stay digits; no float is on the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

SYMBOLS = {"€": "EUR", "$": "USD", "£": "GBP", "¥": "JPY", "₹": "INR", "₺": "TRY", "zł": "PLN", "Fr.": "CHF"}
_CODE = r"\b(EUR|USD|GBP|CHF|JPY|CAD|AUD|SEK|NOK|DKK|PLN|CZK|INR|CNY|TRY|BRL|MXN|ZAR)\b"
_SHAPE = r"^[+-]?(\d+([.,]\d*)?|[.,]\d+)$"
_LARGEST = 15  # digits before the point; cents of more would not fit 64 bits


@dataclass(frozen=True, slots=True)
class Amounts:
    """`cents` (n,) Int64 with nulls where a text is no amount; `currency` codes or null; what was repaired, counted."""

    cents: pl.Series
    currency: pl.Series
    repairs: dict[str, int]


def parse(texts: pl.Series) -> Amounts:
    """Amounts of a column of texts with decimal points or commas, signs, brackets, symbols and codes."""
    import polars as pl

    frame = pl.DataFrame({"raw": texts.cast(pl.String).str.strip_chars()}).with_columns(
        code=pl.coalesce(
            pl.col("raw").str.to_uppercase().str.extract(_CODE, 1),
            *[pl.when(pl.col("raw").str.contains(s, literal=True)).then(pl.lit(c)) for s, c in SYMBOLS.items()],
        )
    )
    frame = frame.with_columns(bare=_bare(pl.col("raw"))).with_columns(negative=_is_negative())
    frame = frame.with_columns(bare=pl.col("bare").str.strip_chars("()+-"))
    comma = _has_comma_evidence(frame["bare"])
    frame = frame.with_columns(plain=_plain(comma=comma))
    valid = pl.col("plain").str.contains(r"^\d*(\.\d*)?$") & pl.col("plain").str.contains(r"\d")
    whole = pl.col("plain").str.extract(r"^(\d*)", 1)
    part = pl.col("plain").str.extract(r"\.(\d*)$", 1).fill_null("")
    exact = pl.concat_str(whole, part.str.pad_end(2, "0").str.slice(0, 2)).cast(pl.Int64, strict=False)
    up = (part.str.slice(2, 1).cast(pl.Int64, strict=False).fill_null(0) >= 5).cast(pl.Int64)
    cents = (exact + up) * pl.when("negative").then(-1).otherwise(1)
    frame = frame.with_columns(
        cents=pl.when(valid & (whole.str.len_chars() <= _LARGEST)).then(cents),
        rounded=valid & part.str.slice(2).str.contains("[1-9]"),
    )
    return Amounts(frame["cents"], frame["code"], _repairs(frame, comma=comma))


def _bare(raw: pl.Expr) -> pl.Expr:
    """Digits, separators and signs: without currencies, spaces and marks between thousands."""
    bare = raw.str.replace_all(r"[\u2212\u2013]", "-").str.replace_all(f"(?i){_CODE}", "")
    for symbol in SYMBOLS:
        bare = bare.str.replace_all(symbol, "", literal=True)
    bare = bare.str.replace(r"(?i)\s*dr\.?$", "-").str.replace(r"(?i)\s*cr\.?$", "")
    return bare.str.replace_all(r"[\s\u00a0\u202f'\u2019_]", "")


def _is_negative() -> pl.Expr:
    import polars as pl

    return pl.col("bare").str.contains(r"^\(.*\)$|^-|-$").fill_null(False)


def _has_comma_evidence(bare: pl.Series) -> bool:
    """Whether decimal commas are more frequent than decimal points, counting only what can mean one thing."""
    comma = bare.str.contains(r"^\d+,(\d{1,2}|\d{4,})$|\.\d{3},\d+$|^\d{1,3}(\.\d{3}){2,}$").sum()
    point = bare.str.contains(r"^\d+\.(\d{1,2}|\d{4,})$|,\d{3}\.\d+$|^\d{1,3}(,\d{3}){2,}$").sum()
    return int(comma or 0) > int(point or 0)


def _plain(*, comma: bool) -> pl.Expr:
    """Each text with a point before its decimals and nothing between its thousands; decided by the text's own shape."""
    import polars as pl

    bare = pl.col("bare")
    dots_out = bare.str.replace_all(".", "", literal=True).str.replace_all(",", ".", literal=True)
    commas_out = bare.str.replace_all(",", "", literal=True)
    thousands = ","
    if comma:
        thousands = r"\."
    return (
        pl.when(bare.str.contains(r"^\d{1,3}(\.\d{3})+,\d*$|^\d{1,3}(\.\d{3}){2,}$"))
        .then(dots_out)
        .when(bare.str.contains(r"^\d{1,3}(,\d{3})+\.\d*$|^\d{1,3}(,\d{3}){2,}$"))
        .then(commas_out)
        .when(bare.str.contains(rf"^[1-9]\d{{0,2}}{thousands}\d{{3}}$"))
        .then(dots_out if comma else commas_out)
        .when(bare.str.contains(r"^\d*,\d*$"))
        .then(dots_out)
        .otherwise(bare)
    )


def _repairs(frame: pl.DataFrame, *, comma: bool) -> dict[str, int]:
    import polars as pl

    got = frame.filter(pl.col("cents").is_not_null())
    bare, raw = pl.col("bare"), pl.col("raw")
    has_comma = bare.str.contains(r",\d{1,2}$|,\d{4,}$")
    has_point = bare.str.contains(r"\.\d{1,2}$|\.\d{4,}$")
    style = "decimal points among decimal commas" if comma else "decimal commas among decimal points"
    ambiguous = bare.str.contains(r"^[1-9]\d{0,2}[.,]\d{3}$")
    counted = got.select(
        (has_point if comma else has_comma).sum().alias(f"amounts with {style}"),
        raw.str.contains(r"^\(.*\)$").sum().alias("amounts in brackets, read as negative"),
        raw.str.contains(r"[-\u2212\u2013]$").sum().alias("amounts with the sign behind"),
        pl.col("code").is_not_null().sum().alias("amounts with a currency beside the number"),
        pl.col("rounded").sum().alias("amounts rounded to whole cents"),
        ambiguous.sum().alias("amounts like 1,234 read by the style of the others"),
    ).row(0, named=True)
    return {what: int(number) for what, number in counted.items() if number}
