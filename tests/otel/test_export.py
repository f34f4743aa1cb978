"""``sb.export_otlp``: what a receiver gets, and what is said when it does not."""

from __future__ import annotations

import json
import socket
import sys
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

import spanbook as sb
from spanbook.api._otlp_export import _trace_ids
from spanbook.api._otlp_send import Receiver, guess_dialect, retry_after, traces_url
from spanbook.conventions.otel import OtelSpan
from spanbook.conventions.registry import map_span
from spanbook.frames import _otlp_wire
from spanbook.frames._otlp_tools import chat_messages, disjoint_usage
from spanbook.model import UsageError
from tests.otel.collector import Collector, collector, partly
from tests.tracing import Tracing

__all__ = ["collector"]

ASKED = [
    {"role": "system", "parts": [{"type": "text", "content": "be brief"}]},
    {"role": "user", "parts": [{"type": "text", "content": "how?"}]},
]
SAID = [
    {
        "role": "assistant",
        "parts": [
            {"type": "text", "content": "so"},
            {"type": "tool_call", "id": "c1", "name": "look", "arguments": {"q": 1}},
        ],
    }
]
USAGE = {"input_tokens": 10, "output_tokens": 6, "cache_read_tokens": 4, "reasoning_tokens": 1}


def one_call(**fields: Any) -> None:
    """A small agent with one call of a model."""
    with (
        sb.context(user_id="ada", session_id="s-1", tags=["beta"], metadata={"tier": "pro"}),
        sb.span("agent", "agent", input="why?") as agent,
    ):
        with sb.span("ask", "llm", ASKED, model="gpt-4o-mini", provider="openai", **fields) as call:
            call.first_token()
            call.set(output=SAID, usage=USAGE, cost_usd=0.5, model_parameters={"temperature": 0.5})
        agent.set(output="because")


def test_a_collector_gets_genai_attributes(tracing: Tracing, collector: Collector) -> None:
    """As protobuf, compressed, with the ids, the tree and the headers."""
    one_call()
    report = sb.export_otlp(collector.url, {"authorization": "Bearer x"})
    assert (report.sent, report.rejected, report.traces, report.open) == (2, 0, 1, 0)
    ((path, headers, _),) = collector.requests
    assert (path, headers["content-type"]) == ("/v1/traces", "application/x-protobuf")
    assert (headers["authorization"], headers["content-encoding"]) == ("Bearer x", "gzip")
    call, agent = tracing.span("ask"), tracing.span("agent")
    (sent,) = [span for span in collector.spans if span["name"] == "ask"]
    assert (sent["span_id"], sent["parent_id"], sent["trace_id"]) == (call.span_id, agent.span_id, call.trace_id)
    assert (sent["start_ns"], sent["end_ns"]) == (call.start_ns, call.end_ns)
    said = collector.attributes("ask")
    assert said["gen_ai.usage.input_tokens"] == 10 and said["session.id"] == "s-1" and said["user.id"] == "ada"
    assert json.loads(said["gen_ai.input.messages"]) == ASKED
    assert not [name for name in said if name.startswith(("langfuse.", "openinference."))]


def test_langfuse_gets_what_it_shows(tracing: Tracing, collector: Collector) -> None:
    """Messages in chat form, usage in buckets that do not overlap, cost, trace fields."""
    one_call(prompt_name="p", prompt_version="3")
    sb.export_otlp(f"{collector.url}/api/public/otel")
    assert collector.requests[0][0] == "/api/public/otel/v1/traces"
    said = collector.attributes("ask")
    observation = {name.removeprefix("langfuse.observation."): value for name, value in said.items()}
    assert (observation["type"], observation["model.name"], observation["level"]) == (
        "generation", "gpt-4o-mini", "DEFAULT")  # fmt: skip
    assert json.loads(observation["input"])[1] == {"role": "user", "content": "how?"}
    assert json.loads(observation["output"])[0]["tool_calls"][0]["function"] == {"name": "look", "arguments": '{"q":1}'}
    usage = json.loads(observation["usage_details"])
    assert usage == {"input": 6, "output": 5, "input_cached_tokens": 4, "output_reasoning_tokens": 1, "total": 16}
    assert json.loads(observation["cost_details"]) == {"total": 0.5}
    assert (observation["prompt.name"], observation["prompt.version"]) == ("p", 3)
    assert json.loads(observation["completion_start_time"]).endswith("Z")
    assert (said["user.id"], said["session.id"], said["langfuse.trace.tags"]) == ("ada", "s-1", ["beta"])
    root = collector.attributes("agent")
    assert (root["langfuse.trace.name"], root["langfuse.trace.metadata.tier"]) == ("agent", "pro")
    assert root["langfuse.observation.type"] == "agent" and root["langfuse.observation.input"] == "why?"


def test_phoenix_gets_openinference(tracing: Tracing, collector: Collector) -> None:
    """It reads nothing else."""
    one_call()
    with sb.span("find", "retriever", input="q") as found:
        found.set(output=[{"content": "page", "score": 0.5, "metadata": {"n": 1}}])
    sb.export_otlp(collector.url, dialect="openinference")
    said = collector.attributes("ask")
    assert (said["openinference.span.kind"], said["llm.model_name"]) == ("LLM", "gpt-4o-mini")
    assert said["llm.input_messages.1.message.content"] == "how?"
    assert said["llm.output_messages.0.message.tool_calls.0.tool_call.function.name"] == "look"
    assert (said["llm.token_count.prompt"], said["llm.token_count.prompt_details.cache_read"]) == (10, 4)
    assert (said["llm.cost.total"], said["session.id"], said["user.id"]) == (0.5, "s-1", "ada")
    assert collector.attributes("agent")["output.value"] == "because"
    assert collector.attributes("find")["retrieval.documents.0.document.content"] == "page"


def test_pictures_are_sent_as_each_tool_shows_them(tracing: Tracing, collector: Collector) -> None:
    """Base64 as GenAI has it, and ``data:`` URLs."""
    picture = {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "iVBORw0KGgo="}
    with sb.span("ask", "llm", [{"role": "user", "parts": [{"type": "text", "content": "what?"}, picture]}]):
        pass
    url = "data:image/png;base64,iVBORw0KGgo="
    sb.export_otlp(collector.url, dialect="langfuse")
    said = collector.attributes("ask")
    assert json.loads(said["gen_ai.input.messages"])[0]["parts"][1]["content"] == "iVBORw0KGgo="
    shown = json.loads(said["langfuse.observation.input"])[0]["content"][1]
    assert shown == {"type": "image_url", "image_url": {"url": url}}
    collector.requests.clear()
    collector.spans.clear()
    sb.export_otlp(collector.url, dialect="openinference")
    prefix = "llm.input_messages.0.message.contents.1.message_content"
    said = collector.attributes("ask")
    assert (said[f"{prefix}.type"], said[f"{prefix}.image.image.url"]) == ("image", url)


@pytest.mark.parametrize("dialect", ["genai", "langfuse", "openinference"])
def test_what_is_exported_is_read_back(dialect: str, tracing: Tracing, collector: Collector) -> None:
    """By our own mappers, which were tested against recordings of these tools."""
    one_call()
    sb.export_otlp(collector.url, dialect=dialect)
    said = collector.attributes("ask")
    fields = map_span(OtelSpan(trace_id="a" * 32, span_id="b" * 16, name="ask", start_ns=1, attributes=said)).fields
    assert (fields["kind"], fields["model"], fields["cost_usd"]) == ("llm", "gpt-4o-mini", 0.5)
    assert {name: fields["usage"][name] for name in USAGE} == USAGE
    assert fields["input"][1]["parts"][0]["content"] == "how?"
    assert (fields["user_id"], fields["session_id"]) == ("ada", "s-1")


@pytest.mark.parametrize("dialect", ["langfuse", "openinference"])
def test_usage_that_is_not_counted_is_not_sent(dialect: str, tracing: Tracing, collector: Collector) -> None:
    """Both tools add up whatever they are given."""
    with sb.span("sum", "agent") as span:
        span.set(usage=USAGE)
        with sb.span("twin", "llm", counted=False) as twin:
            twin.set(usage=USAGE, model="gpt-4o-mini")
    sb.export_otlp(collector.url, dialect=dialect)
    for name in ("sum", "twin"):
        said = collector.attributes(name)
        told = [key for key in said if not key.startswith("spanbook.")]
        assert not [key for key in told if "usage" in key or "token_count" in key]


def test_json_is_sent_where_protobuf_is_not_installed(
    tracing: Tracing, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the same spans."""
    monkeypatch.setitem(sys.modules, "opentelemetry.proto.trace.v1", None)
    one_call()
    assert sb.export_otlp(collector.url).sent == 2
    assert collector.requests[0][1]["content-type"] == "application/json"
    assert collector.names() == ["agent", "ask"] and collector.attributes("ask")["gen_ai.usage.output_tokens"] == 6


def test_only_traces_that_match_are_sent(tracing: Tracing, collector: Collector) -> None:
    """Whole, and without what has not ended."""
    one_call()
    with sb.span("other"):
        pass
    running = sb.span("running").start()
    report = sb.export_otlp(collector.url, where='name == "agent" or name == "running"', since="1h")
    assert collector.names() == ["agent", "ask"] and (report.traces, report.open) == (2, 1)
    running.end()
    assert sb.export_otlp(collector.url, until="2020-01-01").sent == 0


def test_nothing_is_sent_when_there_is_nothing(tracing: Tracing, collector: Collector) -> None:
    """Not even an empty request."""
    assert sb.export_otlp(collector.url).sent == 0 and collector.requests == []


def test_batches_are_bounded(tracing: Tracing, collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    """In spans, and in bytes: a large span goes alone."""
    monkeypatch.setattr(_otlp_wire, "MAX_BYTES", 50_000)
    for at in range(700):
        with sb.span("small") as span:
            span.set(output="x" * 60_000 if at == 350 else None)
    assert sb.export_otlp(collector.url).sent == 700
    counts = [count for *_, count in collector.requests]
    assert max(counts) <= 512 and 1 in counts and len(collector.spans) == 700


@pytest.mark.parametrize("status", [413, 400])
def test_a_span_that_is_too_large_is_sent_without_its_files(
    status: int, tracing: Tracing, collector: Collector
) -> None:
    """And says so in their place; some receivers answer 400."""
    picture = {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "iVBORw0KGgo=" * 99}
    with sb.span("ask", "llm", [{"role": "user", "parts": [picture]}]):
        pass
    collector.replies.append((status, {}, b""))
    report = sb.export_otlp(collector.url)
    (part,) = json.loads(collector.attributes("ask")["gen_ai.input.messages"])[0]["parts"]
    assert (report.sent, report.rejected, part["type"]) == (1, 0, "not_captured")
    assert "takes no request so large" in part["reason"]


def test_a_batch_that_is_too_large_is_sent_in_halves(tracing: Tracing, collector: Collector) -> None:
    """As small as it takes; a span that is too large alone is named."""
    collector.replies += [(413, {}, b""), (413, {}, b""), (200, {}, b""), (413, {}, b"")]
    for name in ("a", "b", "c"):
        with sb.span(name):
            pass
    report = sb.export_otlp(collector.url)
    assert (report.sent, report.rejected) == (2, 1)
    assert "too large for the receiver" in str(report)


def test_what_a_receiver_rejects_is_reported(tracing: Tracing, collector: Collector) -> None:
    """OTLP's partial success."""
    collector.replies.append(partly(1, "no room"))
    one_call()
    report = sb.export_otlp(collector.url)
    assert (report.sent, report.rejected, report.reasons) == (1, 1, ["no room"])
    assert "1 spans were rejected" in str(report)


def test_a_busy_receiver_is_asked_again_when_it_says(
    tracing: Tracing, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``Retry-After``; the same batch, once in the end."""
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    monkeypatch.setattr(Receiver.send, "__kwdefaults__", {"attempts": 5, "wait": waits.append})
    collector.replies += [(503, {"retry-after": "7"}, b""), (429, {}, b"")]
    one_call()
    report = sb.export_otlp(collector.url)
    assert (report.sent, report.requests, collector.names()) == (2, 3, ["agent", "ask"])
    assert 7.0 in waits and any(1.0 <= seconds <= 2.0 for seconds in waits)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ((401, {}, b"no key"), r"status 401 \(no key\); check the credentials"),
        ((404, {}, b""), r"status 404; check the path"),
        ((301, {"location": "https://new"}, b""), r"use the address it names: https://new"),
    ],
)
def test_a_refusal_names_endpoint_status_and_next_step(
    reply: Any, said: str, tracing: Tracing, collector: Collector
) -> None:
    """At once: trying again would not help."""
    collector.replies.append(reply)
    one_call()
    with pytest.raises(sb.ExportError, match=said) as caught:
        sb.export_otlp(collector.url)
    assert caught.value.status == reply[0] and caught.value.report.sent == 0
    assert collector.url in str(caught.value) and len(collector.requests) == 1


def test_a_receiver_that_is_not_there_is_an_error(tracing: Tracing, monkeypatch: pytest.MonkeyPatch) -> None:
    """After five attempts."""
    monkeypatch.setattr(Receiver.send, "__kwdefaults__", {"attempts": 5, "wait": lambda seconds: None})
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        one_call()
        with pytest.raises(sb.ExportError, match="cannot be reached") as caught:
            sb.export_otlp(f"http://127.0.0.1:{free.getsockname()[1]}")
    assert caught.value.status is None and caught.value.report.requests == 5


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"endpoint": "localhost:4318"}, "is no http"),
        ({"endpoint": "file:///etc/passwd"}, "is no http"),
        ({"endpoint": "http://me:pw@host"}, "give credentials as headers"),
        ({"endpoint": "http://host", "headers": {"a": "b\nc"}}, "not one line of text"),
        ({"endpoint": "http://host", "dialect": "x"}, "is one of 'genai', 'langfuse', 'openinference'"),
        ({"endpoint": "http://host", "where": "nme == 1"}, "name"),
    ],
)
def test_wrong_arguments_are_named(given: dict[str, Any], said: str, tracing: Tracing) -> None:
    """Before anything is sent."""
    with pytest.raises(sb.SpanbookError, match=said):
        sb.export_otlp(**given)


@pytest.mark.parametrize(
    ("endpoint", "url", "dialect"),
    [
        ("http://localhost:4318", "http://localhost:4318/v1/traces", "genai"),
        ("http://localhost:6006/", "http://localhost:6006/v1/traces", "openinference"),
        ("https://otlp.arize.com/v1", "https://otlp.arize.com/v1/traces", "openinference"),
        ("https://cloud.langfuse.com/api/public/otel", "https://cloud.langfuse.com/api/public/otel/v1/traces",
         "langfuse"),
        ("https://host/custom/traces?x=1", "https://host/custom/traces?x=1", "genai"),
    ],
)  # fmt: skip
def test_endpoints_are_completed_and_recognised(endpoint: str, url: str, dialect: str) -> None:
    """As their documentation gives them."""
    assert traces_url(endpoint) == url and guess_dialect(url) == dialect


@pytest.mark.parametrize(
    "endpoint", ["localhost:6006", "http://", "http://127.0.0.1:99999", "http://[::1", "http://a b"]
)
def test_what_is_no_address_is_refused(endpoint: str) -> None:
    with pytest.raises(UsageError, match=r"is no http\(s\) address"):
        traces_url(endpoint)


def test_retry_after_is_seconds_or_a_date() -> None:
    """RFC 9110 §10.2.3."""
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    assert retry_after("3") == 3.0 and 90 < (retry_after(later) or 0) <= 100
    assert retry_after("soon") is None and retry_after(None) is None


def test_traces_are_found_page_by_page_even_when_they_started_together(tracing: Tracing) -> None:
    """Each once."""
    for _ in range(7):
        with sb.span("a"):
            pass
    tracing.spans()
    reader = tracing.store._read()
    found = list(_trace_ids(reader, None, (None, None), page=2))
    assert len(found) == len(set(found)) == 7


def test_results_of_tools_become_messages_of_their_own() -> None:
    """In chat form they have a role of their own; what is no list of messages is left alone."""
    result = {"type": "tool_call_response", "id": "c1", "response": {"n": 1}}
    picture = {"type": "uri", "uri": "https://x/y.png"}
    assert chat_messages([{"role": "tool", "parts": [result]}, {"role": "user", "parts": [picture]}]) == [
        {"role": "tool", "tool_call_id": "c1", "content": '{"n":1}'}, {"role": "user", "content": [picture]},
    ]  # fmt: skip
    assert chat_messages([1, 2]) is None and chat_messages([]) is None
    assert disjoint_usage({"input_tokens": 3}) == {"input": 3, "output": 0, "total": 3}
