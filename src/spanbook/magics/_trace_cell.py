"""``%%trace``: the cell runs as IPython runs any cell, inside a span.

Decision (2026-11): not a cell magic that calls ``run_cell``. That would run the hooks twice, show the result twice and
fail on top-level await. Instead the first line is rewritten to a line magic that opens the span, and the hook after the
cell closes it; line numbers, results and errors stay what they were.
"""

from __future__ import annotations

_MAGIC = "%%trace"


def rewrite_trace_cell(lines: list[str]) -> list[str]:
    """Return the lines of a cell with a leading ``%%trace …`` replaced by the call that begins its span."""
    if not lines or not lines[0].startswith(_MAGIC):
        return lines
    rest = lines[0][len(_MAGIC) :]
    if rest[:1] not in ("", " ", "\t", "\n", "\r") or rest.strip() == "?":
        return lines
    return [f"get_ipython().run_line_magic('_spanbook_begin', {rest.strip()!r})\n", *lines[1:]]
