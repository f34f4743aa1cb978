"""Clients that trace themselves through OpenTelemetry, and that we trace: one span tells of a call."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import spanbook as sb

sb.init(store="store.db", instrument=False)
sb.instrument("otel", "anthropic")
with sb.offline.start(delays=False) as server:
    client = server.anthropic_client()
    for _ in range(2):
        with sb.span("outer"):
            client.messages.create(model="claude-sonnet-4-5", max_tokens=9,
                                   messages=[{"role": "user", "content": "Hello"}])
        print([(span.name, span.attributes.get("otel.scope.name")) for span in sb.last_trace().spans])
        sb.uninstrument("anthropic")
"""


def test_a_call_of_anthropic_s_client_is_one_span_whether_we_trace_it_or_not(tmp_path: Path) -> None:
    pytest.importorskip("anthropic", minversion="2.14")  # traces itself
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=tmp_path, capture_output=True,
                          text=True, check=False)  # fmt: skip
    traced_by_us = [("outer", None), ("chat claude-sonnet-4-5", None)]
    traced_by_itself = [("outer", None), ("anthropic.messages.create", "com.anthropic.sdk.python")]
    assert done.stdout.splitlines() == [repr(traced_by_us), repr(traced_by_itself)], done.stderr
    assert done.returncode == 0
