"""A small agent, traced: the same trace for every test that looks at one."""

import spanbook as sb

SYSTEM = {"role": "system", "parts": [{"type": "text", "content": "You help customers of Acme."}]}
QUESTION = {"role": "user", "parts": [{"type": "text", "content": "What does Team cost, $40 or $60?"}]}
CALL = {
    "role": "assistant",
    "parts": [{"type": "tool_call", "id": "call_1", "name": "lookup_price", "arguments": {"plan": "Team"}}],
    "finish_reason": "tool_calls",
}
RESULT = {"role": "tool", "parts": [{"type": "tool_call_response", "id": "call_1", "response": "29 EUR"}]}
ANSWER = {"role": "assistant", "parts": [{"type": "text", "content": "It costs 29 EUR."}], "finish_reason": "stop"}


def run_agent() -> None:
    """One agent: retrieval, a call that asks for a tool, the tool failing once, the answer."""
    with sb.span("assistant", kind="agent", input={"question": "What does Team cost?"}) as agent:
        with sb.span("search_docs", kind="retriever", input={"query": "Team price"}) as search:
            search.set(output=["plans.md", "prices.md"])
        call("plan", [SYSTEM, QUESTION], CALL, input_tokens=1_000, output_tokens=80)
        try:
            with sb.span("lookup_price", kind="tool", input={"plan": "Team"}):
                raise TimeoutError("no answer in 3 s")
        except TimeoutError:
            pass
        with sb.span("lookup_price", kind="tool", input={"plan": "Team"}) as tool:
            tool.set(output="29 EUR")
        resent = {"role": CALL["role"], "parts": CALL["parts"]}  # without its finish reason, as agents do
        call("answer", [SYSTEM, QUESTION, resent, RESULT], ANSWER, input_tokens=1_200, output_tokens=20)
        agent.set(output="It costs 29 EUR.")


def call(name: str, messages: list[object], answer: object, **usage: int) -> None:
    """One llm call."""
    with sb.span(name, kind="llm", input=messages, model="gpt-4o-mini", provider="openai") as span:
        span.first_token()
        span.set(output=[answer], usage=usage)
