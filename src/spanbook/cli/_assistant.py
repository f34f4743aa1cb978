"""The program that ``spanbook demo`` traces where there is no notebook: a small assistant with retrieval and a tool."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import spanbook as sb

if TYPE_CHECKING:
    from openai import OpenAI

_DOCUMENTS: Final = {
    "plans": "The Free plan has no export. The Team plan lets you export invoices as PDF and CSV.",
    "billing": "Invoices are sent on the first day of each month. You can pay by card or by bank transfer.",
    "support": "Support answers within one working day; on the Enterprise plan within two hours.",
}
_PRICES: Final = {"Free": 0, "Team": 29, "Enterprise": 99}
_TOOLS: Final[list[Any]] = [
    {
        "type": "function",
        "function": {
            "name": "lookup_price",
            "description": "Current price of a plan: what it costs a month",
            "parameters": {
                "type": "object",
                "properties": {"plan": {"type": "string", "enum": list(_PRICES)}},
                "required": ["plan"],
            },
        },
    }
]


def converse(client: OpenAI) -> Iterator[tuple[str, str]]:
    """Ask the assistant a few things in different ways, and yield each question with its answer."""
    with sb.context(user_id="ada", session_id="demo", tags=["demo"]):
        question = "What does the Team plan cost, and can I export invoices with it?"
        yield question, answer(client, question, tools=_TOOLS)
        question = "What can you do?"
        yield question, stream(client, question)
    with sb.context(user_id="grace", session_id="demo", tags=["demo"]):
        yield from report(client, ["When are invoices sent?", "How fast does support answer?"])


def answer(client: OpenAI, question: str, tools: Sequence[Any] = ()) -> str:
    """Answer from the documents, and with a tool where one is offered and the model asks for it."""
    offered: dict[str, Any] = {"tools": tools} if tools else {}
    with sb.span("answer", kind="agent", input=question) as span:
        messages: list[Any] = [
            {"role": "system", "content": f"Answer with the help of these documents:\n{search(question)}"},
            {"role": "user", "content": question},
        ]
        text = "I could not answer."
        for _ in range(3):
            reply = client.chat.completions.create(model="gpt-4o-mini", messages=messages, **offered)
            message = reply.choices[0].message
            if not message.tool_calls:
                text = message.content or ""
                break
            messages += [message.model_dump(exclude_none=True), *map(run_tool, message.tool_calls)]
        span.set(output=text)
    return text


def run_tool(call: Any) -> dict[str, str]:
    """Do what the model asks for, and return the message that says what came of it."""
    result = lookup_price(**json.loads(call.function.arguments))
    return {"role": "tool", "tool_call_id": call.id, "content": json.dumps(result)}


def stream(client: OpenAI, question: str) -> str:
    """Answer piece by piece, as text arrives."""
    with sb.span("stream", kind="chain", input=question) as span:
        chunks = client.chat.completions.create(
            model="gpt-4o",
            messages=[{"role": "user", "content": question}],
            stream=True,
            stream_options={"include_usage": True},
        )
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        span.set(output=text)
    return text


def report(client: OpenAI, questions: list[str]) -> list[tuple[str, str]]:
    """Ask several things at once, after a call that fails."""
    failed = ""
    with sb.span("report", kind="chain", input=questions), ThreadPoolExecutor() as pool:
        try:
            lookup_price("Platinum")
        except KeyError as error:
            failed = f"failed: {error.args[0]}"
        answers = list(pool.map(sb.bind(partial(answer, client)), questions))
    return [("What does the Platinum plan cost?", failed), *zip(questions, answers, strict=True)]


@sb.trace(kind="retriever")
def search(question: str) -> str:
    """Return the document that shares most words with the question."""
    words = set(question.lower().strip("?").split())
    return max(_DOCUMENTS.values(), key=lambda text: len(words & set(text.lower().split())))


@sb.trace(kind="tool")
def lookup_price(plan: str) -> dict[str, Any]:
    """Return what a plan costs."""
    if plan not in _PRICES:
        raise KeyError(f"no plan is called {plan!r}")
    return {"plan": plan, "euros_a_month": _PRICES[plan]}
