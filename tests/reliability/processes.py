"""What tests of whole processes read back: each span once, totals right, nothing left behind."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from spanbook.api._recover import fold_dead_journals
from tests.tracing import journals, rows

Row = tuple[Any, ...]

#: A program that traces one span; what it does then is put behind it.
BODY = """
import spanbook as sb
with sb.span("before"):
    pass
"""

#: Totals of a trace as its spans say them; what the row in ``traces`` says must be equal.
_WRONG_TOTALS = """
SELECT t.trace_id FROM traces t JOIN (
  SELECT trace_id, count(*) AS n_spans, sum(status = 'open') AS n_open, sum(status = 'error') AS n_errors,
         sum(kind = 'llm' AND counted) AS n_llm,
         sum(CASE WHEN kind IN ('llm', 'embedding') AND counted THEN input_tokens END) AS tokens
  FROM spans GROUP BY trace_id) s USING (trace_id)
WHERE (t.n_spans, t.n_open, t.n_errors, t.n_llm, coalesce(t.input_tokens, 0))
   IS NOT (s.n_spans, s.n_open, s.n_errors, s.n_llm, coalesce(s.tokens, 0))
"""


def check(store: Path) -> None:
    """The file is whole, each span is there once, and the totals of traces are those of their spans."""
    assert rows(store, "PRAGMA integrity_check") == [("ok",)]
    assert rows(store, "SELECT span_id FROM spans GROUP BY trace_id, span_id HAVING count(*) > 1") == []
    assert rows(store, _WRONG_TOTALS) == []
    assert rows(store, "SELECT trace_id FROM spans EXCEPT SELECT trace_id FROM traces") == []
    assert rows(store, "SELECT trace_id FROM traces EXCEPT SELECT trace_id FROM spans") == []
    assert rows(store, "SELECT span FROM open_spans EXCEPT SELECT id FROM spans WHERE status = 'open'") == []
    assert rows(store, "SELECT span FROM payloads EXCEPT SELECT id FROM spans") == []


def stored(folder: Path, columns: str = "name, status") -> list[Row]:
    """Spans in order of start, after what dead processes left was brought in and everything was checked."""
    assert fold_dead_journals(folder / "store.db") is None
    assert journals(folder) == []
    check(folder / "store.db")
    return rows(folder / "store.db", f"SELECT {columns} FROM spans ORDER BY start_ns, id")  # noqa: S608 (our own)


def parents(folder: Path) -> dict[str, str | None]:
    """Name of each span → name of its parent; each name once."""
    found = stored(folder, "span_id, parent_id, name")
    names = {span_id: name for span_id, _, name in found}
    assert len(set(names.values())) == len(found), Counter(name for *_, name in found)
    return {name: names.get(parent) for _, parent, name in found}
