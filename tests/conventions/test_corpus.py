"""Every field that a recording of a real client holds is shown, and token totals are the true ones."""

from __future__ import annotations

from typing import Any

import pytest

from spanbook.conventions.otel import OtelSpan
from spanbook.conventions.registry import MappedSpan, map_span
from tests.conventions.corpus import CLIENTS, load, shown

_USAGE = {"input": "input_tokens", "output": "output_tokens", "cache_read": "cache_read_tokens",
          "reasoning": "reasoning_tokens"}  # fmt: skip
#: Kinds that we have no word for.
_KINDS = {"prompt": "chain", "llm-stream-end": "llm"}
Reading = tuple[OtelSpan, dict[str, Any], MappedSpan]

by_client = pytest.mark.parametrize("client", CLIENTS)


def test_there_are_ten_recordings() -> None:
    assert len(CLIENTS) == 10


@by_client
def test_no_mapper_fails(client: str) -> None:
    assert [mapped.failures for _, _, mapped in readings(client) if mapped.failures] == []


@by_client
def test_kind_and_status(client: str) -> None:
    found = [(m.fields["kind"], m.fields["status"]) for _, _, m in readings(client)]
    assert found == [(_KINDS.get(want["kind"], want["kind"]), want["status"]) for _, want, _ in readings(client)]


@by_client
def test_messages(client: str) -> None:
    """Roles, text, images, tool calls and results of each call."""
    checked = 0
    for _, want, mapped in readings(client, "llm", "llm-stream-end"):
        for side in ("input", "output"):
            if any(ok.startswith(side) for ok in oks(want)):
                assert without_silence(shown(mapped.fields.get(side))) == without_silence(want[side]), want["span_id"]
                checked += 1
    assert checked >= 12


@by_client
def test_usage(client: str) -> None:
    for _, want, mapped in readings(client):
        usage = mapped.fields.get("usage") or {}
        for name, ours in _USAGE.items():
            if f"usage.{name}" in oks(want):
                assert usage[ours] == want["usage"][name], want["span_id"]
        if "usage.total" in oks(want):
            assert usage["input_tokens"] + usage["output_tokens"] == want["usage"]["total"]


@by_client
def test_model_and_tools(client: str) -> None:
    for _, want, mapped in readings(client):
        if "model" in oks(want):
            assert mapped.fields["model"] == want["model"]
        if "tools" in oks(want):
            assert [tool["name"] for tool in mapped.fields["tools"]] == want["tools"]


@by_client
def test_time_to_first_token(client: str) -> None:
    for span, want, mapped in readings(client):
        if "ttft" in oks(want):
            assert (mapped.fields["first_token_ns"] - span.start_ns) / 1e6 == pytest.approx(want["ttft_ms"], abs=0.1)


@by_client
def test_session_user_tags_and_cost(client: str) -> None:
    for _, want, mapped in readings(client):
        fields = mapped.fields
        assert (fields.get("session_id"), fields.get("user_id")) == (want.get("session"), want.get("user"))
        assert not want.get("tags") or fields["tags"] == want["tags"]
        cost = want.get("cost", {})
        assert fields.get("cost_usd") == cost.get("total", cost.get("operation.cost"))


@by_client
def test_errors_say_what_happened(client: str) -> None:
    """The expectation has the status message, which may put the type before what the exception says."""
    for _, want, mapped in readings(client):
        if want.get("error"):
            error = mapped.fields["error"]
            assert error["message"] and error["message"] in want["error"]["message"]
            assert error["type"]


@by_client
def test_nothing_is_lost(client: str) -> None:
    """Attributes that no mapper knows are there as they came."""
    for span, _, mapped in readings(client):
        for name, value in mapped.fields["attributes"].items():
            if name in span.attributes and name != "langfuse.observation.input":  # of that, what was not mapped
                assert value == span.attributes[name]


def readings(client: str, *kinds: str) -> list[Reading]:
    """Return each span with what is expected of it and what became of it."""
    spans, expected = load(client)
    wanted = {want["span_id"]: want for want in expected}
    found = [(span, wanted[span.span_id], map_span(span)) for span in spans]
    return [one for one in found if not kinds or one[1]["kind"] in kinds]


def oks(want: dict[str, Any]) -> list[str]:
    """Return the fields that the recording holds and a viewer must show."""
    fields: list[str] = want.get("truth", {}).get("ok", [])
    return fields


def without_silence(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return messages without those that hold reasoning alone, which may stand by itself or within the answer."""
    return [message for message in messages if len(message) > 1]
