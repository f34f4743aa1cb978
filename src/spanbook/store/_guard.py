"""Free SQL from users, colleagues and models: it reads, it ends, and it fails in our words.

Each query gets a read-only connection of its own, on which

* an authorizer allows reading, an allow-list of functions and a few pragmas, and nothing else. A list of what is
  forbidden would not do: ``printf('%.*c', 900000000, 'x')`` runs for seconds and no handler can stop it;
* a progress handler stops it after ``timeout_s``;
* limits hold the length of values, of the query and of what it expands to, since neither the making of a text nor
  that of a plan can be interrupted. ``instr``, ``replace`` and ``trim`` are ours (``_guard_functions``): SQLite's take
  time in the product of their arguments' lengths.

What stays: one call of LIKE or GLOB on a made-up text of 16 MiB takes about two seconds, which nothing can cut short.
"""

from __future__ import annotations

import operator
import re
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

from ..model import QueryError
from . import _guard_functions
from ._connection import is_damage, is_locked, open_reader, retry_locked
from ._filter_names import nearest
from ._guard_expansion import check_expansion

Parameters: TypeAlias = Sequence[Any] | Mapping[str, Any]

DEFAULT_TIMEOUT_S: Final = 1.5
DEFAULT_MAX_ROWS: Final = 1_000_000
DEFAULT_MAX_BYTES: Final = 512 << 20
#: Bytes of one value.
MAX_VALUE_BYTES: Final = 16 << 20
#: LIKE and GLOB may take the product of the lengths of text and pattern.
MAX_PATTERN_BYTES: Final = 48
#: Operations of SQLite's machine between two looks at the clock: some microseconds, or a few calls of our
#: functions.
_STEPS: Final = 500

FUNCTIONS: Final = frozenset(
    """
    abs avg bm25 ceil ceiling changes char coalesce concat concat_ws count cume_dist current_date current_time
    current_timestamp date datetime dense_rank exp first_value floor glob group_concat hex highlight ifnull
    iif instr json json_array json_array_length json_each json_error_position json_extract json_group_array
    json_group_object json_object json_quote json_tree json_type json_valid julianday lag last_value lead
    length like ln log log10 log2 lower ltrim match max median min mod nth_value ntile nullif octet_length
    percent_rank percentile percentile_cont percentile_disc pow power quote random rank replace round
    row_number rtrim sign snippet sqlite_version sqrt strftime string_agg substr substring sum time timediff
    total trim trunc typeof unicode unixepoch upper -> ->> sb_contains sb_contains_at sb_get sb_has sb_json
    sb_lower sb_matches sb_upper
    """.split()
)
#: Pragmas that only tell; those of the second set tell when they are given no value.
_PRAGMAS: Final = frozenset(
    {"table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo", "foreign_key_list"}
)
_PRAGMAS_TELLING: Final = frozenset(
    {"user_version", "application_id", "page_count", "page_size", "encoding", "data_version"}
)
_INTERNAL_TABLES: Final = frozenset(
    {
        "sqlite_master",
        "sqlite_schema",
        "sqlite_temp_master",
        "sqlite_temp_schema",
        "sqlite_sequence",
        "sqlite_stat1",
    }
)
_READING: Final = ("SELECT", "WITH", "VALUES", "EXPLAIN")
_LIMITS: Final = (
    (sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES),
    (sqlite3.SQLITE_LIMIT_SQL_LENGTH, 100_000),
    (sqlite3.SQLITE_LIMIT_EXPR_DEPTH, 500),
    (sqlite3.SQLITE_LIMIT_COMPOUND_SELECT, 100),
    (sqlite3.SQLITE_LIMIT_VDBE_OP, 100_000),
    (sqlite3.SQLITE_LIMIT_FUNCTION_ARG, 100),
    (sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, MAX_PATTERN_BYTES),
    (sqlite3.SQLITE_LIMIT_ATTACHED, 0),
    (sqlite3.SQLITE_LIMIT_WORKER_THREADS, 0),
)
_ACTIONS: Final = {
    getattr(sqlite3, f"SQLITE_{name}"): name.replace("_", " ")
    for name in """
    INSERT UPDATE DELETE ATTACH DETACH PRAGMA TRANSACTION SAVEPOINT REINDEX ANALYZE ALTER_TABLE CREATE_INDEX
    CREATE_TABLE CREATE_TEMP_INDEX CREATE_TEMP_TABLE CREATE_TEMP_TRIGGER CREATE_TEMP_VIEW CREATE_TRIGGER
    CREATE_VIEW CREATE_VTABLE DROP_INDEX DROP_TABLE DROP_TEMP_INDEX DROP_TEMP_TABLE DROP_TEMP_TRIGGER
    DROP_TEMP_VIEW DROP_TRIGGER DROP_VIEW DROP_VTABLE
    """.split()
}


class QueryResult(NamedTuple):
    """Column names, and one tuple of plain values (None, int, float, str, bytes) a row."""

    columns: list[str]
    rows: list[tuple[Any, ...]]


def run_query(
    source: Path | str | Callable[[], sqlite3.Connection],
    query: str,
    parameters: Parameters = (),
    *,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    max_rows: int = DEFAULT_MAX_ROWS,
    max_bytes: int = DEFAULT_MAX_BYTES,
) -> QueryResult:
    """Run one SELECT on a store and return all of its rows.

    Args:
        source: The store's path, or what opens a connection to it that no one else uses; it is closed.
        query: One statement; ``?`` and ``:name`` are bound from ``parameters``.
        parameters: None, bool, int, float, str and bytes, by position or by name.
        timeout_s: Seconds until it is stopped, fetching included.
        max_rows: More rows are an error: a result that is cut in silence would be wrong.
        max_bytes: So is more text and binary data, in characters and bytes.

    Raises:
        QueryError: it is no SELECT, does what is not allowed, fails, or was stopped.
        StoreError: the store cannot be opened.
    """
    _check_text(query)
    values = _checked_parameters(parameters)
    opened = open_reader(Path(source)) if isinstance(source, Path | str) else source()
    with closing(opened) as db:
        guard = _Guard(db, timeout_s)
        try:
            check_expansion(query, _views(db))
            guard.close_in()
            cursor = retry_locked(lambda: db.execute(query, values), timeout_s)
            return _fetch(cursor, guard, max_rows, max_bytes)
        except (sqlite3.Error, sqlite3.Warning, OverflowError, ValueError, MemoryError) as error:
            if isinstance(error, QueryError):
                raise
            raise guard.explain(error, query) from None
        finally:
            guard.let_go()


class _Guard:
    """The bounds of one query on one connection."""

    def __init__(self, db: sqlite3.Connection, timeout_s: float) -> None:
        self._db = db
        self._timeout_s = timeout_s
        self._deadline = time.monotonic() + timeout_s
        self._refused: str | None = None

    def close_in(self) -> None:
        """Put every bound in place."""
        for table in _virtual_tables(self._db):
            # made known now: SQLite writes (in memory) when it first meets one, which the authorizer would refuse
            self._db.execute(f'PRAGMA table_info("{table}")').fetchall()
        self._db.isolation_level = None  # or an INSERT would be refused for the BEGIN that Python puts before it
        self._db.execute("PRAGMA query_only = ON")
        self._db.execute("PRAGMA trusted_schema = OFF")
        _guard_functions.register(self._db)
        for limit, value in _LIMITS:
            self._db.setlimit(limit, value)
        self._db.set_progress_handler(self.is_late, _STEPS)
        self._db.set_authorizer(self._authorize)

    def let_go(self) -> None:
        """Take the handlers away: they and the connection hold each other."""
        self._db.set_authorizer(None)
        self._db.set_progress_handler(None, 0)

    def is_late(self) -> bool:
        return time.monotonic() > self._deadline

    def _authorize(
        self, action: int, first: str | None, second: str | None, database: str | None, via: str | None
    ) -> int:
        refused = self._reason(action, first or "", second)
        if refused is None:
            return sqlite3.SQLITE_OK
        self._refused = self._refused or refused
        return sqlite3.SQLITE_DENY

    def _reason(self, action: int, first: str, second: str | None) -> str | None:
        """What is refused, None when the action is allowed."""
        if action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE):
            return None
        if action == sqlite3.SQLITE_READ:
            internal = first.lower().startswith("sqlite_") and first.lower() not in _INTERNAL_TABLES
            return f"the table {first}" if internal else None
        if action == sqlite3.SQLITE_FUNCTION:
            return None if second is not None and second.lower() in FUNCTIONS else f"the function {second}()"
        if action == sqlite3.SQLITE_PRAGMA:
            tells = first.lower() in _PRAGMAS or (first.lower() in _PRAGMAS_TELLING and second is None)
            return None if tells else f"PRAGMA {first}"
        name = _ACTIONS.get(action, f"action {action}")
        return f"{name} {first}".strip()

    def explain(self, error: Exception, query: str) -> QueryError:
        """Say in our words what SQLite says in its own."""
        self.let_go()
        text = str(error)
        if self._refused is not None:
            return _refusal(self._refused, query)
        if "interrupted" in text or ("user-defined" in text and self.is_late()):  # in a function's own read
            return QueryError(
                f"the query was stopped after {self._timeout_s:g} s; narrow it (WHERE start_ns > …, LIMIT), "
                "or read the rows with sb.spans_df() and go on in pandas."
            )
        if is_locked(error):
            return QueryError("the store is locked by another process; run the query again.")
        if "one statement at a time" in text:
            return QueryError("the query holds more than one statement; run them one by one, without a semicolon.")
        if "too big" in text:
            return QueryError(
                f"a value of the query is longer than {MAX_VALUE_BYTES >> 20} MiB; leave that column out, "
                "or read it with sb.get_trace(id)."
            )
        missing = re.match(r"no such (table|column|function): (.+)", text)
        if missing:
            try:
                return _not_found(self._db, missing.group(1), missing.group(2))
            except sqlite3.Error as problem:  # of a view of ours
                return _damaged(str(problem))
        if "LIKE or GLOB pattern too complex" in text:
            return QueryError(
                f"a LIKE or GLOB pattern is longer than {MAX_PATTERN_BYTES} bytes; "
                'write instr(column, "text") > 0 instead.'
            )
        calls_ours = "user-defined" in text and "sb_" in query  # with arguments that it cannot take
        if "not a database" in text or (is_damage(error) and not calls_ours):
            return _damaged(text)
        return QueryError(f"the query {_shown(query)} failed: {text}; check it against SQLite's SELECT.")


def _fetch(cursor: sqlite3.Cursor, guard: _Guard, max_rows: int, max_bytes: int) -> QueryResult:
    if cursor.description is None:
        raise QueryError("the query is empty; write a SELECT, such as SELECT name, cost_usd FROM spans LIMIT 10.")
    columns = [column[0] for column in cursor.description]
    rows: list[tuple[Any, ...]] = []
    size, at_once = 0, 1
    while batch := cursor.fetchmany(at_once):
        rows += batch
        before = size
        for row in batch:
            for value in row:
                if isinstance(value, str | bytes):
                    size += len(value)
        # long rows one by one, so that little is read beyond the bound
        at_once = min(at_once * 2, 64) if size - before < 1 << 20 else 1
        if len(rows) > max_rows:
            raise QueryError(f"the query gives more than {max_rows:,} rows; add LIMIT, or count and sum in SQL.")
        if size > max_bytes:
            raise QueryError(f"the query gives more than {max_bytes >> 20} MiB; select fewer columns or rows.")
        if guard.is_late():
            raise sqlite3.OperationalError("interrupted")
    return QueryResult(columns, rows)


def _check_text(query: str) -> None:
    if not isinstance(query, str):
        raise QueryError(f"a query is SQL text, not {type(query).__name__}; write it in quotes.")
    if "\0" in query or any("\ud800" <= character <= "\udfff" for character in query):
        raise QueryError("the query holds a NUL or half a character, which SQL cannot; remove it.")


def _checked_parameters(parameters: Parameters) -> Parameters:
    if isinstance(parameters, Mapping):
        return {name: _checked(value, f":{name}") for name, value in parameters.items()}
    if isinstance(parameters, str | bytes) or not isinstance(parameters, Sequence):
        raise QueryError(f"parameters are a tuple, list or dict, not {parameters!r:.50}; write ({parameters!r:.20},).")
    return [_checked(value, f"number {number}") for number, value in enumerate(parameters, 1)]


def _checked(value: Any, which: str) -> Any:
    if value is None or isinstance(value, float | bytes):
        return value
    if isinstance(value, str):
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise QueryError(f"the parameter {which} holds half a character (a lone surrogate); remove it.")
        return value
    try:
        number = operator.index(value)  # int, bool and numpy's integers
    except TypeError:
        raise QueryError(
            f"the parameter {which} is {type(value).__name__}; give None, a number, text or bytes "
            "(times as start_ns, nanoseconds since 1970)."
        ) from None
    if not -(1 << 63) <= number < 1 << 63:
        raise QueryError(f"the parameter {which} is {number:.3g}; SQLite's integers go to 9.2e18, give a float.")
    return number


def _views(db: sqlite3.Connection) -> dict[str, str]:
    """The text of every view by its name: a file may hold views that are there to explode."""
    rows = db.execute(
        "SELECT name, sql FROM main.sqlite_master WHERE type = 'view'"
        " UNION ALL SELECT name, sql FROM temp.sqlite_master WHERE type = 'view'"
    )
    return {str(name): str(sql) for name, sql in rows}


def _virtual_tables(db: sqlite3.Connection) -> list[str]:
    made = db.execute("SELECT name FROM main.sqlite_master WHERE sql LIKE 'CREATE VIRTUAL TABLE%'").fetchall()
    pragmas = [f"pragma_{name}" for name in sorted(_PRAGMAS | _PRAGMAS_TELLING)]
    return ["json_each", "json_tree", *pragmas, *(str(name).replace('"', '""') for (name,) in made)]


def _refusal(refused: str, query: str) -> QueryError:
    found = re.match(r"(?:\s+|--[^\n]*\n|/\*.*?\*/)*([A-Za-z]+)", query, re.DOTALL)
    word = found[1].upper() if found else ""
    if word in _READING and refused.endswith("sqlite_master"):
        refused = "a virtual table in it"  # that is how SQLite makes one known at its first use
    if refused.startswith(("the ", "a ")):
        return QueryError(f"{refused} is not allowed in queries; leave it out, and compute the rest in pandas.")
    if word not in (*_READING, "PRAGMA"):
        refused = word
    return QueryError(f"{refused} is not allowed; queries only read, so write a SELECT.")


def _damaged(found: str) -> QueryError:
    return QueryError(f"the store is damaged ({found}); recover it with `spanbook salvage`.")


def _not_found(db: sqlite3.Connection, what: str, name: str) -> QueryError:
    """No such table, column or function: offer the nearest one there is."""
    plain, columns = name.rsplit(".", 1)[-1], _columns(db) if what == "column" else {}
    if plain in columns:
        there = " and ".join(columns[plain][:2])
        return QueryError(f"there is no column {name!r} in what is queried; it is in {there}.")
    known = sorted(FUNCTIONS) if what == "function" else _tables(db) if what == "table" else list(columns)
    meant = nearest(plain, known)
    hint = f"did you mean {meant}?" if meant else ""
    there = {
        "table": "SELECT name FROM sqlite_master lists them",
        "column": "PRAGMA table_info(spans) lists those of a table",
        "function": "SQLite's plain functions are there, ours begin with sb_",
    }[what]
    return QueryError(f"there is no {what} {name!r}; {hint}{' ' if hint else ''}{there}.")


def _tables(db: sqlite3.Connection) -> list[str]:
    query = "SELECT name FROM main.sqlite_master UNION SELECT name FROM temp.sqlite_master"
    return [str(name) for (name,) in db.execute(query)]


def _columns(db: sqlite3.Connection) -> dict[str, list[str]]:
    """Return the tables and views of each column, views first."""
    found: dict[str, list[str]] = {}
    for table in ("span_view", "trace_view", "spans", "traces", "scores", "events", "payloads", "blobs"):
        for row in db.execute(f"PRAGMA table_info({table})"):
            found.setdefault(str(row[1]), []).append(table)
    return found


def _shown(query: str) -> str:
    one_line = " ".join(query.split())
    return repr(one_line if len(one_line) <= 60 else one_line[:59] + "…")
