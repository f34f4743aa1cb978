"""Clients that trace themselves through OpenTelemetry, and that we trace: one span tells of a call."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

PROGRAM = """
import sys
import spanbook as sb

sb.init(store="store.db", instrument=False)
sb.instrument("otel", *sys.argv[1:])
with sb.offline.start(delays=False) as server, sb.span("outer"):
    client = server.anthropic_client()
    client.messages.create(model="claude-sonnet-4-5", max_tokens=9, messages=[{"role": "user", "content": "Hello"}])
print([(span.name, span.attributes.get("otel.scope.name")) for span in sb.last_trace().spans])
"""


@pytest.mark.parametrize(
    ("ours", "expected"),
    [
        (["anthropic"], [("outer", None), ("chat claude-sonnet-4-5", None)]),
        ([], [("outer", None), ("anthropic.messages.create", "com.anthropic.sdk.python")]),
    ],
    ids=["traced by us", "not traced by us"],
)
def test_a_call_of_anthropic_s_client_is_one_span(
    tmp_path: Path, ours: list[str], expected: list[tuple[str, str | None]]
) -> None:
    pytest.importorskip("anthropic", minversion="2.14")  # traces itself
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(PROGRAM), *ours], cwd=tmp_path, capture_output=True,
                          text=True, check=False)  # fmt: skip
    assert (done.stdout.strip(), done.returncode) == (repr(expected), 0), done.stderr
