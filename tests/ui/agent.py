"""A realistic trace to look at: an agent that plans, calls tools side by side, retries, fails and streams."""

import base64
import functools
import struct
import zlib
from typing import Any

from tests.ui import log
from tests.ui.wire import Line, TraceData, messages, text

PICTURE = "b" * 32


@functools.cache
def png(width: int = 160, height: int = 90) -> bytes:
    """A small gradient, so that an image is seen to be drawn."""
    lines = b"".join(
        b"\0" + bytes(value for x in range(width) for value in (60 + x, 90 + y, 200 - x // 2)) for y in range(height)
    )

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


SYSTEM = text("You help customers of Acme. Use the documents given, and say when they do not answer.", "system")
QUESTION = text("Which plan lets me export invoices, and what does it cost?")
PLAN: dict[str, Any] = {
    "role": "assistant",
    "finish_reason": "tool_calls",
    "parts": [
        {"type": "text", "content": "I need the current price and the feature list."},
        {
            "type": "tool_call",
            "id": "call_1",
            "name": "lookup_price",
            "arguments": {"plan": "Team", "currency": "EUR"},
        },
        {"type": "tool_call", "id": "call_2", "name": "list_features", "arguments": {"plan": "Team"}},
    ],
}
RESULTS = {
    "role": "tool",
    "parts": [
        {"type": "tool_call_response", "id": "call_1", "name": "lookup_price", "response": "29.00"},
        {
            "type": "tool_call_response",
            "id": "call_2",
            "name": "list_features",
            "response": [
                {"name": "Invoice export", "plans": ["Team", "Business"], "since": "2024-03-01"},
                {"name": "Seats", "plans": ["Team"], "limit": 25},
                {"name": "Audit log", "plans": ["Business"], "limit": None},
            ],
        },
    ],
}
ANSWER = (
    "**Team** lets you export invoices, from *Billing → Invoices*. It costs **29.00 EUR** a month.\n\n"
    "| plan | export | price |\n|---|:-:|--:|\n| Free | no | 0.00 |\n| Team | yes | 29.00 |\n\n"
    '1. Open `Billing`\n2. Choose *Export* and a format\n\n```python\nacme.invoices.export(format="csv")\n```\n'
    "See [the price list](https://acme.example/prices?plan=team)."
)
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": name,
            "description": description,
            "parameters": {
                "type": "object",
                "properties": {"plan": {"type": "string"}, "currency": {"enum": ["EUR", "USD"]}},
            },
        },
    }
    for name, description in (
        ("lookup_price", "Price of a plan, monthly"),
        ("list_features", "What a plan has"),
    )
]
TRACEBACK = (
    "Traceback (most recent call last):\n"
    '  File "/tmp/ipykernel_1/1180.py", line 12, in lookup_price\n'
    "    reply = prices.get(plan, timeout=0.35)\n"
    '  File "/srv/site-packages/acme/prices.py", line 88, in get\n'
    '    raise TimeoutError(f"no answer from {self.host} within {timeout} s")\n'
    "TimeoutError: no answer from prices.acme.example within 0.35 s\n"
)


def _llm(model: str, input_tokens: int, output_tokens: int, cost: float, **more: Any) -> dict[str, Any]:
    return {
        "model": model,
        "provider": "openai",
        "usage": {"input_tokens": input_tokens, "output_tokens": output_tokens, **more},
        "input_cost_usd": cost * 0.6,
        "output_cost_usd": cost * 0.4,
        "cost_source": "genai-prices",
        "finish_reason": "stop",
    }


def lines() -> list[Line]:
    return [
        Line("assistant", "agent", -1, 0, 3420, tokens=2431, cost=0.0042),
        Line("search_docs", "retriever", 0, 60, 710),
        Line("text-embedding-3-small", "embedding", 1, 70, 220, tokens=14, cost=0.000001, sub="", counted=True),
        Line("rerank", "reranker", 1, 310, 430, sub="bge-small"),
        Line("check_question", "guardrail", 0, 20, 36),
        Line(
            "plan",
            "llm",
            0,
            820,
            1180,
            first_token=310,
            tokens=1102,
            cost=0.0019,
            sub="gpt-4o-mini",
        ),
        Line("lookup_price", "tool", 5, 2010, 350, sub="TimeoutError", status="error"),
        Line("lookup_price", "tool", 5, 2375, 80, sub="retry 1"),
        Line("list_features", "tool", 5, 2010, 110),
        Line("read_chart", "llm", 0, 2130, 320, first_token=150, tokens=406, cost=0.0006, sub="gpt-4o-mini"),
        Line("answer", "llm", 0, 2480, 920, first_token=205, tokens=1315, cost=0.0023, sub="gpt-4o"),
        Line("format", "chain", 0, 3402, 2),
        Line("is_grounded", "evaluator", 0, 3405, 12),
        Line("answered", "event", 0, 3419, 0),
    ]


def details() -> dict[int, dict[str, Any]]:
    chart = {
        "role": "user",
        "parts": [
            {"type": "text", "content": "Which plan does this chart recommend?"},
            {"type": "blob", "modality": "image", "mime_type": "image/png", "digest": PICTURE, "size": 1904},
        ],
    }
    return {
        0: {
            "input": {
                "kind": "json",
                "value": {"question": QUESTION["parts"][0]["content"], "user": {"plan": "Free", "seats": 3}},
            },
            "output": {"kind": "text", "value": ANSWER},
            "metadata": {"tier": "pro", "experiment": {"arm": "B", "seed": 7}},
            "span": {"user_id": "u_118", "session_id": "s_9f", "tags": ["support", "billing"]},
            "scores": [
                {
                    "name": "correct",
                    "value": 0.92,
                    "value_type": "number",
                    "source": "llm",
                    "comment": "cites the price list",
                }
            ],
        },
        1: {
            "input": {"kind": "json", "value": {"query": "export invoices plan cost", "k": 3}},
            "output": {
                "kind": "json",
                "value": [
                    {"id": "doc_12", "score": 0.83, "text": "Team and Business can export invoices as CSV or PDF."},
                    {"id": "doc_40", "score": 0.61, "text": "Prices are per workspace and month, in EUR or USD."},
                    {"id": "doc_07", "score": 0.58, "text": "Free workspaces keep the last three invoices."},
                ],
            },
        },
        5: {
            "input": messages(SYSTEM, QUESTION),
            "output": messages(PLAN),
            "tools": TOOLS,
            "model_parameters": {"temperature": 0.2, "max_tokens": 400},
            "attributes": {"gen_ai.request.model": "gpt-4o-mini", "server.address": "api.openai.com"},
            "span": {
                **_llm("gpt-4o-mini", 1022, 80, 0.0019, cache_read_tokens=512),
                "prompt_name": "planner",
                "prompt_version": "7",
            },
        },
        6: {
            "input": {"kind": "json", "value": {"plan": "Team", "currency": "EUR"}},
            "error": {
                "type": "TimeoutError",
                "module": "builtins",
                "message": "no answer from prices.acme.example within 0.35 s",
                "traceback": TRACEBACK,
            },
        },
        9: {
            "input": messages(chart),
            "output": messages(text("It recommends **Team**.", "assistant")),
            "span": _llm("gpt-4o-mini", 380, 26, 0.0006),
        },
        10: {
            "input": messages(SYSTEM, QUESTION, PLAN, RESULTS),
            "output": messages(text(ANSWER, "assistant", finish_reason="stop")),
            "span": _llm("gpt-4o", 1130, 185, 0.0023, reasoning_tokens=64),
        },
    }


def trace(**more: Any) -> TraceData:
    return TraceData(lines(), name="assistant", details=details(), **more)


def answers(data: TraceData) -> dict[str, Any]:
    turns = [
        {"row": 5, "new_input": [SYSTEM, QUESTION], "output": [PLAN]},
        {"row": 9, "new_input": details()[9]["input"]["value"], "output": details()[9]["output"]["value"]},
        {"row": 10, "new_input": [RESULTS], "output": details()[10]["output"]["value"]},
    ]
    return {
        **data.answers(),
        "conversation": {"answer": {"turns": turns}},
        "log": log.answers(data),
        "blob": {
            "answer": {"mime_type": "image/png", "size": len(png())},
            "buffers": [base64.b64encode(png()).decode()],
        },
        "find": {
            "$by": "query",
            "price": {"answer": {"rows": [6, 7]}},
            "kind == 'llm'": {"answer": {"rows": [5, 9, 10]}},
            "cots > 1": {
                "answer": {
                    "rows": [],
                    "error": {"message": "unknown name 'cots'; did you mean 'cost_usd'?", "at": 0},
                }
            },
            "*": {"answer": {"rows": []}},
        },
    }


def live() -> TraceData:
    """The same trace while its answer is streaming."""
    data = trace(status="open")
    data.lines = data.lines[:11]
    data.lines[0].status, data.lines[0].duration = "open", None
    data.lines[10].status, data.lines[10].duration = "open", None
    data.lines[10].tokens, data.lines[10].cost = 0, None
    data.details[10] = {**data.details[10], "output": None}
    return data


CHIP: dict[str, Any] = {
    "n_traces": 1,
    "n_spans": 14,
    "n_llm": 3,
    "duration_ms": 3420,
    "tokens": 2431,
    "cost_usd": 0.0042,
    "n_errors": 1,
    "running": False,
    "dropped": 0,
    "traces": [{"trace_id": "t1", "name": "assistant", "status": "ok", "duration_ms": 3420}],
    "bars": [
        [0, 1, 0, 6, 0],
        [0.03, 0.22, 1, 3, 0],
        [0.26, 0.34, 1, 1, 0],
        [0.61, 0.1, 2, 5, 1],
        [0.72, 0.27, 2, 1, 0],
    ],
}
