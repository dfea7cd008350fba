"""What is in a database: tables and views with columns and keys. Rule: read from the catalog, never from the data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typing_extensions import TypedDict

from ....errors import ToolError

if TYPE_CHECKING:
    from sqlalchemy import Connection

MOST_TABLES = 200


class Column(TypedDict):
    """`references` is `table.column` of a foreign key, empty if there is none."""

    name: str
    type: str
    nullable: bool
    key: bool
    references: str


class TableOf(TypedDict):
    """`kind`: table or view. `name` has the schema in front where it is not the usual one."""

    name: str
    kind: str
    columns: list[Column]


class Schema(TypedDict):
    """`tables` are described; `others` are names of those that were not, because there are too many."""

    database: str
    dialect: str
    tables: list[TableOf]
    others: list[str]


def described(connection: Connection, wanted: list[str]) -> tuple[list[TableOf], list[str]]:
    """Tables and views, in order of name; all of them, or the `wanted` ones.

    Raises:
        ToolError: a wanted one is not there; names those that are.
    """
    from sqlalchemy import inspect

    inspector = inspect(connection)
    found: dict[str, tuple[str | None, str, str]] = {}
    for schema in _schemas(inspector):
        prefix = f"{schema}." if schema else ""
        found |= {f"{prefix}{name}": (schema, name, "table") for name in inspector.get_table_names(schema=schema)}
        found |= {f"{prefix}{name}": (schema, name, "view") for name in inspector.get_view_names(schema=schema)}
    if absent := [name for name in wanted if name not in found]:
        raise ToolError(f"expected tables among {', '.join(sorted(found)[:50]) or 'none'}, got {', '.join(absent)}")
    names = wanted or sorted(found)
    made = [_table(inspector, name, *found[name]) for name in names[:MOST_TABLES]]
    return made, names[MOST_TABLES:]


def _schemas(inspector: Any) -> list[str | None]:
    if inspector.dialect.name == "sqlite":
        return [None]
    usual = inspector.default_schema_name
    named = [name for name in inspector.get_schema_names() if name not in (usual, "information_schema")]
    return [None, *(name for name in named if not name.startswith("pg_"))]


def _table(inspector: Any, shown: str, schema: str | None, name: str, kind: str) -> TableOf:
    keys = set(inspector.get_pk_constraint(name, schema=schema).get("constrained_columns") or [])
    references: dict[str, str] = {}
    for key in inspector.get_foreign_keys(name, schema=schema):
        place = f"{key['referred_schema']}.{key['referred_table']}" if key["referred_schema"] else key["referred_table"]
        targets = key["referred_columns"] or [""] * len(key["constrained_columns"])
        references |= {
            column: f"{place}.{target}" if target else place
            for column, target in zip(key["constrained_columns"], targets, strict=False)
        }
    columns: list[Column] = [
        {
            "name": column["name"],
            "type": _type(column["type"]),
            "nullable": bool(column["nullable"]) and column["name"] not in keys,
            "key": column["name"] in keys,
            "references": references.get(column["name"], ""),
        }
        for column in inspector.get_columns(name, schema=schema)
    ]
    return {"name": shown, "kind": kind, "columns": columns}


def _type(kind: Any) -> str:
    from sqlalchemy.exc import CompileError

    try:
        text = str(kind)
    except CompileError:
        return "unknown"
    return "unknown" if text == "NULL" else text.lower()
