"""What the trace table takes of 100,000 traces and 1,000,000 spans, CPU: a window, an order, a filter, facets.

Budgets are those of reading traces (design: an indexed filter at most 5 ms, any other column of traces at most 50 ms).
Against them stands what nobody can avoid, reading that column or those spans once with sqlite3 alone.
"""

from __future__ import annotations

import contextlib
import random
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from ._table import Row, table

TRACES: Final = 100_000
SPANS_OF_ONE: Final = 10
_SECOND: Final = 1_000_000_000
_START: Final = 1_790_000_000 * _SECOND
_COLUMN: Final = "SELECT id, cost_usd FROM traces"
#: Name, budget in ms, whether it looks at spans, what is set.
_INTERACTIONS: Final[tuple[tuple[str, float | None, bool, dict[str, Any]], ...]] = (
    ("all traces", 50.0, False, {}),
    ("sorted by cost", 50.0, False, {"sort": "-cost_usd"}),
    ("sorted by tokens", 50.0, False, {"sort": "-total_tokens"}),
    ("sorted by name", 50.0, False, {"sort": "name"}),
    ("filter with an index", 5.0, False, {"filter": 'user_id == "user 7"'}),
    ("filter of another column", 50.0, False, {"filter": "cost_usd > 0.019"}),
    ("filter of spans, many match", None, True, {"filter": 'any(s.model == "model-1" for s in spans)'}),
    ("filter of spans, few match", None, True, {"filter": 'any(s.error_type == "TimeoutError" for s in spans)'}),
    ("filter of spans, none matches", None, True, {"filter": 'any(s.error_type == "KeyError" for s in spans)'}),
)
_MAKE_SPANS: Final = f"""INSERT INTO spans(
  trace_id, span_id, parent_id, name, kind, status, start_ns, end_ns, model, provider, input_tokens, output_tokens,
  error_type, user_id, session_id, environment, notebook, cell_id
)
SELECT t.trace_id, printf('%016x', t.id * {SPANS_OF_ONE} + n.value), iif(n.value, t.root_span_id, NULL),
  'step ' || n.value, iif(n.value % 3 = 1, 'llm', 'chain'), iif(t.n_errors AND n.value = 9, 'error', 'ok'),
  t.start_ns + n.value, t.end_ns, iif(n.value % 3 = 1, 'model-' || (t.id % 5), NULL),
  iif(n.value % 3 = 1, 'openai', NULL), iif(n.value % 3 = 1, 900, NULL), iif(n.value % 3 = 1, 90, NULL),
  iif(t.n_errors AND n.value = 9, 'TimeoutError', NULL), t.user_id, t.session_id, t.environment, t.notebook, t.cell_id
FROM traces t CROSS JOIN json_each('{[*range(SPANS_OF_ONE)]}') n"""  # noqa: S608 (numbers of our own)
_SPANS: Final = "SELECT count(*) FROM spans WHERE error_type = 'TimeoutError'"


def run(folder: Path, traces: int = TRACES) -> list[Row]:
    """Return the rows of the trace table; makes a store in ``folder``."""
    path = folder / "traces.db"
    make_store(path, traces)
    return measure(path)


def measure(path: Path) -> list[Row]:
    """Return the rows of the trace table over a store that is there."""
    from spanbook.frames import listed_frame
    from spanbook.store._read import StoreReader
    from spanbook.widgets import TraceTable

    with contextlib.closing(sqlite3.connect(path)) as plain:
        column = _best(lambda: plain.execute(_COLUMN).fetchall())
        spans = _best(lambda: plain.execute(_SPANS).fetchall())
    widget = TraceTable(StoreReader(path), None, (None, None), None, frame=listed_frame)
    rows = []
    for name, budget, is_of_spans, given in _INTERACTIONS:
        figure = min(_first_window_ms(widget, given) for _ in range(5))
        base, against = (spans, "looking at all spans") if is_of_spans else (column, "reading one column")
        rows.append(Row(f"table, {name}", figure, "ms", budget, base / figure, None, against))
    widget._set(filter=None, sort="-cost_usd")
    start = time.process_time()
    widget._answer("rest", {})
    rest = 1000 * (time.process_time() - start)
    rows.append(
        Row("table, all others in order, behind it", rest, "ms", None, column / rest, None, "reading one column")
    )
    rows.append(Row("table, window at any place", _best(lambda: _look(widget, 9 * len(widget) // 10)), "ms", 5.0))
    start = time.process_time()
    counted = widget._answer("facets", {})[0]["n_counted"]
    each = 1e6 * (time.process_time() - start) / counted
    rows.append(Row(f"table, facets of {counted:,} traces, each", each, "µs"))
    widget.close()
    return rows


def _first_window_ms(widget: Any, given: dict[str, Any]) -> float:
    """Return what it takes from a click to the rows that are seen first."""
    widget._set(filter=None, sort="-start", limit=100)  # from the same state each time
    start = time.process_time()
    widget._set(**{"limit": None, **given})
    _look(widget, 0)
    return 1000 * (time.process_time() - start)


def _look(widget: Any, at: int) -> None:
    widget._answer("window", {"offset": at, "limit": 100})


def _best(work: Callable[[], object], times: int = 5) -> float:
    taken = []
    for _ in range(times):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return 1000 * min(taken)


def make_store(path: Path, traces: int) -> None:
    """Write traces of ten spans each as the fold leaves them, payloads left out: the table never reads them."""
    from spanbook.store._connection import create_if_missing, open_writer
    from spanbook.store._schema import TRACE_COLUMNS

    create_if_missing(path)
    pick = random.Random(1)
    insert = f"INSERT INTO traces VALUES (NULL, {', '.join(f':{name}' for name in TRACE_COLUMNS)})"  # noqa: S608 (names of our own)
    with contextlib.closing(open_writer(path)) as db:
        db.execute("BEGIN")
        db.executemany(insert, (_trace(at, pick) for at in range(traces)))
        db.execute(_MAKE_SPANS)
        db.execute("COMMIT")


def _trace(at: int, pick: random.Random) -> dict[str, Any]:
    from spanbook.store._schema import TRACE_COLUMNS

    start = _START + at * 60 * _SECOND
    return {
        **dict.fromkeys(TRACE_COLUMNS),
        "trace_id": f"{at:032x}", "name": f"ask {at % 997}", "root_span_id": f"{(at + 1) * SPANS_OF_ONE:016x}",
        "status": "ok", "start_ns": start, "end_ns": start + pick.randrange(30 * _SECOND), "n_spans": SPANS_OF_ONE,
        "n_open": 0, "n_errors": int(at % 50 == 0), "n_llm": 3, "input_tokens": pick.randrange(9000),
        "output_tokens": pick.randrange(900), "cost_usd": pick.random() / 50, "user_id": f"user {at % 400}",
        "session_id": f"session {at // 5}", "tags": '["beta"]' if at % 3 == 0 else None, "environment": "production",
        "notebook": "assistant.ipynb", "cell_id": f"cell-{at % 40}", "execution_count": at % 200,
    }  # fmt: skip


def main() -> None:
    """Print the table of this part alone."""
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="spanbook-bench-") as folder:
        print(table(run(Path(folder))))


if __name__ == "__main__":
    main()
