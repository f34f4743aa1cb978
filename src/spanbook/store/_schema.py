"""The store's tables, and the numbered migrations that make them.

One SQLite file, readable by anything: names are TEXT, nothing in the file needs our code. A span is a narrow row in
``spans`` and what it was given and returned in ``payloads``; long values are ``blobs``, shared by content (a chat
message is one blob, so an agent that sends its history again with each call stores it once). ``traces`` holds one
summary row a trace, kept up to date in the transaction that changes its spans, so every list is answered from it alone.

A payload column is NULL, TEXT (JSON as it is), INTEGER (the blob that holds the JSON) or BLOB (the blobs of a list of
messages, see ``_codec.pack_ids``). ``sb_json(column)`` gives the JSON text, ``span_view`` and ``trace_view`` use it;
both exist only on connections that spanbook opens. ``spanbook export --plain`` writes a file that any tool can read.

Migrations are additive (a new table, a new column at the end), so an older spanbook can go on writing; each runs in one
transaction that reads the version again under the write lock, so several processes may open an old file at once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Final

APPLICATION_ID: Final = 0x53504E42  # "SPNB"

#: Narrow columns of ``spans`` behind id, in table order. Names are those of ``model.Span``.
SPAN_COLUMNS: Final = (
    "trace_id",
    "span_id",
    "parent_id",
    "name",
    "kind",
    "status",
    "level",
    "start_ns",
    "end_ns",
    "first_token_ns",
    "model",
    "provider",
    "response_id",
    "finish_reason",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "audio_input_tokens",
    "audio_output_tokens",
    "cost_usd",
    "input_cost_usd",
    "output_cost_usd",
    "cost_source",
    "error_type",
    "user_id",
    "session_id",
    "tags",
    "environment",
    "release",
    "feature",
    "region",
    "prompt_name",
    "prompt_version",
    "notebook",
    "cell_id",
    "execution_count",
    "cell_hash",
    "git_commit",
    "process_id",
    "counted",
)
PAYLOAD_COLUMNS: Final = (
    "input",
    "output",
    "error",
    "metadata",
    "model_parameters",
    "tools",
    "attributes",
    "links",
)
TRACE_COLUMNS: Final = (
    "trace_id",
    "name",
    "root_span_id",
    "status",
    "start_ns",
    "end_ns",
    "n_spans",
    "n_open",
    "n_errors",
    "n_llm",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "reasoning_tokens",
    "cost_usd",
    "user_id",
    "session_id",
    "tags",
    "metadata",
    "environment",
    "release",
    "feature",
    "region",
    "notebook",
    "cell_id",
    "execution_count",
    "cell_hash",
    "git_commit",
    "process_id",
)
#: When a trace ended, as SQL on alias ``{0}``: while a span runs, its row holds the last end so far.
TRACE_END: Final = "CASE WHEN {0}.n_open = 0 THEN {0}.end_ns END"
#: The columns of ``traces`` as they are read, on alias ``t``.
READ_TRACE: Final = ", ".join(
    f"{TRACE_END.format('t')} AS end_ns" if name == "end_ns" else f"t.{name}" for name in TRACE_COLUMNS
)
SCORE_COLUMNS: Final = (
    "score_id",
    "trace_id",
    "span_id",
    "session_id",
    "name",
    "value",
    "value_type",
    "source",
    "comment",
    "evaluator",
    "author",
    "created_ns",
)

_FIRST = (
    """CREATE TABLE spans(
  id INTEGER PRIMARY KEY,
  trace_id TEXT NOT NULL, span_id TEXT NOT NULL, parent_id TEXT,
  name TEXT NOT NULL, kind TEXT NOT NULL, status TEXT NOT NULL, level TEXT,
  start_ns INTEGER NOT NULL, end_ns INTEGER, first_token_ns INTEGER,
  model TEXT, provider TEXT, response_id TEXT, finish_reason TEXT,
  input_tokens INTEGER, output_tokens INTEGER, cache_read_tokens INTEGER, cache_write_tokens INTEGER,
  reasoning_tokens INTEGER, audio_input_tokens INTEGER, audio_output_tokens INTEGER,
  cost_usd REAL, input_cost_usd REAL, output_cost_usd REAL, cost_source TEXT,
  error_type TEXT, user_id TEXT, session_id TEXT, tags TEXT,
  environment TEXT, release TEXT, feature TEXT, region TEXT, prompt_name TEXT, prompt_version TEXT,
  notebook TEXT, cell_id TEXT, execution_count INTEGER, cell_hash TEXT, git_commit TEXT, process_id INTEGER,
  counted INTEGER NOT NULL DEFAULT 1
) STRICT""",
    "CREATE UNIQUE INDEX spans_by_id ON spans(trace_id, span_id)",
    """CREATE TABLE payloads(
  span INTEGER PRIMARY KEY, input ANY, output ANY, error ANY, metadata ANY, model_parameters ANY, tools ANY,
  attributes ANY, links ANY
) STRICT""",
    """CREATE TABLE blobs(
  id INTEGER PRIMARY KEY, digest BLOB NOT NULL, codec INTEGER NOT NULL, size INTEGER NOT NULL, mime_type TEXT,
  body BLOB NOT NULL
) STRICT""",
    "CREATE INDEX blobs_media ON blobs(digest) WHERE mime_type IS NOT NULL",
    """CREATE TABLE traces(
  id INTEGER PRIMARY KEY, trace_id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, root_span_id TEXT, status TEXT NOT NULL,
  start_ns INTEGER NOT NULL, end_ns INTEGER,
  n_spans INTEGER NOT NULL, n_open INTEGER NOT NULL, n_errors INTEGER NOT NULL, n_llm INTEGER NOT NULL,
  input_tokens INTEGER, output_tokens INTEGER, cache_read_tokens INTEGER, reasoning_tokens INTEGER, cost_usd REAL,
  user_id TEXT, session_id TEXT, tags TEXT, metadata TEXT,
  environment TEXT, release TEXT, feature TEXT, region TEXT,
  notebook TEXT, cell_id TEXT, execution_count INTEGER, cell_hash TEXT, git_commit TEXT, process_id INTEGER
) STRICT""",
    "CREATE INDEX traces_by_start ON traces(start_ns)",
    "CREATE INDEX traces_by_user ON traces(user_id, start_ns) WHERE user_id IS NOT NULL",
    "CREATE INDEX traces_by_session ON traces(session_id, start_ns) WHERE session_id IS NOT NULL",
    "CREATE INDEX traces_with_errors ON traces(start_ns) WHERE n_errors > 0",
    """CREATE TABLE events(
  id INTEGER PRIMARY KEY, event_id TEXT NOT NULL UNIQUE, trace_id TEXT NOT NULL, span_id TEXT NOT NULL,
  time_ns INTEGER NOT NULL, name TEXT NOT NULL, data ANY
) STRICT""",
    "CREATE INDEX events_by_span ON events(trace_id, span_id)",
    """CREATE TABLE scores(
  id INTEGER PRIMARY KEY, score_id TEXT NOT NULL UNIQUE, trace_id TEXT, span_id TEXT, session_id TEXT,
  name TEXT NOT NULL, value ANY NOT NULL, value_type TEXT NOT NULL, source TEXT NOT NULL,
  comment TEXT, evaluator TEXT, author TEXT, created_ns INTEGER NOT NULL
) STRICT""",
    "CREATE INDEX scores_by_trace ON scores(trace_id, name)",
    "CREATE INDEX scores_by_session ON scores(session_id) WHERE session_id IS NOT NULL",
    # What short blobs (codec 3) are compressed with; each has a copy among the media blobs.
    """CREATE TABLE dictionaries(
  id INTEGER PRIMARY KEY, dictionary_id INTEGER NOT NULL UNIQUE, body BLOB NOT NULL
) STRICT""",
    # How far each journal is folded: written in the transaction that holds the rows, so nothing doubles.
    "CREATE TABLE journals(journal_id TEXT PRIMARY KEY, segment INTEGER NOT NULL, offset INTEGER NOT NULL) STRICT",
    # Spans that had not ended at the last fold of their journal; a dead journal's become "interrupted".
    "CREATE TABLE open_spans(span INTEGER PRIMARY KEY, journal_id TEXT NOT NULL) STRICT",
    # Tells this store from another that took its place: numbers of files are used again.
    "CREATE TABLE store(id TEXT PRIMARY KEY) STRICT",
    "INSERT INTO store VALUES (lower(hex(randomblob(16))))",
)


def _create(db: sqlite3.Connection) -> None:
    """1: everything the first release has."""
    for statement in _FIRST:
        db.execute(statement)


MIGRATIONS: Final[tuple[Callable[[sqlite3.Connection], None], ...]] = (_create,)
VERSION: Final = len(MIGRATIONS)


def migrate(db: sqlite3.Connection) -> None:
    """Bring the schema up to ``VERSION``; safe when several processes do it at once.

    The connection must be in autocommit mode (``isolation_level=None``). Raises ``sqlite3.Error``.
    """
    if version_of(db) >= VERSION:
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        for number in range(version_of(db) + 1, VERSION + 1):
            MIGRATIONS[number - 1](db)
        db.execute(f"PRAGMA user_version = {VERSION}")
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise


def id_of(db: sqlite3.Connection) -> str | None:
    """Return what tells a store from all others; None for one that was made before there was an id."""
    if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'store'").fetchone() is None:
        return None
    found = db.execute("SELECT id FROM store").fetchone()
    return None if found is None else str(found[0])


def version_of(db: sqlite3.Connection) -> int:
    """Return the schema version in the file, 0 for a file without one."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


_PAYLOADS = ", ".join(f"sb_json(p.{name}) AS {name}" for name in PAYLOAD_COLUMNS)
#: Views with payloads as JSON text, made on each connection: the file itself stays free of our functions.
VIEWS: Final = (
    f"""CREATE TEMP VIEW IF NOT EXISTS span_view AS SELECT s.*, (s.end_ns - s.start_ns) / 1e6 AS duration_ms,
 (s.first_token_ns - s.start_ns) / 1e6 AS time_to_first_token_ms, {_PAYLOADS}
 FROM main.spans s LEFT JOIN main.payloads p ON p.span = s.id""",
    f"""CREATE TEMP VIEW IF NOT EXISTS trace_view AS SELECT t.id, {READ_TRACE},
 ({TRACE_END.format("t")} - t.start_ns) / 1e6 AS duration_ms,
 sb_json(p.input) AS input, sb_json(p.output) AS output
 FROM main.traces t LEFT JOIN main.spans s ON s.trace_id = t.trace_id AND s.span_id = t.root_span_id
 LEFT JOIN main.payloads p ON p.span = s.id""",
)
