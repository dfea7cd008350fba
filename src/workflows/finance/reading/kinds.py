"""What each row is for the four metrics: revenue, expense, without cash, cash alone. Rule: a category is one kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from .columns import Columns

if TYPE_CHECKING:
    import polars as pl

Kind = Literal["revenue", "expense", "noncash", "balance", "transfer"]
# in order; the first pattern a category's name has decides, whatever its sign
_PATTERNS: tuple[tuple[Kind, str], ...] = (
    ("transfer", r"\b(internal )?transfers?\b|\bumbuchung|between accounts"),
    ("noncash", r"deprecia|amorti[sz]|abschreib|impairment|provision(s)?\b"),
    (
        "balance",
        r"\bloans?\b|darlehen|repayment|principal|capex|capital expend|equipment purchase|dividend|equity"
        r"|owner'?s? draw|drawings|capital contribution|share issue"
        r"|fixed assets?\b|\bvat payment|\binvestment (purchase|sale)",
    ),
)
_REVENUE = (
    r"revenue|sales|turnover|income|subscription fees|umsatz|erl[öo]s|fees earned|interest received|licen[cs]e fees"
)
_EXPENSE = (
    r"expense|costs?\b|rent\b|salar|wage|payroll|marketing|advert|insurance|travel|utilit|software|hosting|supplies"
    r"|materials?|cogs|goods sold|freight|shipping|fees?\b|tax|interest paid|legal|repairs|miete|gehalt|kosten|aufwand"
)
_TYPES: dict[str, Kind] = {
    "revenue": "revenue", "income": "revenue", "sales": "revenue", "expense": "expense", "expenses": "expense",
    "cost": "expense", "costs": "expense", "noncash": "noncash", "non-cash": "noncash", "depreciation": "noncash",
    "balance": "balance", "financing": "balance", "investing": "balance", "asset": "balance", "liability": "balance",
    "equity": "balance", "transfer": "transfer",
}  # fmt: skip


def with_kinds(frame: pl.DataFrame, columns: Columns, notes: list[str]) -> pl.DataFrame:
    """The rows with their kind; amounts of income are positive, of spending negative."""
    import polars as pl

    by_type = pl.lit(None, pl.String)
    if "kind" in columns:
        by_type = pl.col("kind").str.strip_chars().str.to_lowercase().replace_strict(_TYPES, default=None)
    sums = frame.group_by("category").agg(total=pl.col("amount").sum(), kind_told=by_type.drop_nulls().first())
    one_sign = bool((frame["amount"] >= 0).all())
    name = pl.col("category").str.to_lowercase()
    by_name = pl.coalesce(*[pl.when(name.str.contains(pattern)).then(pl.lit(kind)) for kind, pattern in _PATTERNS])
    if one_sign:
        words = pl.when(name.str.contains(_REVENUE)).then(pl.lit("revenue"))
        by_sign = words.when(name.str.contains(_EXPENSE)).then(pl.lit("expense")).otherwise(pl.lit("revenue"))
    else:
        by_sign = pl.when(pl.col("total") >= 0).then(pl.lit("revenue")).otherwise(pl.lit("expense"))
    sums = sums.with_columns(flow=pl.coalesce("kind_told", by_name, by_sign))
    frame = frame.join(sums.select("category", "flow"), on="category", how="left", maintain_order="left")
    spending = pl.col("flow").is_in(["expense", "noncash"])
    if one_sign and frame.filter(spending).height:
        notes.append("No amount is negative; spending was told from income by the names of categories.")
        frame = frame.with_columns(amount=pl.when(spending).then(-pl.col("amount")).otherwise("amount"))
    wanted = ["row", "date", "paid", "category", "amount", "flow", "department", "counterparty", "quantity", "code"]
    return frame.select([column for column in wanted if column in frame.columns]).sort("date", "row")
