"""What each command does. Every function takes the parsed arguments and returns the exit code."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import spanbook as sb

from ..api._runtime import store_path
from ._output import csv_lines, data_output, json_line, printable, table, whole_file, width

if TYPE_CHECKING:
    from ..api._store import Store
    from ..api._trace import Trace

_ALL: Final = 1 << 62  # traces; the store counts with 64 bits


def open_store(path: str | None) -> Store:
    """Open the store for reading, with what killed processes left behind in it.

    Raises:
        StoreError: there is none, or it cannot be read.
    """
    from ..api._recover import fold_dead_journals

    where = store_path(path)
    problem = fold_dead_journals(where)
    if problem is not None:
        print(f"spanbook: what a killed process left could not be read in: {problem}", file=sys.stderr)
    return sb.open(where)


# -- ls, show


def ls(given: Namespace) -> int:
    """List traces."""
    from ..frames import trace_record

    traces = open_store(given.store).traces(given.where, since=given.since, until=given.until, limit=given.limit)
    summaries = [trace.summary for trace in traces]
    if given.json:
        _print_all(json_line(trace_record(summary)) + "\n" for summary in summaries)
        return 0
    print(traces.to_text(width=width(200)))
    if len(summaries) == given.limit:
        print(f"the newest {given.limit}; --limit N shows more", file=sys.stderr)
    return 0


def show(given: Namespace) -> int:
    """Print one trace."""
    from ..api._export import trace_json

    trace = find(open_store(given.store), given.trace_id)
    if given.json:
        _print_all([json_line(trace_json(trace)) + "\n"])
        return 0
    print(heading(trace))
    print(trace.to_text(width=width()))
    return 0


def find(store: Store, trace_id: str) -> Trace:
    """Return the trace with this id, or the one that started last."""
    return store.last_trace() if trace_id == "last" else store.get_trace(trace_id)


def heading(trace: Trace) -> str:
    """Return a line about a trace: its id, when it started, whose it is, where it came from."""
    summary = trace.summary
    started = datetime.fromtimestamp(summary.start_ns // 10**9, UTC)
    facts = [f"trace {summary.trace_id}", f"{started:%Y-%m-%d %H:%M:%S} UTC"]
    said = {"user": summary.user_id, "session": summary.session_id, "in": summary.provenance.notebook}
    facts += [f"{name} {printable(value)}" for name, value in said.items() if value]
    if summary.tags:
        facts.append(f"tags {printable(', '.join(map(str, summary.tags)))}")
    return "  ".join(facts)


# -- export


def export(given: Namespace) -> int:
    """Write traces to a file or to standard output."""
    from ..api import _export

    _check_choice(given)
    store = open_store(given.store)
    if given.form == "plain":
        return _export_plain(store, given)
    traces = _chosen(store, given)
    if given.form == "html":
        return _export_pages(traces, given)
    chunks = _export.otlp_chunks(traces) if given.form == "otlp" else _export.jsonl_chunks(traces)
    with ExitStack() as stack:
        is_file = given.output not in (None, "-")
        out = stack.enter_context(whole_file(Path(given.output))) if is_file else data_output()
        for chunk in chunks:
            out.write(chunk)
    return 0


def _check_choice(given: Namespace) -> None:
    ways = [name for name, value in (("ids", given.trace_ids), ("--where", given.where), ("--all", given.all)) if value]
    if len(ways) > 1:
        raise sb.UsageError(f"{' and '.join(ways)} say different things; give one of them.")
    has_window = given.since is not None or given.until is not None
    if given.trace_ids and has_window:
        raise sb.UsageError("--since and --until go with --where and --all, not with ids; leave them out.")
    if not ways and not has_window and given.form != "plain":
        raise sb.UsageError("nothing says which traces; give an id, 'last', --where FILTER, --since WHEN or --all.")
    if given.form in ("html", "plain") and given.output in (None, "-"):
        raise sb.UsageError(f"--{given.form} writes files; say where with -o FILE.")


def _chosen(store: Store, given: Namespace) -> Sequence[Trace]:
    if given.trace_ids:
        return [find(store, trace_id) for trace_id in given.trace_ids]
    return store.traces(given.where, since=given.since, until=given.until, limit=_ALL)


def _export_plain(store: Store, given: Namespace) -> int:
    from ..api._export import export_plain

    is_whole = not (given.trace_ids or given.where or given.since or given.until)
    trace_ids = None if is_whole else [trace.trace_id for trace in _chosen(store, given)]
    print(export_plain(store, given.output, trace_ids))
    return 0


def _export_pages(traces: Sequence[Trace], given: Namespace) -> int:
    output = Path(given.output)
    if len(traces) == 1 and not output.is_dir():
        print(traces[0].export_html(output))
        return 0
    if output.exists() and not output.is_dir():
        raise sb.UsageError(f"{len(traces)} traces need a folder, and {given.output!r} is a file; give -o FOLDER.")
    output.mkdir(parents=True, exist_ok=True)
    for trace in traces:
        print(trace.export_html(output / f"{trace.trace_id}.html"))
    return 0


# -- sql, doctor


def sql(given: Namespace) -> int:
    """Run a query and print its rows."""
    query = sys.stdin.read() if given.query == "-" else given.query
    frame = open_store(given.store).sql(query)
    columns = [str(name) for name in frame.columns]
    rows = list(zip(*(_values(frame.iloc[:, n]) for n in range(len(columns))), strict=True))
    if given.csv:
        _print_all(csv_lines(columns, rows))
    elif given.json:
        keys = _distinct(columns)
        _print_all(json_line(dict(zip(keys, row, strict=True))) + "\n" for row in rows)
    else:
        print(table(columns, rows))
    return 0


def _values(column: Any) -> list[Any]:
    """Return the values of a column as plain Python; None where one is missing."""
    missing = column.isna()
    return [None if is_missing else value for value, is_missing in zip(column.tolist(), missing.tolist(), strict=True)]


def _distinct(names: Sequence[str]) -> list[str]:
    """Return names that differ, for a JSON object: the second ``n`` becomes ``n_2``."""
    out: list[str] = []
    for name in names:
        number, new = 2, name
        while new in out:
            new, number = f"{name}_{number}", number + 1
        out.append(new)
    return out


def doctor(given: Namespace) -> int:
    """Say what could be wrong."""
    from ..api._doctor import doctor as look
    from ..api._doctor import doctor_text

    print(doctor_text(look(given.store, deep=given.deep)))
    return 0


def _print_all(chunks: Iterable[str]) -> None:
    out = data_output()
    for chunk in chunks:
        out.write(chunk)
