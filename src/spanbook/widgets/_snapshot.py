"""Views as static HTML and as text: what a saved notebook shows where no widget lives.

The HTML has to be readable after every sanitiser on its way: GitHub keeps no style, class, id or script; JupyterLab
keeps inline styles of notebooks it does not trust. So a line of text carries what matters (a bar of block characters,
the indentation as spaces), styles only make it calmer, nothing depends on a dark or light page, and all text is
escaped.
``mathjax_ignore`` stops JupyterLab from reading ``$40 or $60`` as a formula.
"""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from typing import Any, Final

from ..model import TraceNotFoundError, clock
from ..model.format import format_count, format_duration, format_money
from ..store._read import StoreReader
from ..store._tree import trace_rows
from ._facts import shortened, trace_facts
from ._outline import (
    MAX_INDENT,
    MAX_LINES,
    Line,
    bar,
    duration_text,
    error_line,
    excerpt,
    facts_text,
    outline,
    plural,
    status_mark,
    troubles_text,
)

_BAR: Final = 24
_MAX_ERRORS: Final = 3
#: On a page that is dark or light, nobody knows which: red with some of the page's own text colour is read on both.
_RED: Final = "color:#d1383d;color:color-mix(in srgb,currentColor 40%,#d1383d)"
_MUTED: Final = "opacity:.7"
_ROOT: Final = "font-size:12.5px;line-height:1.5"
_TABLE: Final = "border-collapse:collapse;margin:4px 0;font-size:12px;white-space:nowrap"
_ROW: Final = '<tr style="background:none">'
_CELL: Final = "text-align:left;padding:0 12px 0 0;border:0;line-height:1.5"
_NUMBER: Final = "text-align:right;padding:0 12px 0 0;border:0;line-height:1.5"
_CODE: Final = "text-align:left;padding:0;border:0;line-height:1.5;font-family:monospace;opacity:.65"
#: Hides the snapshot where the live widget follows it, and the empty frame where the widget's model is gone. ``:has()``
#: within ``:has()`` is invalid, and then the whole rule is.
_HIDE: Final = (
    "<style>.jp-OutputArea-child:has(.sb-snap):has(+ .jp-OutputArea-child .sb){display:none}"
    ".jp-OutputArea-child:has(.sb-snap) + .jp-OutputArea-child > .jupyter-widgets:not(:has(*)){display:none}</style>"
)


def snapshot_html(reader: StoreReader, trace_id: str, *, uid: str | None = None) -> str:
    """Return a trace as static HTML of less than 20 kB.

    Args:
        reader: Of the store that holds the trace.
        trace_id: 32 hex digits.
        uid: Names the snapshot, so that the live widget that follows it can hide it; None when none follows.

    Raises:
        TraceNotFoundError: the store has no such trace.
    """
    facts = _facts(reader, trace_id)
    head = f"<b>{_text(shortened(facts['name'], 80))}</b> · {_totals(facts)}"
    return _root(f"<details open>{_summary(head)}{_trace_body(reader, facts)}</details>", uid)


def chip_html(reader: StoreReader, facts: dict[str, Any], *, uid: str | None = None) -> str:
    """Return the chip of a cell as static HTML: one line, which opens to its trace, or to the list of its traces."""
    head = f"<b>{plural(facts['n_traces'], 'trace')}</b> · {_totals(facts)}"
    traces = facts["traces"]
    if facts["n_traces"] == 1 and traces:
        try:
            body = _trace_body(reader, _facts(reader, traces[0]["trace_id"]))
        except TraceNotFoundError:
            body = ""
    else:
        body = _trace_table(traces, facts["n_traces"])
    is_open = " open" if "bars" in facts and not facts["bars"] and facts["n_traces"] > 1 else ""
    return _root(f"<details{is_open}>{_summary(head)}{body}</details>", uid)


def snapshot_text(reader: StoreReader, trace_id: str) -> str:
    """Return a trace as a text tree of at most ``MAX_LINES`` lines below its totals.

    Raises:
        TraceNotFoundError: the store has no such trace.
    """
    facts = _facts(reader, trace_id)
    found = outline(reader, trace_id, clock.now_ns())
    lines = [_line_text(line) for line in found.lines]
    if found.more:
        lines.append(f"… {format_count(found.more)} more")
    return "\n".join([f"{facts['name']}: {' · '.join([*facts_text(facts), *troubles_text(facts)])}", *lines])


def chip_text(facts: dict[str, Any]) -> str:
    """Return the line of a chip as text."""
    return " · ".join([plural(facts["n_traces"], "trace"), *facts_text(facts), *troubles_text(facts)])


def _facts(reader: StoreReader, trace_id: str) -> dict[str, Any]:
    found = trace_rows(reader, [trace_id]).get(trace_id)
    if found is None:
        raise reader.no_such_trace(trace_id)
    return trace_facts(found, 0)


# -- HTML


def _root(inner: str, uid: str | None) -> str:
    if uid is None:
        return f'<div class="sb-snap mathjax_ignore" style="{_ROOT}">{inner}</div>'
    return f'<div class="sb-snap sb-snap-{_text(uid)} mathjax_ignore" style="{_ROOT}">{_HIDE}{inner}</div>'


def _summary(head: str) -> str:
    return f'<summary style="cursor:pointer">{head}</summary>'


def _totals(facts: dict[str, Any]) -> str:
    troubles = [f'<b style="{_RED}">{_text(each)}</b>' for each in troubles_text(facts)]
    return " · ".join([*map(_text, facts_text(facts)), *troubles])


def _trace_body(reader: StoreReader, facts: dict[str, Any]) -> str:
    found = outline(reader, facts["trace_id"], clock.now_ns())
    return _table([_row(line) for line in found.lines], found.more) + _notes(reader, facts["trace_id"], found.lines)


def _row(line: Line) -> str:
    indent = "&nbsp;" * (4 * min(line.depth, MAX_INDENT))
    mark, about = status_mark(line.status), " · ".join(filter(None, (line.kind, line.sub)))
    cells = [
        (_CELL, f"{indent}{_name(line.name, line.status)}{f' {mark}' if mark else ''} {_muted(about)}"),
        *_numbers(line.tokens, line.cost_usd, duration_text(line)),
        (f"{_CODE};opacity:1;{_RED}" if line.status == "error" else _CODE, bar(line, _BAR)),
    ]
    return _table_row(cells)


def _table_row(cells: list[tuple[str, str]]) -> str:
    return _ROW + "".join(f'<td style="{style}">{html}</td>' for style, html in cells) + "</tr>"


def _table(rows: list[str], more: int) -> str:
    if more > 0:
        rows = [*rows, _table_row([(f"{_CELL};{_MUTED}", f"… {format_count(more)} more")])]
    return f'<table style="{_TABLE}">{"".join(rows)}</table>'


def _name(name: str, status: str) -> str:
    return f'<b style="{_RED}">{_text(name)}</b>' if status == "error" else _text(name)


def _muted(text: str) -> str:
    return f'<span style="{_MUTED}">{_text(text)}</span>'


def _notes(reader: StoreReader, trace_id: str, lines: list[Line]) -> str:
    """Say what the root was given and returned, and why spans failed."""
    notes = []
    root = reader.span(trace_id, lines[0].span_id) if lines else None
    if root is not None:
        notes += [(_muted(what), excerpt(value)) for what, value in (("input", root.input), ("output", root.output))]
    failed = [line for line in lines if line.status == "error"]
    for line in failed[-_MAX_ERRORS:]:  # the deepest come last, and what they say is nearest to the cause
        span = reader.span(trace_id, line.span_id)
        if span is not None:
            notes.append((f"✗ {_name(line.name, line.status)}", error_line(span)))
    return "".join(f"<div>{what} {_text(said)}</div>" for what, said in notes if said)


def _trace_table(traces: list[dict[str, Any]], n_traces: int) -> str:
    rows = []
    for trace in traces[:MAX_LINES]:
        mark = status_mark(trace["status"])
        duration = "running" if trace["status"] == "open" else format_duration(trace["duration_ms"])
        cells = [
            (_CELL, f"{_name(trace['name'], trace['status'])}{f' {mark}' if mark else ''}"),
            *_numbers(trace["tokens"], trace["cost_usd"], duration),
            (_CELL, _muted(_when(trace["start_ms"]))),
        ]
        rows.append(_table_row(cells))
    return _table(rows, n_traces - len(rows))


def _numbers(tokens: int, cost_usd: float | None, duration: str) -> list[tuple[str, str]]:
    """Return the cells of tokens, cost and duration; hard spaces keep a number and its unit on one line."""
    said = (format_count(tokens) if tokens else "", format_money(cost_usd) if cost_usd else "", duration)
    return [(_NUMBER, _text(each).replace(" ", "&nbsp;")) for each in said]


def _when(start_ms: float) -> str:
    """Return a moment in UTC, as one word."""
    return datetime.fromtimestamp(start_ms / 1000, UTC).strftime("%Y-%m-%d\u00a0%H:%M:%S\u00a0UTC")


def _text(value: str) -> str:
    return escape(value, quote=True)


# -- text


def _line_text(line: Line) -> str:
    shape = "".join("│  " if follows else "   " for follows in line.branch[:-1][:MAX_INDENT])
    if line.branch:
        shape += "├─ " if line.branch[-1] else "└─ "
    facts = [line.kind]
    if line.tokens:
        facts.append(f"{format_count(line.tokens)} tok")
    if line.cost_usd:
        facts.append(format_money(line.cost_usd))
    if duration_text(line):
        facts.append(duration_text(line))
    mark = status_mark(line.status)
    return f"{shape}{line.name}{f' {line.sub}' if line.sub else ''}{f' {mark}' if mark else ''} · {' · '.join(facts)}"
