"""The answers to ``log`` for a trace of the tests, written apart from spanbook's own (see ``js/src/core/log.ts``)."""

from typing import Any

from tests.ui.wire import TraceData

KINDS = ("start", "first token", "event", "error", "end", "score")
PAGE = 200


def entries(data: TraceData) -> list[dict[str, Any]]:
    found: list[tuple[float, int, dict[str, Any]]] = []

    def add(turn: int, at: float, what: str, row: int, **texts: str) -> None:
        found.append((at, turn, {"at_ms": at, "what": what, "row": row, **texts}))

    for row, line in enumerate(data.lines):
        add(0, line.start, "start", row)
        if line.first_token is not None:
            add(1, line.start + line.first_token, "first token", row)
        if line.duration is not None and line.status == "error":
            add(3, line.start + line.duration, "error", row, label=line.sub, text="no answer within 0.35 s")
        elif line.duration is not None:
            add(3, line.start + line.duration, "end", row)
        for score in data.details.get(row, {}).get("scores", []):
            add(4, 4_000, "score", row, label=score["name"], text=f"{score['value']} · {score['comment']}")
    return [entry for _, _, entry in sorted(found, key=lambda each: each[:2])]


def answer(data: TraceData, offset: int = 0, kinds: tuple[str, ...] = KINDS) -> dict[str, Any]:
    every = entries(data)
    shown = [entry for entry in every if entry["what"] in kinds]
    counts = {kind: sum(entry["what"] == kind for entry in every) for kind in KINDS}
    return {"answer": {"total": len(shown), "counts": counts, "entries": shown[offset : offset + PAGE]}}


def answers(data: TraceData, place: int = 0) -> dict[str, Any]:
    """Pages by their offset; any question for the place of a row is answered with ``place``."""
    pages = {str(offset): answer(data, offset) for offset in range(0, len(entries(data)), PAGE)}
    return {"$by": "offset", **pages, "*": {"answer": {"place": place}}}
