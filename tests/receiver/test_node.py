"""A program in TypeScript's world: the Vercel AI SDK in Node sends what it traced."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

import spanbook as sb
from spanbook.offline import Rule
from spanbook.receiver import Receiver

PROGRAM = Path(__file__).with_name("assistant.mjs")
PACKAGES = Path(__file__).parents[2] / "js"  # whose node_modules the program imports from

RULES = [
    Rule(match="29", where="tool", text="The Team plan costs 29 EUR."),
    Rule(match="Team", tool_calls=[("price", {"plan": "Team"})]),
]


def test_an_agent_in_node_is_received(receiver: Receiver) -> None:
    """Its steps, messages, usage and whose they are; a tool's result stands at its call."""
    node = shutil.which("node")
    if node is None or not (PACKAGES / "node_modules" / "ai").is_dir():
        (pytest.fail if os.environ.get("CI") else pytest.skip)("install Node 20, then run `npm ci --prefix js`")
    with sb.offline.start(rules=RULES) as model:
        addresses = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint, "OPENAI_BASE_URL": model.base_url}
        done = subprocess.run(
            [node, "--input-type=module"], input=PROGRAM.read_text(), cwd=PACKAGES, env=os.environ | addresses,
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert (done.stdout, done.stderr, done.returncode) == ("The Team plan costs 29 EUR.\n", "", 0)
    trace = sb.last_trace()
    assert [span.kind for span in trace.spans] == ["chain", "llm", "tool", "llm"]
    assert (trace.summary.user_id, trace.summary.session_id) == ("ada", "node")
    first, tool, last = trace.spans[1:]
    assert first.output[0]["parts"][0]["name"] == "price"
    assert (tool.input, tool.output) == ({"plan": "Team"}, {"plan": "Team", "eur": 29})
    assert [message["role"] for message in last.input] == ["user", "assistant", "tool"]
    assert trace.summary.input_tokens == sum(call.usage["input_tokens"] for call in (first, last))
