"""Which column of a table is the date, the amount, the account. Rule: names decide, contents break ties."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ....errors import ToolError

# in order: the first name that a column has wins; compared in lower case, without signs
NAMES: dict[str, tuple[str, ...]] = {
    "date": (
        "date", "booking date", "posting date", "posted", "booked", "transaction date", "value date", "invoice date",
        "day", "datum", "buchungsdatum", "buchungstag", "belegdatum", "fecha", "data",
    ),
    "paid": ("paid", "paid on", "payment date", "settled", "settlement date", "bezahlt am", "zahlungsdatum"),
    "category": (
        "category", "account", "account name", "account type", "kategorie", "konto", "kontoname", "gl account",
        "cost type", "class", "categoria", "categorie", "compte", "cuenta", "booking type",
    ),
    "amount": (
        "amount", "betrag", "value", "total", "net amount", "sum", "umsatz", "importe", "montant", "importo",
        "amount eur", "amount usd", "amount gbp", "amount in eur", "amount in usd",
    ),
    "debit": ("debit", "soll", "debit amount", "withdrawal", "money out", "paid out"),
    "credit": ("credit", "haben", "credit amount", "deposit", "money in", "paid in"),
    "counterparty": (
        "counterparty", "customer", "vendor", "supplier", "payee", "merchant", "partner", "name", "party", "client",
        "kunde", "lieferant", "empfänger", "gegenpartei", "auftraggeber", "contact",
    ),
    "department": (
        "department", "dept", "cost center", "cost centre", "costcenter", "team", "division", "abteilung",
        "kostenstelle", "business unit", "unit name",
    ),
    "kind": ("type", "kind", "statement line", "account class", "art", "typ"),
    "currency": ("currency", "ccy", "währung", "waehrung", "currency code", "devise", "moneda"),
    "quantity": ("quantity", "qty", "units", "menge", "anzahl", "volume"),
    "reference": (
        "id", "entry", "entry id", "reference", "ref", "document", "voucher", "transaction id", "journal",
        "beleg", "belegnummer", "invoice", "invoice number", "number", "no",
    ),
}  # fmt: skip
_REQUIRED = ("date", "amount")


@dataclass(frozen=True, slots=True)
class Columns:
    """The names of the columns by what they hold; only those that are there."""

    found: Mapping[str, str]
    ignored: tuple[str, ...] = ()

    def __getitem__(self, role: str) -> str:
        return self.found[role]

    def __contains__(self, role: object) -> bool:
        return role in self.found


def find(names: Sequence[str], given: Mapping[str, str] | None = None) -> Columns:
    """The columns of a ledger. `given` says for roles which column they are in, whatever its name.

    Raises:
        ToolError: there is no date or no amount, or a given column is not there; says what there is.
    """
    found: dict[str, str] = {}
    for role, name in (given or {}).items():
        if role not in NAMES or name not in names:
            raise ToolError(
                f"expected one of {', '.join(NAMES)} and the name of a column, got {role!r}: {name!r}; "
                f"columns are {_shown(names)}"
            )
        found[role] = name
    for exact in (True, False):
        for role in NAMES:
            if role not in found and (name := _best(role, names, set(found.values()), exact=exact)):
                found[role] = name
    if "amount" in found:
        found.pop("debit", None)
        found.pop("credit", None)
    missing = [role for role in _REQUIRED if role not in found]
    if "debit" in found or "credit" in found:
        missing = [role for role in missing if role != "amount"]
    if missing:
        raise ToolError(
            f"expected a ledger with a column for {' and '.join(missing)}, got the columns {_shown(names)}; rename "
            f"them (known are for example {', '.join(NAMES[missing[0]][:4])}), or say which: "
            f'columns={{"{missing[0]}": "..."}}'
        )
    return Columns(found, tuple(name for name in names if name not in found.values()))


def _best(role: str, names: Sequence[str], taken: set[str], *, exact: bool) -> str:
    free = {_bare(name): name for name in reversed(names) if name not in taken}
    for wanted in NAMES[role]:
        if wanted in free:
            return free[wanted]
    if exact or role in ("kind", "reference", "quantity"):
        return ""
    for wanted in NAMES[role][:3]:
        for bare, name in free.items():
            if re.search(rf"\b{re.escape(wanted)}\b", bare):
                return name
    return ""


def _bare(name: str) -> str:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return " ".join(re.sub(r"[^\w]|_", " ", spaced).lower().split())


def _shown(names: Sequence[str]) -> str:
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return ", ".join(map(repr, names[:12])) + more
