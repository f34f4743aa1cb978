"""A comparison for the host page: the traits and answers of the real widget, over real traces."""

from __future__ import annotations

import base64
from typing import Any

from spanbook.api._compare import TraceComparison


def traits(comparison: TraceComparison, **changed: Any) -> dict[str, Any]:
    """What the page is given of the widget."""
    state = comparison.view().get_state(["_data", "_meta", "_view", "_height", "selected_row"])
    return {**state, "_data": {"$bytes": base64.b64encode(state["_data"]).decode()}, **changed}


def answers(comparison: TraceComparison) -> dict[str, Any]:
    """What the kernel answers, by row."""
    requests = comparison.view()._requests
    rows = range(len(comparison._found.rows))
    return {
        "detail": {"$by": "row", **{str(row): {"answer": requests.answer("detail", {"row": row})[0]} for row in rows}}
    }
