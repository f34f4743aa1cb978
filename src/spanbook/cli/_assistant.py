"""The program that ``spanbook demo`` traces where there is no notebook: a small assistant with retrieval and a tool."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
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
        yield question, answer(client, question)
        question = "Write a haiku about traces."
        yield question, stream(client, question)
    with sb.context(user_id="grace", session_id="demo", tags=["demo"]):
        yield from report(client)


@sb.trace(kind="agent", capture_input=False)
def answer(client: OpenAI, question: str) -> str:
    """Answer with the help of documents, and of a tool where the model asks for it."""
    found = search(question)
    messages: list[Any] = [
        {"role": "system", "content": f"Answer with the help of these documents:\n{found}"},
        {"role": "user", "content": question},
    ]
    for _ in range(3):
        message = (
            client.chat.completions.create(model="gpt-4o-mini", messages=messages, tools=_TOOLS).choices[0].message
        )
        if not message.tool_calls:
            return message.content or ""
        messages.append(message.model_dump(exclude_none=True))
        for call in message.tool_calls:
            arguments = json.loads(call.function.arguments) if call.type == "function" else {}
            messages.append({"role": "tool", "tool_call_id": call.id, "content": json.dumps(lookup_price(**arguments))})
    return "I could not answer."


@sb.trace(kind="retriever")
def search(question: str) -> str:
    """Return the document that shares most words with the question."""
    words = set(question.lower().split())
    return max(_DOCUMENTS.values(), key=lambda text: len(words & set(text.lower().split())))


@sb.trace(kind="tool")
def lookup_price(plan: str) -> dict[str, Any]:
    """Return what a plan costs."""
    if plan not in _PRICES:
        raise KeyError(f"no plan is called {plan!r}")
    return {"plan": plan, "euros_a_month": _PRICES[plan]}


@sb.trace(kind="chain", capture_input=False)
def stream(client: OpenAI, question: str) -> str:
    """Answer piece by piece, as text arrives."""
    chunks = client.chat.completions.create(
        model="gpt-4o",
        messages=[{"role": "user", "content": question}],
        stream=True,
        stream_options={"include_usage": True},
    )
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


@sb.trace(kind="chain", capture_input=False, capture_output=False)
def report(client: OpenAI) -> list[tuple[str, str]]:
    """Ask two things at once, after a call that fails."""
    try:
        lookup_price("Platinum")
    except KeyError as error:
        failed = str(error)
    questions = ["How can I pay?", "How fast is support?"]
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(sb.bind(answer), [client] * len(questions), questions))
    return [("the price of a plan that does not exist", failed), *zip(questions, answers, strict=True)]
