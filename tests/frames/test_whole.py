"""Spans on their way out of the store, with what it keeps apart from them."""

from __future__ import annotations

import base64
import tracemalloc

import pytest

import spanbook as sb
from spanbook.api._export import otlp_chunks
from spanbook.frames import _whole, completer


def picture(size: int) -> dict[str, str]:
    """A part with an image of so many bytes."""
    content = base64.b64encode(b"x" * size).decode()
    return {"type": "blob", "modality": "image", "mime_type": "image/png", "content": content}


def test_files_beyond_what_is_exported_are_said_to_be_left_out(
    store: sb.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is too large, and those of a span beyond what it may have in all."""
    monkeypatch.setattr(_whole, "MAX_FILE", 10)
    monkeypatch.setattr(_whole, "MAX_FILES", 15)
    with sb.span("look", "llm", [{"role": "user", "parts": [picture(size) for size in (11, 10, 9, 5)]}]) as span:
        pass
    trace = store.get_trace(span.trace_id)
    large, whole, more, small = completer(store._read(), trace.spans)(trace.root).input[0]["parts"]
    assert (large["type"], large["reason"]) == (
        "not_captured", "a file (image/png): it has 11 B, and at most 10 B are exported")  # fmt: skip
    assert (more["type"], "more than 15 B" in more["reason"]) == ("not_captured", True)
    assert (base64.b64decode(whole["content"]), base64.b64decode(small["content"])) == (b"x" * 10, b"x" * 5)


def test_an_export_holds_the_files_of_one_span_at_a_time(store: sb.Store) -> None:
    """However many of its spans show a picture."""
    with sb.span("turns") as root:
        for _ in range(12):
            with sb.span("look", "llm", [{"role": "user", "parts": [picture(1_000_000)]}]):
                pass
    trace = store.get_trace(root.trace_id)
    tracemalloc.start()
    try:
        size = sum(map(len, otlp_chunks([trace])))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size > 12 * 1_300_000
    assert peak < 12_000_000
