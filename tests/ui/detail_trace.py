"""A trace in a real store with every form that the detail shows, and the real answers to what a page asks of it."""

import base64
import linecache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import spanbook as sb
from spanbook.api._trace import Trace
from spanbook.testing import FixedClock, fixed_ids
from spanbook.widgets._requests import TraceRequests
from spanbook.widgets._state import TraceState
from tests.ui.png import PNG

ROOT, FRAME, RECORDS, LARGE, FIRST, CHANGED, CONTINUED, FAILED, FILES, STATE = range(10)

SYSTEM = "You help customers of Acme.\n\nAlways name the plan and its price."
CHANGED_SYSTEM = "You help customers of Acme.\n\nAlways name the plan and its monthly price."
TOOL = {
    "type": "function",
    "name": "lookup_price",
    "description": "Price of a plan",
    "parameters": {
        "type": "object",
        "properties": {"plan": {"type": "string"}, "currency": {"type": "string"}},
        "required": ["plan"],
    },
}
LONG = "lorem ipsum 😀 " * 20_000
CELL = "def pay(plan):\n    import json\n\n    return json.loads('{broken')\n"


def said(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


CALL = {
    "role": "assistant",
    "parts": [{"type": "tool_call", "id": "call_1", "name": "lookup_price", "arguments": {"plan": "Team"}}],
}
RESULT = {
    "role": "tool",
    "parts": [
        {
            "type": "tool_call_response",
            "id": "call_1",
            "response": [{"plan": "Team", "usd": 29}, {"plan": "Pro", "usd": 59}],
        }
    ],
}
QUESTION = said("user", 'What does "Team" cost?')
ANSWER = said("assistant", "It costs 29 a month.")


def build(path: Path) -> Trace:
    """Run it; the process traces into a store at ``path`` afterwards."""
    sb.init(path, instrument=False)
    history = [said("system", CHANGED_SYSTEM), QUESTION, CALL, RESULT]
    with FixedClock(step_s=0.1), fixed_ids(), sb.span("assistant", kind="agent"):
        with sb.span("load_orders", kind="tool") as span:
            amounts = [12.5, 9.0, None, 100.25]
            span.set(output=pd.DataFrame({"order": [3, 1, 4, 2], "amount": amounts, "note": ["=1+1", "b", None, "d"]}))
        with sb.span("search_docs", kind="retriever") as span:
            span.set(
                output=[{"id": f"doc_{at}", "score": at / 10_000, "text": f"text {at}\n" * 3} for at in range(3000)]
            )
        with sb.span("large", kind="tool") as span:
            pages = [
                {"title": f"page {at}", "more": {"deep": "needle" if at in (7, 777) else at}} for at in range(1500)
            ]
            span.set(output={"pages": pages, "vectors": np.arange(12.0).reshape(3, 4)})
        with sb.span(
            "plan", kind="llm", input=[said("system", SYSTEM), QUESTION], model="gpt-4o", provider="openai"
        ) as span:
            span.first_token()
            span.set(output=[CALL], usage={"input_tokens": 1000, "output_tokens": 80, "cache_read_tokens": 400})
        with sb.span(
            "answer", kind="llm", input=history, model="gpt-4o", provider="openai", tools=[TOOL],
            model_parameters={"temperature": 0.2},
        ) as span:  # fmt: skip
            span.set(output=[ANSWER], usage={"input_tokens": 1200, "output_tokens": 20})
        more = [*history, ANSWER, said("user", "And in dollars?")]
        with sb.span("again", kind="llm", input=more, model="my-model", provider="local") as span:
            span.set(output=[said("assistant", "31.")], usage={"input_tokens": 1500, "output_tokens": 3})
        try:
            with sb.span("charge", kind="tool"):
                _run_cell()
        except ValueError:
            pass
        picture = {
            "type": "blob",
            "modality": "image",
            "mime_type": "image/png",
            "content": base64.b64encode(PNG).decode(),
        }
        sound = {
            "type": "blob",
            "modality": "audio",
            "mime_type": "audio/wav",
            "content": base64.b64encode(WAV).decode(),
        }
        paper = {
            "type": "blob", "modality": "document", "mime_type": "application/pdf", "filename": "../../etc/x y.pdf",
            "content": base64.b64encode(b"%PDF-1.4 nothing").decode(),
        }  # fmt: skip
        missing = {"type": "blob", "modality": "image", "mime_type": "image/webp", "digest": "0" * 32}
        given = [{"role": "user", "parts": [picture, sound, paper, {"type": "text", "content": LONG}, missing]}]
        with sb.span("look", kind="llm", input=given, model="gpt-4o", provider="openai") as span:
            span.set(output=[ANSWER])
        state: list[Any] = [
            {"type": "human", "content": 'What does "Team" cost?', "id": "m1"},
            {"type": "ai", "content": "", "tool_calls": [{"name": "price", "args": {"plan": "Team"}, "id": "c1"}]},
            {"type": "tool", "content": "29 EUR", "tool_call_id": "c1"},
        ]
        with sb.span("graph", kind="chain", input={"messages": [["user", "<b>Team</b>?"]]}) as span:
            span.set(output={"messages": [*state, {"type": "ai", "content": "It costs **29**."}], "turn": 2})
    sb.flush()
    return sb.last_trace()


#: A tenth of a second of silence.
WAV = b"".join([
    b"RIFF", (836).to_bytes(4, "little"), b"WAVEfmt ",
    bytes.fromhex("10000000 0100 0100 401f0000 401f0000 0100 0800"),
    b"data", (800).to_bytes(4, "little"), b"\x80" * 800,
])  # fmt: skip


def _run_cell() -> None:
    """Run code as a kernel runs a cell: from a file that its source is remembered for."""
    name = "/tmp/ipykernel_42/1180.py"  # noqa: S108 (no file: only its name)
    linecache.cache[name] = (len(CELL), None, CELL.splitlines(keepends=True), name)
    space: dict[str, Any] = {}
    exec(compile(CELL, name, "exec"), space)  # noqa: S102 (our own text)
    space["pay"]("Team")


def scripted(trace: Trace, row: int = 0, **view: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the traits of its explorer, and the answers of the real requests for ``host.show``."""
    requests = TraceRequests(TraceState(trace._reader, trace.trace_id))

    def answer(method: str, **params: Any) -> dict[str, Any]:
        try:
            found, buffers = requests.answer(method, params)
        except LookupError as problem:
            return {"error": str(problem)}
        return {"answer": found, "buffers": [base64.b64encode(each).decode() for each in buffers]}

    whole = answer("reload")
    meta = whole["answer"]
    answers: dict[str, Any] = {"reload": whole, "load": whole, "conversation": answer("conversation")}
    for method in ("detail", "diff", "request_code"):
        # the long text once, in its detail: it takes a while to hand it to a page
        rows = [at for at in range(meta["n"]) if at != FILES or method == "detail"]
        answers[method] = {"$by": "row", **{str(at): answer(method, row=at) for at in rows}}
    digests = set(_digests(answers["detail"]))
    answers["blob"] = {"$by": "digest", **{each: answer("blob", digest=each) for each in digests}}
    at, slices = 4000, {}
    while at is not None:  # of the one long text there is
        slices[str(at)] = answer("more", row=FILES, field="input", path=[0, "parts", 3, "content"], offset=at)
        at = slices[str(at)].get("answer", {}).get("next")
    answers["more"] = {"$by": "offset", **slices}
    cols = {"$bytes": whole["buffers"][0]}
    traits = {"_meta": meta, "_cols": cols, "_rev": meta["rev"], "_view": {"row": row, **view}, "_height": 0}
    return {**traits, "selected_span_id": None}, answers


def _digests(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["digest"]] if isinstance(value.get("digest"), str) else []
        return own + [each for item in value.values() for each in _digests(item)]
    return [each for item in value for each in _digests(item)] if isinstance(value, list) else []
