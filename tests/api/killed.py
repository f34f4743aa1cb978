"""A traced process that is killed in the middle of a span."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

_PROGRAM = """
import sys, time
import spanbook as sb

sb.init(store=sys.argv[1], instrument=False)
with sb.span("job", "agent", input="begin", user_id="ada"):
    with sb.span("done", "tool", input=1) as span:
        span.set(output="finished")
    with sb.span("stuck", "llm", input="what it was asked", model="m"):
        print("ready", flush=True)
        time.sleep(60)
"""


def trace_and_kill(store: Path) -> None:
    """Trace into ``store``: one span ends, two are open when SIGKILL comes."""
    with subprocess.Popen([sys.executable, "-c", _PROGRAM, str(store)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        os.kill(process.pid, signal.SIGKILL)
