"""Reads a statement before it runs: one statement, only reading or only what a write may do, parameters by name.

Rule: this gives clear errors early. What really holds is the database: it is opened so that it can't write.
"""

from __future__ import annotations

import itertools
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from ....errors import ToolError

if TYPE_CHECKING:
    from sqlglot import exp

Dialect = Literal["sqlite", "postgresql"]
MOST_CHARS = 100_000
_PARSERS: Mapping[Dialect, str] = {"sqlite": "sqlite", "postgresql": "postgres"}
_CREATED = frozenset({"TABLE", "VIEW", "INDEX", "SCHEMA"})
# functions that leave the database, stop others, wait, or run text as SQL
_FORBIDDEN = re.compile(
    r"load_extension|readfile|writefile|edit|fts3_tokenizer|regexp|zipfile|lsdir"
    r"|set_config|nextval|setval|dblink.*|lo_.*|.*_to_xml(schema|_and_xmlschema)?|ts_stat|crosstab.*|connectby"
    r"|binary_upgrade.*|postgres_fdw.*|xpath_table"
)
_HARMLESS_PG = re.compile(
    r"pg_(typeof|size_pretty|size_bytes|(total_|)relation_size|table_size|indexes_size|database_size|column_size"
    r"|get_(expr|viewdef|indexdef|constraintdef|userbyid|serial_sequence|functiondef)|table_is_visible"
    r"|is_in_recovery|encoding_to_char|postmaster_start_time|collation_for)"
)


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that was looked at, as the driver takes it: `:name` for SQLite, `$1` for PostgreSQL.

    `names` are its parameters, in the order of `$1`.
    """

    text: str
    names: tuple[str, ...]
    creates: bool = False

    def values(self, parameters: Mapping[str, Any]) -> list[Any]:
        """The values of its parameters, in order.

        Raises:
            ToolError: one is missing, not used, or no plain value.
        """
        if missing := sorted(set(self.names) - set(parameters)):
            raise ToolError(f"expected a value for each parameter, got none for {', '.join(f':{n}' for n in missing)}")
        if unused := sorted(set(parameters) - set(self.names)):
            raise ToolError(f"expected parameters of the statement ({_listed(self.names)}), got {', '.join(unused)}")
        for name in self.names:
            if not isinstance(parameters[name], (str, int, float, bool, type(None))):
                got = type(parameters[name]).__name__
                raise ToolError(f"expected text, a number, true, false or null for :{name}, got {got}")
        return [parameters[name] for name in self.names]


def reading(sql: str, dialect: Dialect) -> Statement:
    """A statement that only reads.

    Raises:
        ToolError: it is not one SELECT (also WITH and VALUES), changes something in a part of it, calls a function that
            reaches outside the database, or has parameters without names.
    """
    from sqlglot import exp

    root = _one(sql, dialect)
    if not isinstance(root, (exp.Query, exp.Values)):
        raise ToolError(
            f"expected a statement that only reads (SELECT, WITH ... SELECT, VALUES), got {_kind(root)}; "
            "sql.execute changes a database, sql.schema shows its tables"
        )
    forbidden: tuple[type[Any], ...] = (exp.Into, exp.Lock, *_changing())
    if found := next((node for node in root.walk() if isinstance(node, forbidden)), None):
        raise ToolError(f"expected a statement that only reads, got one with {_kind(found)} in it")
    _check_functions(root)
    return _bound(sql, root, dialect)


def changing(sql: str, dialect: Dialect, *, all_rows: bool) -> Statement:
    """A statement that changes rows or tables.

    Raises:
        ToolError: it is something else, or it is an UPDATE or DELETE of everything without `all_rows`.
    """
    from sqlglot import exp

    root = _one(sql, dialect)
    allowed: tuple[type[Any], ...] = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Create, exp.Drop, exp.Alter)
    kind = str(root.args.get("kind") or "").upper()
    if not isinstance(root, allowed) or (isinstance(root, (exp.Create, exp.Drop)) and kind not in _CREATED):
        raise ToolError(
            "expected INSERT, UPDATE, DELETE, MERGE, or CREATE, ALTER or DROP of a table, view or index, "
            f"got {_kind(root)}{f' {kind}' if kind else ''}"
        )
    if isinstance(root, (exp.Update, exp.Delete)) and root.args.get("where") is None and not all_rows:
        raise ToolError(f"expected a WHERE, got {_kind(root)} of all rows; set all_rows when all of them are meant")
    _check_functions(root)
    return replace(_bound(sql, root, dialect), creates=isinstance(root, exp.Create))


def _one(sql: str, dialect: Dialect) -> exp.Expression:
    import sqlglot
    from sqlglot.errors import SqlglotError

    if len(sql) > MOST_CHARS or "\0" in sql:
        raise ToolError(f"expected a statement of at most {MOST_CHARS:,} characters, got {len(sql):,} characters")
    logging.getLogger("sqlglot").setLevel(logging.ERROR)  # it warns of what is refused below anyway
    try:
        found = [part for part in sqlglot.parse(sql, dialect=_PARSERS[dialect]) if part is not None]
    except (SqlglotError, RecursionError) as error:
        told = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).split("\n", 1)[0][:200] or type(error).__name__
        raise ToolError(f"expected a statement in the SQL of {dialect}, got something else: {told}") from error
    if len(found) != 1:
        raise ToolError(f"expected one statement, got {len(found)}; use one step for each")
    return found[0]  # type: ignore[return-value]


def _changing() -> tuple[type[Any], ...]:
    from sqlglot import exp

    named = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Create, exp.Drop, exp.Alter, exp.Copy, exp.Set)
    return (*named, exp.Command, exp.Pragma, exp.Attach, exp.Detach, exp.TruncateTable)


def _kind(node: Any) -> str:
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(node).__name__).upper()
    word = str(node.this).split(maxsplit=1)[0].upper() if name == "COMMAND" else name
    return {"LOCK": "FOR UPDATE", "TRUNCATE TABLE": "TRUNCATE"}.get(word, word)


def _check_functions(root: exp.Expression) -> None:
    for name in _functions(root):
        if _FORBIDDEN.fullmatch(name) or (name.startswith("pg_") and not _HARMLESS_PG.fullmatch(name)):
            raise ToolError(f"expected functions that only compute, got {name!r}, which reaches outside the query")


def _functions(root: exp.Expression) -> Iterator[str]:
    """Names of all functions and operators that are functions, in small letters, without schema and quotes."""
    from sqlglot import exp

    for node in root.walk():
        if isinstance(node, exp.Anonymous):
            yield str(getattr(node.this, "name", "") or node.this).strip('"`[]').lower()
        elif isinstance(node, exp.RegexpLike):
            yield "regexp_like"
        elif isinstance(node, exp.Func):
            yield node.sql_name().lower()


def _bound(sql: str, root: exp.Expression, dialect: Dialect) -> Statement:
    """Only what the parser takes for a parameter is one; every other colon is text."""
    from sqlglot import exp

    nodes = list(root.find_all(exp.Placeholder, exp.Parameter))
    if any(isinstance(node, exp.Parameter) or not isinstance(node.this, str) or not node.this for node in nodes):
        raise ToolError("expected parameters by name, such as :city, got ? or another form")
    names = tuple(dict.fromkeys(node.this for node in nodes))
    sql = sql.strip().rstrip(";")
    if dialect == "sqlite":
        return Statement(sql, names)
    pieces, at = [], 0
    for start, end in _places(sql, names, dialect):
        pieces += [sql[at:start], f"${names.index(sql[start + 1 : end]) + 1}"]
        at = end
    return Statement("".join([*pieces, sql[at:]]), names)


def _places(sql: str, wanted: Iterable[str], dialect: Dialect) -> Iterator[tuple[int, int]]:
    """Where parameters stand, colon included."""
    import sqlglot

    names = set(wanted)
    tokens = sqlglot.tokenize(sql, dialect=_PARSERS[dialect])
    for colon, word in itertools.pairwise(tokens):
        if colon.token_type.name != "COLON" or word.start != colon.end + 1:
            continue
        if word.token_type.name not in ("STRING", "IDENTIFIER") and sql[word.start : word.end + 1] in names:
            yield colon.start, word.end + 1


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
