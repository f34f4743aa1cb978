"""Completion of the magics' arguments; IPython completes only their names."""

from __future__ import annotations

from typing import Any

from ..model.errors import SpanbookError

_OPTIONS = {
    "%spanbook": ["status", "doctor", "on", "off", "display chip", "display off", "store "],
    "%%trace": ["--user", "--session", "--tag"],
    "%traces": ["--since", "--until", "--limit"],
    "%trace": ["last"],
}


def complete(shell: Any, event: Any) -> list[str]:
    """Return what may follow; called by IPython with the line so far."""
    command = event.command
    words = list(_OPTIONS.get(command, []))
    if command == "%trace":
        words += _recent_ids()
    typed = event.symbol or ""
    return [word for word in words if word.startswith(typed)] or words


def _recent_ids() -> list[str]:
    from ..api._store import current_store

    try:
        return current_store()._reader.latest_trace_ids(5)
    except SpanbookError:
        return []
