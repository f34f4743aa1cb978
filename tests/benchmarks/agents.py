"""What tracing adds to the CPU time of a LangChain agent that asks the offline model, in a process of its own.

Runs with and without the integration take turns, since the machine's speed changes from one minute to the next; what is
added is compared within a turn, and the median of the turns counts. "The caller" is what the agent's threads do; the
fold, in the background, is the price of any span and has rows of its own (``fold``).
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from ._table import Row

_TURNS = 31
_RUNS = 6
_SERVER = """
import sys
from spanbook import offline
with offline.start(delays=False) as model:
    print(model.base_url, flush=True)
    sys.stdin.read()
"""
_QUESTION = {"messages": [("user", "What is the weather in Paris?")]}


def run(folder: Path) -> list[Row]:
    """Return what the integration adds, in per cent: two calls of a model and one of a tool in an agent's run."""
    import spanbook as sb
    from spanbook.api import _runtime

    with subprocess.Popen(
        [sys.executable, "-c", _SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None and server.stdin is not None
        agent = _agent(server.stdout.readline().strip())
        sb.init(store=folder / "agents.db", instrument=False)
        runtime = _runtime.active()
        rows = []
        for what, names, budget in (
            ("LangChain agent", ("langchain",), 10.0),
            ("  and its client's calls", ("langchain", "openai"), None),
        ):
            with runtime.fold.lock:
                bare, added = _turns(agent, names, lambda: runtime.journal.read(1 << 30))
            rows.append(Row(f"{what}, CPU added to the caller", added, "%", budget, against=f"{bare:.1f} ms"))
            bare, added = _turns(agent, names, sb.flush)
            rows.append(Row(f"{what}, CPU added with the fold", added, "%", None, against=f"{bare:.1f} ms"))
        _runtime.reset()
        server.stdin.close()
    return rows


def _turns(agent: Any, names: tuple[str, ...], finish: Callable[[], Any]) -> tuple[float, float]:
    """Return the milliseconds of a run that is not traced, and what tracing adds to it in per cent."""
    import spanbook as sb

    bare, traced = [], []
    for turn in range(_TURNS + 1):
        sb.instrument(*names)
        on = _cpu_ms(agent, finish)
        sb.uninstrument(*names)
        off = _cpu_ms(agent, finish)
        if turn:  # the first one warms up
            traced.append(on)
            bare.append(off)
    return median(bare), 100 * median(after / before - 1 for after, before in zip(traced, bare, strict=True))


def _cpu_ms(agent: Any, finish: Callable[[], Any]) -> float:
    agent.invoke(_QUESTION)  # the interpreter looks at patched classes anew
    finish()
    start = time.process_time_ns()
    for _ in range(_RUNS):
        agent.invoke(_QUESTION)
    finish()
    return (time.process_time_ns() - start) / _RUNS / 1e6


def _agent(url: str) -> Any:
    from langchain.agents import create_agent
    from langchain_core.tools import tool
    from langchain_openai import ChatOpenAI

    @tool  # type: ignore[untyped-decorator,unused-ignore]
    def get_weather(city: str) -> str:
        """Tell the weather of a city."""
        return f"sunny in {city}"

    options: dict[str, Any] = {"base_url": url, "api_key": "bench", "model": "gpt-4o-mini"}
    return create_agent(ChatOpenAI(**options), [get_weather], system_prompt="Answer in one sentence. " * 40)
