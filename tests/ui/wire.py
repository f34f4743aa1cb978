"""The widget protocol as the tests write it: columns, meta and scripted answers, from plain span tables.

Written apart from spanbook's own encoder on purpose, so that both sides are held to the protocol as stated
in ``js/src/core/types.ts``.
"""

import base64
import math
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

KINDS = (
    "span",
    "llm",
    "embedding",
    "retriever",
    "reranker",
    "tool",
    "agent",
    "chain",
    "guardrail",
    "evaluator",
    "event",
)
STATUS = ("open", "interrupted", "ok", "error")
START_MS = 1_760_000_000_000.0
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"


@dataclass
class Line:
    """One row of the tree; times in ms from the trace's start, ``duration`` None while running."""

    name: str
    kind: str = "span"
    parent: int = -1
    start: float = 0.0
    duration: float | None = 1.0
    first_token: float | None = None
    tokens: int = 0
    cost: float | None = None
    sub: str = ""
    status: str = "ok"
    counted: bool = True


def _nan(value: float | None) -> float:
    return math.nan if value is None else value


def columns(lines: Sequence[Line], names: list[str], subs: list[str], *, wide: bool = False) -> bytes:
    """Return the columns of ``lines``; ``names`` and ``subs`` grow by what is new in them."""
    n = len(lines)

    def indexes(known: list[str], values: list[str]) -> list[int]:
        at = {value: index for index, value in enumerate(dict.fromkeys([*known, *values]))}
        known[:] = at
        return [at[value] for value in values]

    name = indexes(names, [line.name for line in lines])
    sub = indexes(subs, [line.sub for line in lines])
    status = [STATUS.index(line.status) | (0 if line.counted else 16) for line in lines]
    return b"".join(
        [
            struct.pack(f"<{n}d", *(line.start for line in lines)),
            struct.pack(f"<{n}f", *(_nan(line.duration) for line in lines)),
            struct.pack(f"<{n}f", *(_nan(line.first_token) for line in lines)),
            struct.pack(f"<{n}i", *(line.parent for line in lines)),
            struct.pack(f"<{n}I", *(line.tokens for line in lines)),
            struct.pack(f"<{n}f", *(_nan(line.cost) for line in lines)),
            struct.pack(f"<{n}{'I' if wide else 'H'}", *name),
            struct.pack(f"<{n}H", *sub),
            struct.pack(f"<{n}B", *(KINDS.index(line.kind) for line in lines)),
            struct.pack(f"<{n}B", *status),
        ]
    )


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@dataclass
class TraceData:
    """One trace as the kernel would send it: traits, answers, and pushes of changed rows."""

    lines: list[Line]
    name: str = "trace"
    status: str = "ok"
    cell: int | None = 7
    details: dict[int, dict[str, Any]] = field(default_factory=dict)
    summary_changes: dict[str, Any] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    subs: list[str] = field(default_factory=lambda: [""])
    rev: int = 0
    start_ms: float = START_MS

    def summary(self) -> dict[str, Any]:
        ends = [line.start + (line.duration or 0) for line in self.lines]
        llm = [line for line in self.lines if line.kind in ("llm", "embedding") and line.counted]
        costs = [line.cost for line in llm if line.cost is not None]
        tokens = sum(line.tokens for line in llm)
        return {
            "trace_id": TRACE_ID,
            "name": self.name,
            "status": self.status,
            "start_ms": self.start_ms,
            "duration_ms": max(ends, default=0) if self.status != "open" else None,
            "n_spans": len(self.lines),
            "n_open": sum(line.status == "open" for line in self.lines),
            "n_llm": sum(line.kind == "llm" for line in self.lines),
            "n_errors": sum(line.status == "error" for line in self.lines),
            "input_tokens": tokens - tokens // 4,
            "output_tokens": tokens // 4,
            "cost_usd": sum(costs) if costs else None,
            "cell": None
            if self.cell is None
            else {"id": "c1", "execution_count": self.cell, "notebook": "quickstart.ipynb"},
            "user_id": None,
            "session_id": None,
            "tags": [],
            "dropped": 0,
            **self.summary_changes,
        }

    def sent(self, *, encoding: str = "raw", wide: bool = False) -> tuple[dict[str, Any], bytes]:
        """The meta and the columns of the whole trace."""
        cols = columns(self.lines, self.names, self.subs, wide=wide)
        meta = {
            "v": 1,
            "n": len(self.lines),
            "encoding": encoding,
            "names": list(self.names),
            "subs": list(self.subs),
            "wide_names": wide,
            "kinds": list(KINDS),
            "rev": self.rev,
            "summary": self.summary(),
            "trace_start_ms": self.start_ms,
            "cut": 0,
        }
        return meta, zlib.compress(cols) if encoding == "deflate" else cols

    def traits(self, **kwargs: Any) -> dict[str, Any]:
        meta, cols = self.sent(**kwargs)
        return {
            "_meta": meta,
            "_cols": {"$bytes": b64(cols)},
            "_rev": self.rev,
            "_view": {},
            "selected_span_id": None,
            "_height": 0,
        }

    def push(self, changed: Mapping[int, Line]) -> tuple[dict[str, Any], list[str]]:
        """Change or add rows; return the push message and its buffers."""
        for row, line in changed.items():
            self.lines[row : row + 1] = [line]
        names_from, subs_from = len(self.names), len(self.subs)
        cols = columns(list(changed.values()), self.names, self.subs)
        self.rev += 1
        message = {
            "kind": "rows",
            "v": 1,
            "rev": self.rev,
            "n": len(self.lines),
            "count": len(changed),
            "names_from": names_from,
            "names": self.names[names_from:],
            "subs_from": subs_from,
            "subs": self.subs[subs_from:],
            "wide_names": False,
            "summary": self.summary(),
        }
        return message, [b64(struct.pack(f"<{len(changed)}I", *changed)), b64(cols)]

    def detail(self, row: int) -> dict[str, Any]:
        """The scripted detail of a row, its facts filled in from the row."""
        line = self.lines[row]
        given = self.details.get(row, {})
        span: dict[str, Any] = {
            "span_id": span_id(row),
            "parent_id": span_id(line.parent) if line.parent >= 0 else None,
            "name": line.name,
            "kind": line.kind,
            "status": line.status,
            "level": "error" if line.status == "error" else "default",
            "start_ms": self.start_ms + line.start,
            "duration_ms": line.duration,
            "time_to_first_token_ms": line.first_token,
            "cost_usd": line.cost,
            "usage": {},
            "error_type": line.sub if line.status == "error" else None,
            "tags": [],
            "counted": line.counted,
            "execution_count": self.cell,
            "notebook": "quickstart.ipynb",
        }
        empty: dict[str, Any] = dict.fromkeys(
            ("input", "output", "error", "metadata", "model_parameters", "tools", "attributes")
        )
        return {**empty, "events": [], "scores": [], **given, "span": {**span, **given.get("span", {})}}

    def answers(self) -> dict[str, Any]:
        meta, cols = self.sent()
        whole = {"answer": meta, "buffers": [b64(cols)]}
        return {
            "detail": {
                "$by": "row",
                **{str(row): {"answer": self.detail(row)} for row in range(min(len(self.lines), 400))},
            },
            "reload": whole,
            "load": whole,
            "find": {"$by": "query", "*": {"answer": {"rows": []}}},
            "conversation": {"answer": {"turns": []}},
        }


def span_id(row: int) -> str:
    return f"{row + 1:016x}"


def text(content: str, role: str = "user", **more: Any) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": content}], **more}


def messages(*values: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "messages", "value": list(values)}
