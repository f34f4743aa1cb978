"""The trace table: what ``sb.traces(…)`` and ``%traces`` show. It works from Python alone, and a page follows it."""

from __future__ import annotations

import os
import time
from array import array
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import traitlets

from ..model import FilterError, UsageError, clock
from ..model.given import limit_of
from ..store._columns import select
from ..store._listing import counts, matching, ordered_ids, rows_of, totals, trace_ids_of
from ..store._read import StoreReader
from ..store._tree import trace_rows
from . import _display
from ._base import SETTLED_S, SpanbookWidget, esm
from ._csv import write_csv
from ._facets import facets, term_of, toggled
from ._facts import MAX_NAME, MAX_TRACES, chip_facts, shortened, trace_facts
from ._live import Change
from ._opened import OpenComparison, OpenTraces
from ._requests import Answer
from ._rpc_files import asset
from ._rpc_find import complete, problem
from ._snapshot import chip_html, chip_text
from ._table_given import COLUMNS, columns_of, filter_of, pair_of, sort_of, texts_of, whole
from ._table_html import export_traces_html

if TYPE_CHECKING:
    import pandas as pd

MakeFrame: TypeAlias = "Callable[[StoreReader, Sequence[str]], pd.DataFrame]"

FIRST_COLUMNS: Final = (
    "name", "start", "duration_ms", "total_tokens", "cost_usd", "n_spans", "n_errors", "user_id", "session_id", "tags",
)  # fmt: skip

#: Traces whose order is kept; a filter finds the others.
_MOST: Final = 200_000
_MOST_ROWS: Final = 200  # of one window
_MOST_PICKED: Final = 10_000  # by one click
_MOST_WRITTEN: Final = 10_000  # into one HTML file
#: Traces that are put in order before the others.
_FIRST: Final = 200
#: Seconds after which facets are those of the traces counted so far.
_COUNT_S: Final = 0.3


class TraceTable(SpanbookWidget):
    """A table of traces: filter, sort, columns and selection can be read and set here, and the page follows.

    ``filter`` is the text that ``sb.traces`` takes; ``selected`` a list of trace ids. Its traits are read by
    js/src/widgets/table.tsx.
    """

    _esm = esm("table.js")
    _head = traitlets.Dict().tag(sync=True)  # Python → page: filter, sort, columns, how many
    _selected: Any = traitlets.List().tag(sync=True)  # Python → page: trace ids
    _view = traitlets.Dict().tag(sync=True)  # both ways: which trace is open, how its explorer was left

    def __init__(
        self,
        reader: StoreReader,
        where: str | None = None,
        window: tuple[int | None, int | None] = (None, None),
        limit: int | None = 100,
        *,
        frame: MakeFrame,
    ) -> None:
        """Make the table.

        Args:
            reader: Of the store.
            where: A filter on traces; None for all.
            window: Only traces that started at or after the first and before the second moment, nanoseconds.
            limit: At most so many, the newest; None for all.
            frame: Returns the DataFrame of traces by their ids.

        Raises:
            FilterError: the filter cannot be understood.
            StoreError: the store cannot be read.
        """
        self._window, self._make_frame = window, frame
        self._where, self._limit = filter_of(where), limit
        self._sort, self._columns = "-start", list(FIRST_COLUMNS)
        self._chosen = select("traces", self._where, window, limit)
        self._ids: array[int] = array("q")
        self._is_partial = False
        self._known: frozenset[int] | None = None  # the same as a set; None until it is needed
        self._new: set[str] = set()
        self._rev = 0
        self._changed_at: float | None = None
        self._open_traces, self._open_comparison = OpenTraces(reader), OpenComparison(reader)
        super().__init__(reader)

    def _read_first(self) -> dict[str, Any]:
        self._read()
        return {"_head": self._facts()}

    def _read(self) -> None:
        """Read the first of the traces; the rest is read when it is needed, which the page does next."""
        self._ids = self._order(_FIRST)
        self._is_partial, self._known, self._rev = len(self._ids) == _FIRST, None, self._rev + 1
        self._new.clear()

    def _read_rest(self) -> None:
        if not self._is_partial:
            return
        first, self._ids = self._ids, self._order(_MOST)
        self._is_partial = False
        if self._ids[:_FIRST] != first:  # traces were written in between
            self._rev += 1

    def _order(self, most: int) -> array[int]:
        name, falling = self._sort.removeprefix("-"), self._sort.startswith("-")
        return ordered_ids(self._reader, self._chosen, name, falling=falling, most=most)

    def _is_shown(self, row: int) -> bool:
        if self._known is None:
            self._read_rest()
            self._known = frozenset(self._ids)
        return row in self._known

    def _facts(self) -> dict[str, Any]:
        return {
            "rev": self._rev,
            "n": len(self._ids),
            "is_partial": self._is_partial,
            "is_cut": len(self._ids) == _MOST,
            "filter": self._where or "",
            "sort": self._sort,
            "columns": self._columns,
            "all_columns": COLUMNS,
            "limit": self._limit,
            "n_new": len(self._new),
            "snap": self._snapshot.uid,
        }

    # -- what can be read and set

    @property
    def filter(self) -> str | None:
        """The filter, as ``sb.traces`` takes it; None shows all.

        Setting it raises FilterError when it cannot be understood, and then nothing changes.
        """
        return self._where

    @filter.setter
    def filter(self, where: str | None) -> None:
        self._set(filter=where)

    @property
    def sort(self) -> str:
        """The column it is sorted by, ``"-"`` in front for the largest first: ``"-cost_usd"``."""
        return self._sort

    @sort.setter
    def sort(self, sort: str) -> None:
        self._set(sort=sort)

    @property
    def columns(self) -> list[str]:
        """The columns shown, in order, by the names that filters use."""
        return list(self._columns)

    @columns.setter
    def columns(self, columns: Sequence[str]) -> None:
        self._set(columns=columns)

    @property
    def limit(self) -> int | None:
        """At most so many traces, the newest; None for all."""
        return self._limit

    @limit.setter
    def limit(self, limit: int | None) -> None:
        self._set(limit=limit)

    @property
    def selected(self) -> list[str]:
        """The ids of the traces selected, in the order they were."""
        return list(self._selected)

    @selected.setter
    def selected(self, trace_ids: Iterable[str]) -> None:
        wanted = texts_of("selected", trace_ids, "a list of trace ids, such as [trace.trace_id]")
        found = trace_rows(self._reader, wanted)
        for trace_id in wanted:
            if trace_id not in found:
                raise self._reader.no_such_trace(trace_id)
        with self._lock:
            self.send_traits(_selected=wanted)

    @property
    def selected_df(self) -> pd.DataFrame:
        """The traces selected, the columns of ``sb.traces_df``."""
        return self._frame(self._selected)

    @property
    def trace_ids(self) -> list[str]:
        """The ids of the traces shown, in order."""
        with self._lock:
            self._read_rest()
            return trace_ids_of(self._reader, self._ids)

    def __len__(self) -> int:
        with self._lock:
            self._read_rest()
            return len(self._ids)

    def refresh(self) -> None:
        """Read the traces anew: those written since appear."""
        with self._lock:
            self._read()
            self._tell()

    def to_frame(self) -> pd.DataFrame:
        """Return the traces shown in their order, the columns of ``sb.traces_df``."""
        return self._frame(self.trace_ids)

    def to_csv(self, path: str | os.PathLike[str]) -> Path:
        """Write the traces shown, with the columns shown, and return the path.

        A text that a spreadsheet would take for a formula gets an apostrophe in front; numbers stay numbers.

        Raises:
            UsageError: the path is a folder or cannot be written.
        """
        with self._lock:
            self._read_rest()
            columns, ids = list(self._columns), list(self._ids)
        return write_csv(path, columns, (rows_of(self._reader, ids[at : at + 500]) for at in range(0, len(ids), 500)))

    def export_html(self, path: str | os.PathLike[str], *, traces: int = 200) -> Path:
        """Write the table as it is shown into one self-contained HTML file, which opens from disk with no network.

        Args:
            path: Of the file.
            traces: So many traces, from the first, can be opened in it; the others are rows only.

        Returns:
            The path. The file holds at most 10,000 rows, and of the traces what one of 64 MB of text has room for;
            what is left out is said in it.

        Raises:
            UsageError: the path is a folder or cannot be written, or ``traces`` is no number.
        """
        if not isinstance(traces, int) or isinstance(traces, bool) or traces < 0:
            raise UsageError(f"traces={traces!r} is no number of traces; give a whole number, 0 or more.")
        with self._lock:
            self._read_rest()
            head, ids = self._facts(), self._ids[:_MOST_WRITTEN]
        rows = rows_of(self._reader, ids)
        return export_traces_html(
            self._reader, path, head=head, page_rows=[page_row(row) for row in rows], rows=rows, most_opened=traces
        )

    def _frame(self, trace_ids: Sequence[str]) -> pd.DataFrame:
        return self._make_frame(self._reader, trace_ids)

    def _set(self, **given: Any) -> None:
        """Check all that is given, then take all of it in.

        Raises:
            FilterError: the filter cannot be understood.
            UsageError: there is no such column, or no such limit.
        """
        with self._lock:
            where = filter_of(given["filter"]) if "filter" in given else self._where
            limit = limit_of(given["limit"]) if "limit" in given else self._limit
            sort = sort_of(given["sort"]) if "sort" in given else self._sort
            columns = columns_of(given["columns"]) if "columns" in given else self._columns
            chosen = select("traces", where, self._window, limit)
            before = (self._where, self._limit, self._sort, self._chosen)
            self._where, self._limit, self._sort, self._chosen = where, limit, sort, chosen
            try:
                if before[:3] != (where, limit, sort):
                    self._read()
            except BaseException:
                self._where, self._limit, self._sort, self._chosen = before
                raise
            self._columns = columns
            self._tell()

    def _tell(self) -> None:
        self._changed_at = time.monotonic()
        self.send_traits(_head=self._facts())

    # -- the page

    def _answer(self, method: Any, params: Any) -> Answer:
        given = params if isinstance(params, dict) else {}
        if method == "asset":
            return asset(given.get("name"))
        trace_id = given.get("trace")
        if isinstance(trace_id, str):
            return self._open_traces.answer(self._lock, trace_id, method, given)
        if "compare" in given:
            return self._open_comparison.answer(pair_of(given["compare"]), method, given)
        answers: dict[str, Callable[[dict[str, Any]], dict[str, Any] | None]] = {
            "window": self._window_rows,
            "rest": self._rest,
            "set": self._set_by_page,
            "toggle": self._toggle,
            "complete": self._complete,
            "facets": self._facets,
            "session": self._show_session,
            "pick": self._pick,
            "pair": self._pair,
            "clear": self._clear_selection,
            "refresh": self._refresh_by_page,
        }
        if method not in answers:
            raise LookupError(f"the trace table answers no request {method!r}; it answers {', '.join(answers)}.")
        return answers[method](given) or {}, []

    def _window_rows(self, given: dict[str, Any]) -> dict[str, Any]:
        start, most = whole(given.get("offset")), min(whole(given.get("limit")), _MOST_ROWS)
        with self._lock:
            if start + most > len(self._ids):
                self._read_rest()
            rev, ids = self._rev, self._ids[start : start + most]
        return {"rev": rev, "offset": start, "rows": [page_row(row) for row in rows_of(self._reader, ids)]}

    def _rest(self, given: dict[str, Any]) -> None:
        """Put all in order; the page is told how many they are."""
        with self._lock:
            self._read_rest()
            self.send_traits(_head=self._facts())

    def _set_by_page(self, given: dict[str, Any]) -> dict[str, Any] | None:
        try:
            self._set(**{name: given[name] for name in ("filter", "sort", "columns", "limit") if name in given})
        except FilterError as error:  # with its place, so that the page can mark it
            return {"error": {**problem(str(given.get("filter")), error), "unfinished": False}}
        return None

    def _toggle(self, given: dict[str, Any]) -> dict[str, Any] | None:
        """Narrow or widen the filter as it is now; the page's facets may still be those of the one before."""
        with self._lock:
            return self._set_by_page({"filter": toggled(self._where, str(given.get("term")))})

    def _complete(self, given: dict[str, Any]) -> dict[str, Any]:
        return complete(self._reader, given.get("query"), given.get("at"), None, on="traces")

    def _refresh_by_page(self, given: dict[str, Any]) -> None:
        self.refresh()

    def _clear_selection(self, given: dict[str, Any]) -> None:
        self.selected = []

    def _facets(self, given: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            self._read_rest()
            ids, where = self._ids, self._where
        counted, found = counts(self._reader, ids, 10, None if given.get("all") is True else _COUNT_S)
        return {"n_counted": counted, "facets": facets(found, where)}

    def _show_session(self, given: dict[str, Any]) -> None:
        row = trace_rows(self._reader, [str(given.get("of"))]).get(str(given.get("of")), {})
        if row.get("session_id") is None:
            raise LookupError(f"trace {given.get('of')!r} belongs to no session; give a trace that does.")
        self._set(filter=term_of("session_id", row["session_id"]), sort="start", limit=None)

    def _pick(self, given: dict[str, Any]) -> None:
        """Select or leave the rows ``from`` one place ``to`` another; to the last when that is None."""
        with self._lock:
            if given.get("rev") != self._rev:
                raise LookupError("the table has changed since; select again.")
            self._read_rest()
            to = max(0, len(self._ids) - 1) if given.get("to") is None else whole(given["to"])
            first, last = sorted((whole(given.get("from")), to))
            if last - first >= _MOST_PICKED:
                raise LookupError(f"{last - first + 1:,} traces are too many to select at once; filter, or select "
                                  f"at most {_MOST_PICKED:,}.")  # fmt: skip
            ids = trace_ids_of(self._reader, self._ids[first : last + 1])
            chosen = dict.fromkeys(self._selected)
            for trace_id in ids:
                if given.get("on"):
                    chosen[trace_id] = None
                else:
                    chosen.pop(trace_id, None)
            self.send_traits(_selected=list(chosen))

    def _pair(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return the two traces selected in the order to compare them, the earlier one first."""
        rows = trace_rows(self._reader, self._selected)
        return {"pair": sorted(pair_of(self._selected), key=lambda each: rows.get(each, {}).get("start_ns", 0))}

    def _take(self, changes: dict[str, Change]) -> int:
        sent = 0
        shown = {trace_id: change.trace for trace_id, change in changes.items() if change.trace is not None}
        matched = matching(self._reader, self._chosen, shown)
        rows = [page_row(shown[trace_id]) for trace_id, row in matched.items() if self._is_shown(row)]
        new = {trace_id for trace_id, row in matched.items() if not self._is_shown(row)}
        if rows or new - self._new:
            self._new |= new
            self._changed_at = time.monotonic()
            self._trait_values["_head"] = self._facts()
            self.send({"kind": "traces", "rows": rows, "n_new": len(self._new)})
            sent += 1
        for trace_id, change in changes.items():
            sent += self.send_all(self._open_traces.take(trace_id, change))
        return sent

    def _tick(self, *, later: bool) -> tuple[int, bool]:
        sent = self.send_all(self._open_traces.streamed(self._view.get("selected")))
        is_open = self._open_traces.is_any_running
        if self._changed_at is None:
            return sent, is_open
        if later and time.monotonic() - self._changed_at < SETTLED_S:
            return sent, True
        self._changed_at = None
        _display.renew_snapshot(self)
        return sent + 1, is_open

    # -- as text

    def _summary(self) -> dict[str, Any]:
        with self._lock:
            rows = rows_of(self._reader, self._ids[:MAX_TRACES])
            facts = chip_facts(rows, len(self._ids), running=False, dropped=0, now_ns=clock.now_ns())
            return {**facts, **totals(self._reader, self._chosen), "duration_ms": None, "bars": []}

    def _html(self, uid: str | None) -> str:
        return chip_html(self._reader, self._summary(), uid=uid)

    def __str__(self) -> str:
        return chip_text(self._summary())

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self):,} trace{'' if len(self) == 1 else 's'}>"


def page_row(trace: dict[str, Any]) -> dict[str, Any]:
    """Return a trace as the page takes it (``Row`` in js/src/core/traces.ts): long texts cut, numbers as they are."""
    facts = trace_facts(trace, 0)
    texts = {
        name: None if trace[name] is None else shortened(trace[name], MAX_NAME)
        for name in ("name", "user_id", "session_id", "environment", "release", "feature", "region", "notebook",
                     "cell_id")
    }  # fmt: skip
    numbers = {name: trace[name] for name in ("input_tokens", "output_tokens", "cost_usd", "n_spans", "n_llm",
                                              "n_errors", "execution_count")}  # fmt: skip
    return {
        **texts,
        **numbers,
        "trace_id": trace["trace_id"],
        "status": trace["status"],
        "start": facts["start_ms"],
        "duration_ms": facts["duration_ms"],
        "total_tokens": facts["input_tokens"] + facts["output_tokens"] or None,
        "tags": [shortened(str(tag), MAX_NAME) for tag in facts["tags"][:20]],
    }
