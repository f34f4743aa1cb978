"""One small agent in two versions, traced: a step added, one gone, a prompt and a model changed."""

from __future__ import annotations

from typing import Any

import spanbook as sb
from spanbook.testing import FixedClock

SYSTEM = "You help customers of Acme. Answer in one or two sentences.\nSay when the documents do not answer.\n"
QUESTION = "Which plan lets me export invoices, and what does it cost?"


def message(role: str, text: str, **more: Any) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": text}], **more}


def run_version(version: int, *, step_s: float = 0.1) -> sb.Trace:
    """Run the first or the second version, and return its trace."""
    with FixedClock(step_s=step_s), sb.span("assistant", kind="agent", input={"question": QUESTION}) as agent:
        agent.set(output=_steps(version))
    return sb.last_trace()


def _steps(version: int) -> str:
    is_new = version == 2
    system = message("system", SYSTEM + ("Always name the currency.\n" if is_new else ""))
    with sb.span("search", kind="retriever", input={"query": "export invoices"}) as search:
        search.set(output=["plans.md", "prices.md"])
    if is_new:
        with sb.span("rerank", kind="reranker", input=["plans.md", "prices.md"]):
            pass
    call = {"type": "tool_call", "id": f"call_{version}", "name": "price", "arguments": {"plan": "Team"}}
    asked = {"role": "assistant", "parts": [call], "finish_reason": "tool_calls"}
    _llm("plan", is_new, [system, message("user", QUESTION)], asked, 80)
    if not is_new:
        try:
            with sb.span("price", kind="tool", input={"plan": "Team", "currency": "USD"}):
                raise TimeoutError("no answer in 3 s")
        except TimeoutError:
            pass
    with sb.span("price", kind="tool", input={"plan": "Team", "currency": "EUR"}) as price:
        price.set(output=29)
    answered = {"role": "tool", "parts": [{"type": "tool_call_response", "id": f"call_{version}", "response": 29}]}
    history = [system, message("user", QUESTION), {"role": "assistant", "parts": [call]}, answered]
    text = f"The Team plan. It costs 29.00 {'EUR ' if is_new else ''}per month."
    _llm("answer", is_new, history, message("assistant", text, finish_reason="stop"), 48 if is_new else 25)
    return text


def _llm(name: str, is_new: bool, given: list[Any], made: Any, output_tokens: int) -> None:
    model = "gpt-4o" if is_new else "gpt-4o-mini"
    parameters = {"temperature": 0.0 if is_new else 0.2, "max_tokens": 400}
    with sb.span(name, kind="llm", input=given, model=model, provider="openai", model_parameters=parameters) as call:
        call.set(output=[made], usage={"input_tokens": 1_000, "output_tokens": output_tokens}, cost_usd=0.5 + is_new)
