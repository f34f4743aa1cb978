"""LangSmith in its OpenTelemetry mode."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conventions.spans import dumps, event, mapped, text


def run(kind: str, asked: Any = None, said: Any = None, **given: Any) -> dict[str, Any]:
    """Map a run; ``__`` in a name stands for a dot."""
    attributes = {name.replace("__", "."): value for name, value in given.items()}
    return mapped(
        {"langsmith.span.kind": kind, "gen_ai.prompt": dumps(asked), "gen_ai.completion": dumps(said), **attributes}
    )


@pytest.mark.parametrize(
    ("theirs", "operation", "ours"),
    [("llm", "chat", "llm"), ("chain", "chain", "chain"), ("tool", "execute_tool", "tool"),
     ("retriever", "embeddings", "retriever"), ("embedding", "embeddings", "embedding"), ("prompt", "chat", "chain"),
     ("parser", "parser", "chain")],
)  # fmt: skip
def test_kinds(theirs: str, operation: str, ours: str) -> None:
    assert run(theirs, gen_ai__operation__name=operation)["kind"] == ours


def test_a_call_is_its_clients_request_and_response() -> None:
    asked = {"model": "gpt", "messages": [{"role": "user", "content": "Hi"}], "temperature": 0.2}
    used = {"input_tokens": 9, "output_tokens": 5, "total_tokens": 14, "input_token_details": {"cache_read": 4}}
    said = {"id": "r1", "choices": [{"finish_reason": "stop", "message": {"content": "Yo"}}], "usage_metadata": used}
    fields = run("llm", asked, said, gen_ai__system="langchain", langsmith__metadata__ls_provider="openai",
                 gen_ai__usage__input_token_details="{'cache_read': 4}")  # fmt: skip
    assert (fields["input"], fields["model_parameters"]) == ([text("user", "Hi")], {"temperature": 0.2})
    assert fields["output"] == [{**text("assistant", "Yo"), "finish_reason": "stop"}]
    assert (fields["response_id"], fields["finish_reason"], fields["provider"]) == ("r1", "stop", "openai")
    assert fields["usage"] == {"input_tokens": 9, "output_tokens": 5, "cache_read_tokens": 4}
    assert fields["attributes"] == {}


def test_a_call_of_langchain() -> None:
    def message(name: str, content: str) -> dict[str, Any]:
        return {"lc": 1, "type": "constructor", "id": ["langchain", name], "kwargs": {"content": content}}

    fields = run(
        "llm",
        {"messages": [[message("HumanMessage", "Hi")]]},
        {"generations": [[{"message": message("AIMessage", "Yo")}]]},
    )
    assert (fields["input"], fields["output"]) == ([text("user", "Hi")], [text("assistant", "Yo")])


@pytest.mark.parametrize(("said", "output"), [({"output": "Yo"}, "Yo"), ({"output": None}, None), ({"a": 1}, {"a": 1})])
def test_an_output_that_is_no_object_is_wrapped_as_one(said: Any, output: Any) -> None:
    fields = run("chain", {"q": "Hi"}, said)
    assert (fields["input"], fields.get("output")) == ({"q": "Hi"}, output)


def test_who_asked_in_which_thread_and_what_else_is_said() -> None:
    given = {"user_id": "ada", "thread_id": "t1", "plan": "pro", "nested": '{"a": 1}', "LANGSMITH_TRACING": "true"}
    fields = run("chain", **{f"langsmith__metadata__{name}": value for name, value in given.items()},
                 langsmith__span__tags="x, y", langsmith__trace__name="call")  # fmt: skip
    assert (fields["user_id"], fields["session_id"], fields["tags"]) == ("ada", "t1", ["x", "y"])
    assert fields["metadata"] == {"plan": "pro", "nested": {"a": 1}}
    left = {name for name in fields["attributes"] if name.startswith("langsmith.")}
    assert left == {"langsmith.metadata.LANGSMITH_TRACING"}


def test_a_run_that_failed_although_its_status_is_ok() -> None:
    """LangSmith for JavaScript says "ok" when a run starts, and OpenTelemetry keeps that."""
    raised = event("exception", **{"exception.message": "Error: boom"})
    fields = mapped({"langsmith.span.kind": "tool", "langsmith.span.tags": ""}, events=[raised], status="ok")
    assert (fields["status"], fields["error"]["message"], fields.get("tags")) == ("error", "Error: boom", [])


def test_an_error_with_its_traceback_in_the_message() -> None:
    trace = 'Traceback (most recent call last):\n  File "a.py", line 1, in f\nopenai.BadRequestError: no\n'
    raised = event("exception", **{
        "exception.type": "Exception", "exception.message": f"BadRequestError('no')\n\n{trace}",
        "exception.stacktrace": f"Exception: BadRequestError('no')\n\n{trace}",
    })  # fmt: skip
    error = mapped({"langsmith.span.kind": "llm"}, events=[raised], status="error")["error"]
    assert error == {"type": "BadRequestError", "module": "openai", "message": "no", "traceback": trace}


def test_an_error_with_its_traceback_in_the_status() -> None:
    """As LoongSuite sends the errors of LangChain's runs."""
    trace = 'Traceback (most recent call last):\n\n\n  File "a.py", line 1, in f\n    raise E\n\n\nValueError: no'
    error = mapped({"error.type": "Exception"}, status="error", status_message=f"ValueError('no'){trace}")["error"]
    assert (error["type"], error["message"]) == ("ValueError", "no")


def test_a_traceback_that_an_exception_quotes_is_not_its_own() -> None:
    trace = "Traceback (most recent call last):\nRemoteError: it failed"
    raised = event("exception", **{
        "exception.type": "RemoteError", "exception.stacktrace": trace,
        "exception.message": "it failed:\nTraceback (most recent call last):\nKeyError: 1",
    })  # fmt: skip
    error = mapped({}, events=[raised], status="error")["error"]
    assert (error["type"], error["traceback"]) == ("RemoteError", trace)
