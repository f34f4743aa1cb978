"""Logfire, Langfuse, Phoenix and OpenInference as they really are; each is skipped where it is not installed.

They are in no extra: ``pip install logfire langfuse arize-phoenix-otel openinference-instrumentation-openai``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.otel.collector import Collector, collector
from tests.tracing import run

__all__ = ["collector"]

_SET_UP = {
    "logfire": """
        import logfire
        logfire.configure(token="t", send_to_logfire=True, console=False, inspect_arguments=False,
                          advanced=logfire.AdvancedOptions(base_url=url))
        flush = logfire.force_flush
        theirs = lambda name: logfire.span(name)
        """,
    "langfuse": """
        from langfuse import Langfuse
        client = Langfuse(public_key="pk", secret_key="sk", base_url=url)
        flush = client.flush
        theirs = lambda name: client.start_as_current_observation(name=name, as_type="generation", model="gpt-4o-mini")
        """,
    "phoenix.otel": """
        from phoenix.otel import register
        provider = register(endpoint=url + "/v1/traces", verbose=False)
        flush = provider.force_flush
        theirs = lambda name: trace.get_tracer("lib").start_as_current_span(name)
        """,
}
_PROGRAM = """
import logging, sys, warnings
warnings.filterwarnings("error", category=__import__("spanbook").SpanbookWarning)
logging.basicConfig(level=logging.WARNING)
url = sys.argv[1]
import spanbook as sb
from IPython.testing.globalipapp import start_ipython
start_ipython().run_line_magic("load_ext", "spanbook")
from opentelemetry import trace
early = trace.get_tracer("early")
{set_up}
with sb.span("native root"), theirs("theirs"), sb.span("native inner"), early.start_as_current_span("early"):
    pass
flush()
found = sb.last_trace()
names = {{span.span_id: span.name for span in found.spans}}
print(*[f"{{span.name}} < {{names.get(span.parent_id)}}" for span in found.spans], sb.stats()["failures"], sep="; ")
"""


@pytest.mark.parametrize("library", _SET_UP)
def test_both_sides_get_every_span_once(library: str, collector: Collector, tmp_path: Path) -> None:
    """``%load_ext`` first, then the library configures itself, without a warning of either."""
    pytest.importorskip(library, reason=f"{library} is not installed")
    done = run(
        _PROGRAM.format(set_up="\n".join(map(str.strip, _SET_UP[library].splitlines()))), tmp_path, collector.url
    )
    assert done.stdout.splitlines()[-1] == (
        "native root < None; theirs < native root; native inner < theirs; early < native inner; {}"
    ), done.stderr
    assert "Overriding" not in done.stderr and "SpanbookWarning" not in done.stderr
    ended = [span for span in collector.spans if span["attributes"].get("logfire.span_type") != "pending_span"]
    sent = [span["span_id"] for span in ended]
    assert "theirs" in [span["name"] for span in ended] and len(sent) == len(set(sent))


def test_a_call_that_openinference_sees_too_counts_once(tmp_path: Path) -> None:
    """Its span and ours, one inside the other."""
    pytest.importorskip("openinference.instrumentation.openai", reason="openinference is not installed")
    done = run(
        """
        import spanbook as sb
        sb.init()
        from openinference.instrumentation.openai import OpenAIInstrumentor
        OpenAIInstrumentor().instrument()
        model = sb.offline.start(delays=False)
        with model.client(max_retries=0) as client:
            client.chat.completions.create(model="offline", messages=[{"role": "user", "content": "hi"}])
        print([span.counted for span in sb.last_trace().spans if span.kind == "llm"])
        model.stop()
        """,
        tmp_path,
    )
    assert done.stdout == "[False, True]\n", done.stderr
