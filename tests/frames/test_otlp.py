"""OTLP: valid for OpenTelemetry's own parser, named by its conventions, and nothing lost."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from google.protobuf import json_format  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

import spanbook as sb
from spanbook.frames import trace_otlp
from spanbook.frames._otlp_tools import DIALECTS
from spanbook.model import Provenance, Score, Span

MESSAGES = [{"role": "user", "parts": [{"type": "text", "content": "how?"}]}]


def make(number: int = 1, **fields: Any) -> Span:
    """A finished span with these fields."""
    given = {"name": "s", "status": "ok", "end_ns": 5_000_000_001, **fields}
    return Span(trace_id=f"{7:032x}", span_id=f"{number:016x}", start_ns=1_000_000_001, **given)


def exported(span: Span) -> dict[str, Any]:
    """The one span of an export."""
    found: dict[str, Any] = trace_otlp([span])["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    return found


def attributes(item: dict[str, Any]) -> dict[str, Any]:
    """Attributes by name, as Python values."""
    return {entry["key"]: plain(entry["value"]) for entry in item["attributes"]}


def plain(value: dict[str, Any]) -> Any:
    """The Python value of an OTLP AnyValue."""
    if "arrayValue" in value:
        return [plain(item) for item in value["arrayValue"]["values"]]
    if "kvlistValue" in value:
        return {entry["key"]: plain(entry["value"]) for entry in value["kvlistValue"]["values"]}
    if "intValue" in value:
        return int(value["intValue"])
    return next(iter(value.values()), None)


def parse(export: dict[str, Any]) -> ExportTraceServiceRequest:
    """Read an export with OpenTelemetry's messages. (Ids are hex in OTLP/JSON, where protobuf's JSON has base64.)"""

    def with_base64(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: with_base64(item, name) for name, item in value.items()}
        if isinstance(value, list):
            return [with_base64(item) for item in value]
        if key in ("traceId", "spanId", "parentSpanId"):
            return base64.b64encode(bytes.fromhex(value)).decode()
        return value

    text = json.dumps(with_base64(json.loads(json.dumps(export, allow_nan=False))))
    request = ExportTraceServiceRequest()
    json_format.Parse(text, request)
    return request


def test_opentelemetry_reads_a_real_trace(store: sb.Store) -> None:
    """Every field of the wire format, through its own parser, unknown fields refused."""
    with sb.span("turn", "agent", "q", user_id="ada") as root:
        with sb.span("chat", "llm", MESSAGES, model="gpt-4o", provider="openai") as call:
            call.set(usage={"input_tokens": 5}, attributes={"a.list": [1, "x", None], "a.map": {"k": 1.5}})
            call.event("retry", {"attempt": 1})
            sb.score("good", True)
        with pytest.raises(KeyError), sb.span("tool", "tool"):
            raise KeyError("x")
    request = parse(store.get_trace(root.trace_id).to_otlp())
    (resource,) = request.resource_spans
    (scope,) = resource.scope_spans
    turn, chat, tool = scope.spans
    assert (scope.scope.name, [turn.name, chat.name, tool.name]) == ("spanbook", ["turn", "chat", "tool"])
    assert (turn.trace_id.hex(), chat.parent_span_id) == (root.trace_id, turn.span_id)
    assert chat.end_time_unix_nano > chat.start_time_unix_nano >= turn.start_time_unix_nano
    assert [event.name for event in chat.events] == ["retry", "gen_ai.evaluation.result"]
    assert ([event.name for event in tool.events], tool.status.code) == (["exception"], 2)


def test_an_llm_call_has_the_names_of_the_conventions() -> None:
    """Content as JSON strings, usage inclusive, parameters by name."""
    span = make(
        kind="llm", input=MESSAGES, output=MESSAGES, model="gpt-4o", provider="openai", response_id="r1",
        finish_reason="stop", first_token_ns=2_000_000_001, session_id="s1", user_id="ada", tools=[{"name": "f"}],
        usage={"input_tokens": 9, "output_tokens": 3, "cache_read_tokens": 4, "audio_input_tokens": 1},
        model_parameters={"temperature": 0.5, "stop": "x", "logit_bias": {"1": 2}}, prompt_name="p", cost_usd=0.25,
    )  # fmt: skip
    found = attributes(exported(span))
    assert json.loads(found.pop("gen_ai.input.messages")) == json.loads(found.pop("gen_ai.output.messages")) == MESSAGES
    assert json.loads(found.pop("gen_ai.tool.definitions")) == [{"name": "f"}]
    assert json.loads(found.pop("spanbook.model_parameters")) == {"logit_bias": {"1": 2}}
    assert found == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o",
        "gen_ai.response.id": "r1",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.response.time_to_first_chunk": 1.0,
        "gen_ai.usage.input_tokens": 9,
        "gen_ai.usage.output_tokens": 3,
        "gen_ai.usage.cache_read.input_tokens": 4,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.stop_sequences": ["x"],
        "gen_ai.conversation.id": "s1",
        "gen_ai.prompt.name": "p",
        "session.id": "s1",
        "user.id": "ada",
        "spanbook.kind": "llm",
        "spanbook.status": "ok",
        "spanbook.cost_usd": 0.25,
        "spanbook.first_token_ns": 2_000_000_001,
        "spanbook.usage.audio_input_tokens": 1,
    }
    assert exported(span)["kind"] == 3  # CLIENT


@pytest.mark.parametrize(
    ("kind", "given", "returned", "expected"),
    [
        ("tool", {"a": 1}, [2], {
            "gen_ai.tool.name": "s", "gen_ai.tool.call.arguments": '{"a":1}', "gen_ai.tool.call.result": "[2]",
        }),
        ("retriever", "q", ["d"], {"gen_ai.retrieval.query.text": "q", "gen_ai.retrieval.documents": '["d"]'}),
        ("retriever", {"q": 1}, "d", {"spanbook.input": '{"q":1}', "spanbook.output": '"d"'}),
        ("agent", "q", MESSAGES, {
            "gen_ai.agent.name": "s", "spanbook.input": '"q"',
            "gen_ai.output.messages": json.dumps(MESSAGES, separators=(",", ":")),
        }),
        ("span", 0, "", {"spanbook.input": "0", "spanbook.output": '""'}),
    ],
)  # fmt: skip
def test_content_is_named_by_kind(kind: Any, given: Any, returned: Any, expected: dict[str, str]) -> None:
    """Each payload is said once."""
    found = attributes(exported(make(kind=kind, input=given, output=returned)))
    del found["spanbook.kind"], found["spanbook.status"]
    found.pop("gen_ai.operation.name", None)
    assert found == expected


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(st.dictionaries(st.text(min_size=1).map(lambda name: f"x.{name}"), VALUES, max_size=5))
def test_attributes_are_passed_on_verbatim(values: dict[str, Any]) -> None:
    """Typed, also in lists and maps."""
    found = attributes(exported(make(attributes=values)))
    assert {name: value for name, value in found.items() if name.startswith("x.")} == values


def test_an_attribute_that_says_otherwise_is_kept_beside_ours() -> None:
    """The mapped field wins its name; an equal one stands once."""
    given = {"gen_ai.request.model": "alias", "gen_ai.response.model": "gpt-4o", "big": 2**70}
    found = attributes(exported(make(kind="llm", model="gpt-4o", attributes=given)))
    assert found["gen_ai.request.model"] == found["gen_ai.response.model"] == "gpt-4o"
    assert found["spanbook.attributes.gen_ai.request.model"] == "alias"
    assert "spanbook.attributes.gen_ai.response.model" not in found
    assert found["big"] == str(2**70)


def test_an_error_is_a_status_and_an_exception_event() -> None:
    """With the type as Python would import it."""
    error = {"type": "Oops", "module": "app.errors", "message": "no", "traceback": "Traceback…"}
    found = exported(make(status="error", error=error, error_type="Oops"))
    assert found["status"] == {"code": 2, "message": "no"}
    assert attributes(found)["error.type"] == "Oops"
    (event,) = found["events"]
    assert (event["name"], event["timeUnixNano"]) == ("exception", "5000000001")
    assert attributes(event) == {
        "exception.type": "app.errors.Oops", "exception.message": "no", "exception.stacktrace": "Traceback…",
    }  # fmt: skip


@pytest.mark.parametrize("status", ["open", "interrupted"])
def test_a_span_without_an_end_says_why(status: Any) -> None:
    """OTLP has no word for it."""
    found = exported(make(status=status, end_ns=None))
    assert "endTimeUnixNano" not in found
    assert (found["status"], attributes(found)["spanbook.status"]) == ({"code": 0}, status)


def test_links_and_scores() -> None:
    """Links that name a span are OTLP links; others stay as they are, and so does every field of a score."""
    good = {"trace_id": "a" * 32, "span_id": "b" * 16, "attributes": {"why": "retry"}}
    score = Score(score_id="1", name="tone", value="kind", comment="warm", source="human", created_ns=9)
    found = exported(make(links=[good, "elsewhere"], scores=[score]))
    (link,) = found["links"]
    assert (link["traceId"], link["spanId"], attributes(link)) == ("a" * 32, "b" * 16, {"why": "retry"})
    assert json.loads(attributes(found)["spanbook.links"]) == [good, "elsewhere"]
    assert attributes(found["events"][0]) == {
        "gen_ai.evaluation.name": "tone", "gen_ai.evaluation.score.label": "kind",
        "gen_ai.evaluation.explanation": "warm", "spanbook.score_id": "1", "spanbook.source": "human",
    }  # fmt: skip


def test_a_span_of_another_program_says_no_scope_of_ours() -> None:
    """Nor does its resource change."""
    (group,) = trace_otlp([make(attributes={"otel.resource": {"service.name": "shop"}})])["resourceSpans"]
    assert attributes(group["resource"]) == {"service.name": "shop"}
    assert group["scopeSpans"][0]["scope"] == {}


@pytest.mark.parametrize("dialect", ["genai", "langfuse", "openinference"])
def test_fields_that_are_not_of_their_type_are_said_as_they_are(dialect: str, store: sb.Store) -> None:
    """Users may set anything."""
    odd: dict[str, Any] = {"metadata": "v1", "attributes": [1], "links": 3, "tools": 4, "model_parameters": "abc"}
    with sb.span("bad", "llm", **odd) as span:
        pass
    request = trace_otlp(store.get_trace(span.trace_id).spans, DIALECTS[dialect])
    found = attributes(request["resourceSpans"][0]["scopeSpans"][0]["spans"][0])
    assert (found["spanbook.metadata"], found["spanbook.attributes"], found["spanbook.links"]) == ('"v1"', [1], "3")
    assert (found["gen_ai.tool.definitions"], found["spanbook.model_parameters"]) == ("4", '"abc"')


def test_spans_of_one_process_share_a_resource() -> None:
    """Only the root knows the process; another process's spans are apart."""
    spans = [
        make(1, environment="prod", provenance=Provenance(process_id=5, notebook="a.ipynb")),
        make(2),
        make(3, provenance=Provenance(process_id=6)),
    ]
    first, second = trace_otlp(spans)["resourceSpans"]
    assert [span["spanId"][-1] for span in first["scopeSpans"][0]["spans"]] == ["1", "2"]
    assert attributes(first["resource"])["process.pid"] == 5
    assert attributes(second["resource"])["process.pid"] == 6
    assert attributes(second["resource"])["deployment.environment.name"] == "prod"
    assert attributes(first["scopeSpans"][0]["spans"][0])["spanbook.notebook"] == "a.ipynb"
