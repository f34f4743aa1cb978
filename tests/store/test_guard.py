"""Free SQL reads, ends, and fails in our words."""

# ruff: noqa: S608 - every query here is SQL of a user, well or ill meant

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanbook.model import QueryError, StoreError
from spanbook.store import _guard_functions, _schema
from spanbook.store._connection import open_reader, open_writer
from spanbook.store._guard import QueryResult, run_query
from spanbook.store._guard_expansion import check_expansion

#: A text of 8 MiB, as ``m.x``.
LONG = (
    "WITH RECURSIVE z(x) AS (SELECT 'aaaaaaaaaaaaaaaa' UNION ALL SELECT x||x FROM z WHERE length(x) < 7000000), "
    "m(x) AS (SELECT x FROM z ORDER BY length(x) DESC LIMIT 1) "
)
SHORTER = LONG.replace("7000000", "1000000")
ENDLESS = "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r) "
DOUBLING = "WITH c0 AS (SELECT 1 x)" + "".join(
    f", c{n} AS (SELECT a.x FROM c{n - 1} a, c{n - 1} b)" for n in range(1, 30)
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("guard") / "store.db"
    db = open_writer(path)
    rows = [(f"{n:032x}", f"{n:016x}", f"span {n}", n) for n in range(1, 2001)]
    db.executemany(
        "INSERT INTO spans(trace_id, span_id, name, kind, status, start_ns) VALUES (?, ?, ?, 'llm', 'ok', ?)", rows
    )
    db.execute("""INSERT INTO payloads(span, input) SELECT id, '{"question": "why ' || id || '"}' FROM spans""")
    db.execute("CREATE VIRTUAL TABLE words USING fts5(t)")
    db.execute("INSERT INTO words VALUES ('refund policy')")
    db.close()
    return path


@pytest.fixture(autouse=True)
def _unchanged(store: Path) -> Iterator[None]:
    """No query changes the store, or makes a file beside it."""
    before = dump(store)
    yield
    assert dump(store) == before
    assert {path.name for path in store.parent.iterdir()} <= {"store.db", "store.db-wal", "store.db-shm"}


def dump(store: Path) -> list[Any]:
    db = sqlite3.connect(store)
    tables = db.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
    rows = db.execute("SELECT count(*), sum(id), max(name) FROM spans").fetchall()
    pragmas = [db.execute(f"PRAGMA {name}").fetchall() for name in ("user_version", "application_id", "journal_mode")]
    db.close()
    return [tables, rows, pragmas]


def refused(store: Path, query: str, **options: Any) -> str:
    with pytest.raises(QueryError) as caught:
        run_query(store, query, **options)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return str(caught.value)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("INSERT INTO spans(name) VALUES ('x')", "INSERT is not allowed; queries only read, so write a SELECT."),
        ("UPDATE spans SET name = 'x'", "UPDATE is not allowed"),
        ("DELETE FROM spans", "DELETE is not allowed"),
        ("WITH x AS (SELECT 1) DELETE FROM spans", "DELETE spans is not allowed"),
        ("REPLACE INTO spans(id, name) VALUES (1, 'x')", "REPLACE is not allowed"),
        ("DROP TABLE spans", "DROP is not allowed"),
        ("ALTER TABLE spans ADD COLUMN x", "ALTER is not allowed"),
        ("CREATE TABLE x(a)", "CREATE is not allowed"),
        ("CREATE TEMP TABLE x AS SELECT 1", "CREATE is not allowed"),
        ("/* a */ -- b\n CREATE TEMP VIEW x AS SELECT 1", "CREATE is not allowed"),
        ("CREATE TEMP TRIGGER x AFTER INSERT ON spans BEGIN SELECT 1; END", "CREATE is not allowed"),
        ("CREATE VIRTUAL TABLE temp.x USING fts5(a)", "CREATE is not allowed"),
        ("ATTACH 'other.db' AS other", "ATTACH is not allowed"),
        ("DETACH main", "DETACH is not allowed"),
        ("VACUUM", "VACUUM"),
        ("VACUUM INTO 'copy.db'", "VACUUM is not allowed"),
        ("REINDEX", "REINDEX is not allowed"),
        ("ANALYZE", "ANALYZE is not allowed"),
        ("BEGIN IMMEDIATE", "BEGIN is not allowed"),
        ("SAVEPOINT a", "SAVEPOINT is not allowed"),
        ("PRAGMA writable_schema = ON", "PRAGMA writable_schema is not allowed"),
        ("PRAGMA query_only = OFF", "PRAGMA query_only is not allowed"),
        ("PRAGMA user_version = 9", "PRAGMA user_version is not allowed"),
        ("PRAGMA journal_mode = DELETE", "PRAGMA journal_mode is not allowed"),
        ("PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA wal_checkpoint is not allowed"),
        ("PRAGMA database_list", "PRAGMA database_list is not allowed"),
        ("SELECT * FROM pragma_database_list", "a virtual table in it is not allowed in queries"),
        ("SELECT load_extension('/tmp/x.so')", "the function load_extension() is not allowed in queries; leave it out"),
        ("SELECT fts3_tokenizer('simple', x'00')", "the function fts3_tokenizer() is not allowed"),
        ("SELECT printf('%.*c', 900000000, 'x')", "the function printf() is not allowed"),
        ("SELECT format('%900000000s', 'x')", "the function format() is not allowed"),
        ("SELECT zeroblob(1000000000)", "the function zeroblob() is not allowed"),
        ("SELECT hex(randomblob(100000000))", "the function randomblob() is not allowed"),
        ("SELECT json_patch('{}', '{}')", "the function json_patch() is not allowed"),
        ("SELECT 1; DELETE FROM spans", "more than one statement; run them one by one"),
        ("SELECT writefile('x', 'y')", "there is no function 'writefile'"),
        (DOUBLING + " SELECT * FROM c29", "the query becomes more than 2,000 subqueries"),
        (LONG + "SELECT replace(x, 'a', x) FROM m", "a value of the query is longer than 16 MiB"),
        (LONG + "SELECT group_concat(x) FROM m, (VALUES (1), (2), (3))", "a value of the query is longer than 16 MiB"),
        (LONG + "SELECT 'a' LIKE x FROM m", "a LIKE or GLOB pattern is longer than 48 bytes"),
        (LONG + "SELECT trim(x, hex(x)) FROM m", "16 MiB"),
        ("SELECT " + "(" * 900 + "1" + ")" * 900, "failed"),
        ("SELECT " + "1+" * 5000 + "1", "failed"),
        ("SELECT " + "x" * 200_000, "failed"),
        ("SELECT 1" + " UNION SELECT 1" * 5000, "failed"),
        ("", "the query is empty; write a SELECT"),
        ("-- nothing", "the query is empty"),
        ("SELEC 1", "the query 'SELEC 1' failed: near \"SELEC\": syntax error"),
        ("SELECT nmae FROM spans", "there is no column 'nmae'; did you mean name?"),
        ("SELECT * FROM span", "there is no table 'span'; did you mean spans?"),
        ("SELECT '\ud800'", "half a character"),
        ("SELECT '\0'", "a NUL"),
        ("SELECT ?", "failed"),
    ],
)  # fmt: skip
def test_what_does_not_only_read_is_refused_at_once(store: Path, query: str, said: str) -> None:
    began = time.process_time()

    assert said in refused(store, query)

    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    "query",
    [
        ENDLESS + "SELECT count(*) FROM r",
        ENDLESS + "SELECT i FROM r",
        "SELECT count(*) FROM spans a, spans b, spans c",
        "SELECT a.id FROM spans a, spans b, spans c ORDER BY a.id + b.id + c.id",
        "SELECT count(DISTINCT a.name || b.name || c.name) FROM spans a, spans b, spans c",
        "SELECT sum(instr(a.input, b.input)) FROM span_view a, span_view b",
    ],
)
def test_what_does_not_end_is_stopped(store: Path, query: str) -> None:
    began = time.monotonic()

    assert "the query was stopped after 0.2 s; narrow it" in refused(store, query, timeout_s=0.2)

    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    "query",
    [
        LONG + "SELECT instr(x, x || 'b') FROM m",
        LONG + "SELECT length(replace(x, x || 'b', '')) FROM m",
        LONG + "SELECT length(trim(x, 'a')) FROM m",
        SHORTER + "SELECT x LIKE '%' || substr(x, 1, 46) || 'b' FROM m",
        SHORTER + "SELECT x GLOB '*' || substr(x, 1, 46) || 'b' FROM m",
    ],
)
def test_one_call_on_a_long_text_ends_soon(store: Path, query: str) -> None:
    """No handler runs inside one call, so its own time must be bounded."""
    began = time.process_time()

    try:
        run_query(store, query)
    except QueryError as error:
        assert "stopped" in str(error)  # noqa: PT017 - a slow machine may stop it, which is as good

    assert time.process_time() - began < 10


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("SELECT name, kind FROM spans ORDER BY id LIMIT 1", [("span 1", "llm")]),
        ("SELECT json_extract(input, '$.question') FROM span_view WHERE id = 7", [("why 7",)]),
        ("SELECT sb_get(input, '[\"question\"]') FROM payloads WHERE span = 7", [("why 7",)]),
        ("WITH a AS (SELECT id FROM spans WHERE id < 4) SELECT count(*), sum(id) FROM a", [(3, 6)]),
        ("SELECT row_number() OVER (ORDER BY id DESC) FROM spans LIMIT 1", [(1,)]),
        ("SELECT value FROM json_each('[1, 2]')", [(1,), (2,)]),
        ("SELECT name FROM pragma_table_info('journals') LIMIT 1", [("journal_id",)]),
        ("SELECT count(*) FROM sqlite_master WHERE name = 'spans'", [(1,)]),
        ("SELECT t FROM words WHERE words MATCH 'refund'", [("refund policy",)]),
        ("PRAGMA user_version", [(_schema.VERSION,)]),
        ("SELECT strftime('%Y', start_ns / 1e9, 'unixepoch') FROM spans LIMIT 1;", [("1970",)]),
        ("SELECT name LIKE 'SPAN%', name GLOB 'span*', instr(name, 'n') FROM spans LIMIT 1", [(1, 1, 4)]),
    ],
)  # fmt: skip
def test_good_queries_run(store: Path, query: str, rows: list[tuple[Any, ...]]) -> None:
    assert run_query(store, query).rows == rows


def test_columns_and_rows_come_back(store: Path) -> None:
    result = run_query(store, "SELECT id AS number, name FROM spans WHERE id < 3")

    assert result == QueryResult(["number", "name"], [(1, "span 1"), (2, "span 2")])


def test_no_rows_still_have_columns(store: Path) -> None:
    assert run_query(store, "SELECT id, name FROM spans WHERE 0") == QueryResult(["id", "name"], [])


def test_values_are_bound_by_place_or_name(store: Path) -> None:
    by_place = run_query(store, "SELECT ?, ?, ?, ?, ?", (None, True, 2.5, "a", b"b"))
    by_name = run_query(store, "SELECT name FROM spans WHERE id = :id", {"id": 2})

    assert by_place.rows == [(None, 1, 2.5, "a", b"b")]
    assert by_name.rows == [("span 2",)]


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ("abc", "parameters are a tuple, list or dict, not 'abc'; write ('abc',)."),
        ([object()], "the parameter number 1 is object; give None, a number, text or bytes"),
        ({"a": "\ud800"}, "the parameter :a holds half a character"),
        ([2**63], "the parameter number 1 is 9.22e+18; SQLite's integers go to 9.2e18"),
        ([1, 2], "failed: Incorrect number of bindings supplied"),
    ],
)
def test_values_that_cannot_be_bound_are_named(store: Path, parameters: Any, said: str) -> None:
    assert said in refused(store, "SELECT ?", parameters=parameters)


def test_a_result_is_never_cut_in_silence(store: Path) -> None:
    assert len(run_query(store, "SELECT id FROM spans", max_rows=2000).rows) == 2000
    assert "more than 1,999 rows; add LIMIT" in refused(store, "SELECT id FROM spans", max_rows=1999)


def test_a_result_of_much_text_is_stopped(store: Path) -> None:
    said = refused(store, SHORTER + "SELECT x, x, x FROM m, spans", max_bytes=4 << 20)

    assert said == "the query gives more than 4 MiB; select fewer columns or rows."


def test_a_connection_may_be_given_and_is_closed(store: Path) -> None:
    opened: list[sqlite3.Connection] = []

    def connect() -> sqlite3.Connection:
        opened.append(open_reader(store))
        return opened[0]

    assert run_query(connect, "SELECT 1").rows == [(1,)]
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        opened[0].execute("SELECT 1")


def test_a_writing_connection_is_no_way_round(store: Path) -> None:
    assert "INSERT is not allowed" in refused_by(lambda: sqlite3.connect(store), "INSERT INTO words VALUES ('x')")


def refused_by(connect: Any, query: str) -> str:
    with pytest.raises(QueryError) as caught:
        run_query(connect, query)
    return str(caught.value)


def test_a_missing_store_is_a_store_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no store"):
        run_query(tmp_path / "none.db", "SELECT 1")


def test_views_of_a_foreign_file_count_as_subqueries(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "foreign.db", isolation_level=None)
    db.execute("BEGIN")
    db.execute("CREATE VIEW v0 AS SELECT 1 x")
    for number in range(1, 30):
        db.execute(f"CREATE VIEW v{number} AS SELECT a.x FROM v{number - 1} a, v{number - 1} b")
    db.execute("COMMIT")
    db.close()

    said = refused_by(lambda: sqlite3.connect(tmp_path / "foreign.db"), "SELECT * FROM v29")

    assert "more than 2,000 subqueries" in said


@pytest.mark.parametrize(
    "query",
    [
        "WITH a AS (SELECT 1), b AS (SELECT * FROM a JOIN a USING (x)) SELECT * FROM b, b c",
        "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 9) SELECT * FROM r",
        "WITH name AS (SELECT name FROM spans) SELECT name.name, name FROM name WHERE name = 'name' -- name",
        "SELECT cast(x AS text), sum(x) OVER w FROM t WINDOW w AS (ORDER BY x)",
        'WITH "a b" AS MATERIALIZED (SELECT 1), [c] (x) AS NOT MATERIALIZED (SELECT 2) SELECT * FROM "a b", c',
        "WITH a AS (SELECT ')' FROM (SELECT 1",
        ")))",
    ],
)
def test_everyday_queries_expand_to_few_subqueries(query: str) -> None:
    check_expansion(query, {"span_view": "CREATE VIEW span_view AS SELECT * FROM spans"})


values = st.one_of(
    st.none(),
    st.integers(-(10**6), 10**6),
    st.sampled_from([1.5, -0.25, 1e300, 1e-5, 2.0]),
    st.text(alphabet="abä \U0001f600", max_size=6),
    st.text(alphabet="ab", max_size=4).map(str.encode),
)


@given(whole=values, part=values, by=values)
def test_our_text_functions_give_what_sqlites_give(whole: Any, part: Any, by: Any) -> None:
    plain, ours = sqlite3.connect(":memory:"), sqlite3.connect(":memory:")
    _guard_functions.register(ours)
    query = "SELECT instr(:a, :b), replace(:a, :b, :c), trim(:a, :b), ltrim(:a, :b), rtrim(:a, :b)"

    results = [db.execute(query, {"a": whole, "b": part, "c": by}).fetchone() for db in (plain, ours)]

    plain.close()
    ours.close()
    assert results[0] == results[1]
