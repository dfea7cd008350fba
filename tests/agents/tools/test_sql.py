from __future__ import annotations

import hashlib
import sqlite3
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.agents.tools.postgres import programs, server

from planloom.agents.tool import ToolContext
from planloom.agents.tools import sql
from planloom.agents.tools.sql import opening
from planloom.agents.workspace import Workspace
from planloom.config import Config
from planloom.errors import AccessError, ConfigError, ToolError, TransientError

ROWS = [("Anna", 12.5, "2025-01-02"), ("Børge: x", 3.0, "2025-02-03"), ("it's 100%", None, None)]


def _context(folder: Path, **tools_sql: Any) -> ToolContext:
    config = Config.model_validate({"tools": {"sql": tools_sql}})
    return ToolContext(workspace=Workspace(folder / "work", folder / "out"), config=config)


@pytest.fixture
def context(tmp_path: Path) -> ToolContext:
    (tmp_path / "work").mkdir()
    return _context(tmp_path)


@pytest.fixture
def shop(context: ToolContext) -> Path:
    path = context.workspace.root / "shop.db"
    with sqlite3.connect(path) as made:
        made.execute("CREATE TABLE buyer (id INTEGER PRIMARY KEY, name TEXT NOT NULL, paid REAL, since DATE)")
        made.execute("CREATE TABLE bill (nr INTEGER PRIMARY KEY, buyer INTEGER REFERENCES buyer(id), raw BLOB)")
        made.execute("CREATE VIEW rich AS SELECT name FROM buyer WHERE paid > 10")
        made.executemany("INSERT INTO buyer (name, paid, since) VALUES (?, ?, ?)", ROWS)
        made.execute("INSERT INTO bill VALUES (1, 2, x'00ff')")
    made.close()
    return path


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    if programs() is None:
        pytest.skip("needs PostgreSQL's programs")
    with server() as found:
        yield found


@pytest.fixture
def crm(tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[ToolContext]:
    monkeypatch.setenv("CRM_PASSWORD", "s3cret")
    (tmp_path / "work").mkdir(exist_ok=True)
    url = f"postgresql://owner:${{ENV:CRM_PASSWORD}}@127.0.0.1:{port}/postgres"
    found = _context(tmp_path, databases={"crm": url}, timeout_s=2)
    sql.execute("crm", "CREATE TABLE buyer (id serial PRIMARY KEY, name text, paid numeric(9,2), since date)", found)
    rows = [{"n": name, "p": paid, "s": since} for name, paid, since in ROWS]
    sql.execute("crm", "INSERT INTO buyer (name, paid, since) VALUES (:n, :p, :s)", found, rows=rows)
    yield found
    sql.execute("crm", "DROP TABLE buyer", found)


# ---- asking


def test_schema_tells_tables_views_keys_and_references(context: ToolContext, shop: Path) -> None:
    made = sql.schema("shop.db", context)
    assert [(t["name"], t["kind"]) for t in made["tables"]] == [("bill", "table"), ("buyer", "table"), ("rich", "view")]
    assert made["tables"][0]["columns"][1]["references"] == "buyer.id"
    name = made["tables"][1]["columns"][1]
    assert (name["type"], name["nullable"], made["tables"][1]["columns"][0]["key"]) == ("text", False, True)
    with pytest.raises(ToolError, match="bill, buyer, rich, got bills"):
        sql.schema("shop.db", context, tables=["bills"])


def test_values_are_bound_and_colons_in_texts_stay(context: ToolContext, shop: Path) -> None:
    asked = "SELECT name, '12:30 :n' AS t, 7 % 4 AS m FROM buyer WHERE name = :n OR paid > :p -- :no\n ORDER BY 1;"
    made = sql.query("shop.db", asked, context, parameters={"n": "x' OR 1=1 --", "p": 5})
    assert made == {"columns": ["name", "t", "m"], "rows": [["Anna", "12:30 :n", 3]], "count": 1, "cut": ""}
    sql.query.checked(made)
    with pytest.raises(ToolError, match="none for :n"):
        sql.query("shop.db", asked, context, parameters={"p": 1})
    with pytest.raises(ToolError, match="got q"):
        sql.query("shop.db", "SELECT 1", context, parameters={"q": 1})
    with pytest.raises(ToolError, match="by name"):
        sql.query("shop.db", "SELECT ?", context)


def test_limits_of_rows_bytes_and_time_are_said(context: ToolContext, shop: Path) -> None:
    assert sql.query("shop.db", "SELECT * FROM buyer", context, limit=2)["cut"] == "only the first 2 rows"
    small = _context(context.workspace.root.parent, max_bytes=40, timeout_s=0.2)
    wide = sql.query(str(shop), "SELECT printf('%.*c', 30, 'x') FROM buyer", small)
    assert (wide["count"], "40 bytes" in wide["cut"]) == (1, True)
    rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 900) SELECT zeroblob(5000000) FROM n"
    tracemalloc.start()
    assert sql.query(str(shop), rows, context)["count"] == 900  # 4.5 GB, of which no more than a piece is held
    assert tracemalloc.get_traced_memory()[1] < 50_000_000
    tracemalloc.stop()
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    with pytest.raises(ToolError, match=r"tools\.sql\.timeout_s"):
        sql.query(str(shop), endless, small)
    with pytest.raises(ToolError, match="too big"):
        sql.query(str(shop), "SELECT length(hex(zeroblob(60000000)))", small)


def test_what_was_asked_becomes_a_chart_and_a_table(context: ToolContext, shop: Path) -> None:
    points = sql.series("shop.db", "SELECT name, paid FROM buyer ORDER BY id", context)
    assert points["series"] == [{"name": "paid", "values": [12.5, 3.0, None]}]
    with pytest.raises(ToolError, match="numbers in the column 'name'"):
        sql.series("shop.db", "SELECT paid, name FROM buyer", context)
    stored = sql.extract("shop.db", "SELECT b.*, raw FROM buyer b LEFT JOIN bill ON buyer = id", context)
    assert pl.read_parquet(stored["table"])["raw"].to_list() == [None, "0x00ff", None]
    mixed = sql.extract("shop.db", "VALUES (1, 1), ('a', 2.5), (NULL, NULL)", context)
    assert pl.read_parquet(mixed["table"]).rows() == [("1", 1.0), ("a", 2.5), (None, None)]
    many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 201000) SELECT i FROM n"
    assert pl.read_parquet(sql.extract("shop.db", many, context)["table"])["i"].sum() == 201_000 * 201_001 // 2
    assert not list(context.workspace.out.rglob(".*"))


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("WITH a AS (SELECT * FROM buyer) SELECT count(*) FROM a JOIN buyer b USING (id)", 3),
        ("SELECT rank() OVER (ORDER BY paid DESC) FROM buyer WHERE name GLOB 'A*'", 1),
        ("SELECT replace(name, 'n', 'm') FROM buyer UNION ALL SELECT name FROM rich", "Amma"),
        ("SELECT json_extract('{\"a\": [5]}', '$.a[0]')", 5),
        ("SELECT [name] FROM \"buyer\" WHERE since BETWEEN date('2025-01-01') AND date('2025-01-31')", "Anna"),
        ("VALUES (4), (5)", 4),
        ("SELECT CASE WHEN 'a;b' LIKE 'a%' THEN strftime('%Y', since) END FROM buyer", "2025"),
    ],
)
def test_statements_that_only_read_are_not_refused(context: ToolContext, shop: Path, text: str, first: Any) -> None:
    assert sql.query("shop.db", text, context)["rows"][0][0] == first


def test_full_text_search_odd_names_and_the_log_of_a_writer_are_read(context: ToolContext, shop: Path) -> None:
    writer = sqlite3.connect(shop)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("CREATE VIRTUAL TABLE told USING fts5(words)")
    writer.execute("INSERT INTO told VALUES ('high tide at noon')")
    writer.execute('CREATE TABLE "od:d one" ("a :b" TEXT)')
    writer.execute("""INSERT INTO "od:d one" VALUES ('x')""")
    writer.commit()  # and it stays open
    assert sql.query("shop.db", "SELECT words FROM told WHERE told MATCH 'noon'", context)["rows"] == [
        ["high tide at noon"]
    ]
    odd = 'SELECT "a :b" FROM "od:d one" WHERE "a :b" = :b'
    assert sql.query("shop.db", odd, context, parameters={"b": "x"})["columns"] == ["a :b"]
    assert "od:d one" in [table["name"] for table in sql.schema("shop.db", context)["tables"]]
    writer.close()


# ---- nothing that asks can write

DISGUISES = [
    "INSERT INTO buyer (name) VALUES ('x')",
    "WITH x AS (SELECT 1) INSERT INTO buyer (name) SELECT 'x' FROM x",
    "WITH x AS (INSERT INTO buyer (name) VALUES ('x') RETURNING *) SELECT * FROM x",
    "SELECT 1; DELETE FROM buyer",
    "SELECT 1 /* ; */ ; -- \n DROP TABLE buyer",
    "/* SELECT */ DELETE FROM buyer",
    "-- SELECT\nDELETE FROM buyer",
    "REPLACE INTO buyer (id, name) VALUES (1, 'x')",
    "UPDATE buyer SET name = 'x' RETURNING id",
    "SELECT * INTO other FROM buyer",
    "CREATE TABLE other AS SELECT * FROM buyer",
    "CREATE TEMP TRIGGER t AFTER INSERT ON buyer BEGIN DELETE FROM buyer; END",
    "EXPLAIN ANALYZE DELETE FROM buyer",
    "BEGIN; DELETE FROM buyer; COMMIT",
    "COMMIT",
    "PRAGMA writable_schema = ON",
    "UPDATE sqlite_master SET name = 'x'",
    "PRAGMA journal_mode = DELETE",
    "PRAGMA query_only = OFF",
    "ATTACH DATABASE 'other.db' AS other",
    "VACUUM INTO 'other.db'",
    "SELECT load_extension('evil')",
    "SELECT \"load_extension\"('evil')",
    "SELECT writefile('other.db', 'x')",
    "SELECT 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!' REGEXP '(a+)+$'",
    "",
    ";",
]
POSTGRES_DISGUISES = [
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT pg_catalog.\"pg_read_file\"('/etc/passwd')",
    "SELECT * FROM pg_ls_dir('.')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT set_config('transaction_read_only', 'off', false)",
    "SELECT nextval('buyer_id_seq')",
    "SELECT pg_terminate_backend(1)",
    "SELECT query_to_xml('DELETE FROM buyer', true, true, '')",
    "SELECT * FROM dblink('host=x', 'DELETE FROM buyer') AS t(a int)",
    "SELECT * FROM buyer FOR UPDATE",
    "COPY buyer TO PROGRAM 'cat'",
    "COPY buyer FROM '/etc/passwd'",
    "DO $$ BEGIN DELETE FROM buyer; END $$",
    "CALL f()",
    "SET TRANSACTION READ WRITE",
    "TRUNCATE buyer",
    "GRANT ALL ON buyer TO PUBLIC",
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'DELETE FROM buyer; SELECT 1'",
    "MERGE INTO buyer USING buyer b ON true WHEN MATCHED THEN DELETE",
]


@pytest.mark.parametrize("text", DISGUISES)
def test_statement_that_writes_is_refused_and_changes_no_byte(context: ToolContext, shop: Path, text: str) -> None:
    before = hashlib.sha256(shop.read_bytes()).digest()
    for ask in (sql.query, sql.extract, sql.series):
        with pytest.raises(ToolError):
            ask("shop.db", text, context)
    assert hashlib.sha256(shop.read_bytes()).digest() == before
    assert sorted(path.name for path in context.workspace.root.iterdir()) == ["shop.db"]


@pytest.mark.parametrize("text", [text for text in DISGUISES if text.strip(";") and "EXPLAIN" not in text])
def test_sqlite_itself_refuses_what_a_parser_would_miss(context: ToolContext, shop: Path, text: str) -> None:
    before = hashlib.sha256(shop.read_bytes()).digest()
    with (
        pytest.raises((ToolError, sqlite3.Error, sqlite3.Warning)),
        opening.opened(opening.located("shop.db", context), context) as connection,
    ):
        driver: Any = connection.connection.driver_connection
        driver.execute(text).fetchall()
        driver.execute("DELETE FROM buyer")  # after those that do nothing by themselves
    assert hashlib.sha256(shop.read_bytes()).digest() == before


@pytest.mark.parametrize("text", [*DISGUISES, *POSTGRES_DISGUISES])
def test_postgresql_is_not_changed_by_asking(crm: ToolContext, text: str) -> None:
    with pytest.raises(ToolError):
        sql.query("crm", text, crm)
    assert sql.query("crm", "SELECT count(*) FROM buyer", crm)["rows"] == [[3]]


@pytest.mark.parametrize(
    "text",
    [
        "INSERT INTO buyer (name) VALUES ('x')",
        "SELECT nextval('buyer_id_seq')",
        "SELECT set_config('transaction_read_only', 'off', false)",
        "CREATE TEMP TABLE t (a int)",
        "DO $$ BEGIN DELETE FROM buyer; END $$",
        "SELECT 1; COMMIT; DELETE FROM buyer",
    ],
)
def test_postgresql_itself_refuses_what_a_parser_would_miss(crm: ToolContext, text: str) -> None:
    with (
        pytest.raises(ToolError, match=r"read-only|multiple commands|read-write mode"),
        opening.opened(opening.located("crm", crm), crm) as connection,
    ):
        driver: Any = connection.connection.driver_connection
        driver.execute_unnamed(text)
    assert sql.query("crm", "SELECT count(*) FROM buyer", crm)["rows"] == [[3]]


# ---- PostgreSQL


def test_postgresql_answers_with_plain_values(crm: ToolContext) -> None:
    asked = (
        "SELECT name, paid, since, '12:30 :x %s' AS t, paid::text AS s, (ARRAY[1,2,3])[1:2] AS a, "
        "'{\"k\": 1}'::jsonb AS j, "
        "7 % 4 AS m, NULL::bytea AS b, now() > :since AS late FROM buyer WHERE name LIKE '%:%' AND paid < :most"
    )
    made = sql.query("crm", asked, crm, parameters={"since": "2020-01-01", "most": 10})
    assert made["rows"] == [["Børge: x", 3.0, "2025-02-03", "12:30 :x %s", "3.00", [1, 2], {"k": 1}, 3, None, True]]
    assert made["columns"][:3] == ["name", "paid", "since"]
    table = sql.schema("crm", crm)["tables"][0]
    assert (table["name"], [c["type"] for c in table["columns"]]) == (
        "buyer",
        ["integer", "text", "numeric(9, 2)", "date"],
    )


def test_postgresql_gives_a_part_of_what_is_endless_and_stops_in_time(crm: ToolContext) -> None:
    made = sql.query("crm", "SELECT generate_series(1, 1000000000) AS n", crm, limit=3)
    assert made["rows"] == [[1], [2], [3]] and made["cut"]
    assert sql.extract("crm", "SELECT generate_series(1, 3001) AS n", crm)["rows"] == 3001
    quick = _context(crm.workspace.root.parent, **{**crm.config.tools.sql.model_dump(), "timeout_s": 0.2})
    with pytest.raises(ToolError, match=r"tools\.sql\.timeout_s"):
        sql.query("crm", "SELECT count(*) FROM generate_series(1, 1000000000)", quick)


def test_passwords_are_in_no_error_and_no_result(
    tmp_path: Path, port: int, context: ToolContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = f"postgresql://owner:hunter22@127.0.0.1:{port}/postgres"
    found = _context(
        tmp_path, databases={"crm": wrong, "gone": "postgresql://owner:hunter22@127.0.0.1:1/x", "my": "x://"}
    )
    with pytest.raises(ToolError, match="password authentication failed") as refused:
        sql.query("crm", "SELECT 1", found)
    with pytest.raises(TransientError) as away:
        sql.query("gone", "SELECT 1", found)
    with pytest.raises(ConfigError, match=r"databases\.my") as odd:
        sql.query("my", "SELECT 1", found)
    with pytest.raises(ToolError, match="settings") as given:
        sql.query(wrong, "SELECT 1", found)
    listed = sql.databases(found)
    assert [one["dialect"] for one in listed["databases"]] == ["postgresql", "postgresql", "x"]
    for told in (refused.value, away.value, odd.value, given.value, listed, opening.located("crm", found)):
        assert "hunter22" not in repr(told) + str(told)
    monkeypatch.delenv("CRM_PASSWORD", raising=False)
    unset = _context(tmp_path, databases={"crm": "postgresql://o:${ENV:CRM_PASSWORD}@h/d"})
    with pytest.raises(ConfigError, match="CRM_PASSWORD"):
        sql.query("crm", "SELECT 1", unset)


# ---- changing


def test_changes_are_whole_or_not_at_all(context: ToolContext, shop: Path) -> None:
    insert = "INSERT INTO buyer (id, name) VALUES (:id, :name)"
    assert sql.execute("shop.db", insert, context, rows=[{"id": 7, "name": "a"}, {"id": 8, "name": ":b"}])["rows"] == 2
    with pytest.raises(ToolError, match="UNIQUE"):
        sql.execute("shop.db", insert, context, rows=[{"id": 9, "name": "a"}, {"id": 8, "name": "b"}])
    assert sql.query("shop.db", "SELECT id FROM buyer WHERE id > 6", context)["rows"] == [[7], [8]]
    with pytest.raises(ToolError, match="all_rows"):
        sql.execute("shop.db", "DELETE FROM buyer", context)
    assert (
        sql.execute("shop.db", "UPDATE buyer SET paid = :p", context, parameters={"p": 1}, all_rows=True)["rows"] == 5
    )
    with pytest.raises(ToolError, match="FOREIGN KEY"):
        sql.execute("shop.db", "INSERT INTO bill VALUES (2, 99, NULL)", context)
    assert sql.execute.effect == "write" and sql.execute.destructive


def test_new_database_is_made_by_create_table_alone(context: ToolContext) -> None:
    with pytest.raises(ToolError, match="CREATE TABLE"):
        sql.execute("new.db", "INSERT INTO t VALUES (1)", context)
    sql.execute("new.db", "CREATE TABLE t (a)", context)
    assert sql.schema("new.db", context)["tables"][0]["name"] == "t"
    with pytest.raises(ToolError, match=r"\.sqlite"):
        sql.execute("new.txt", "CREATE TABLE t (a)", context)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1",
        "ATTACH 'other.db' AS o",
        "PRAGMA foreign_keys = OFF",
        "DELETE FROM buyer WHERE 1; DROP TABLE bill",
        "INSERT INTO buyer (name) VALUES (readfile('/etc/passwd'))",
        "CREATE VIRTUAL TABLE t USING csv(filename='/etc/passwd')",
        "VACUUM INTO 'other.db'",
    ],
)
def test_writing_stays_inside_the_database(context: ToolContext, shop: Path, text: str) -> None:
    before = shop.read_bytes()
    with pytest.raises(ToolError):
        sql.execute("shop.db", text, context)
    assert shop.read_bytes() == before


def test_files_outside_are_not_written_and_others_are_no_database(context: ToolContext, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "outside.db") as made:
        made.execute("CREATE TABLE t (a)")
    made.close()
    (context.workspace.root / "link.db").symlink_to(tmp_path / "outside.db")
    for path in ("../outside.db", "link.db"):
        with pytest.raises(AccessError):
            sql.execute(path, "INSERT INTO t VALUES (1)", context)
    (context.workspace.root / "notes.db").write_text("no database at all")
    with pytest.raises(ToolError, match="which is none"):
        sql.query("notes.db", "SELECT 1", context)
    with pytest.raises(ToolError, match="check the spelling"):
        sql.query("nothing.db", "SELECT 1", context)


def test_locked_database_may_be_asked_again(context: ToolContext, shop: Path) -> None:
    other = sqlite3.connect(shop, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    quick = _context(context.workspace.root.parent, timeout_s=0.3)
    with pytest.raises(TransientError, match="locked"):
        sql.query(str(shop), "SELECT * FROM buyer", quick)
    other.execute("ROLLBACK")
    other.close()
    assert sql.query(str(shop), "SELECT * FROM buyer", quick)["count"] == 3
