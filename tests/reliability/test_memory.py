"""Without memory: the program sees its own errors only, and what was journalled is stored once there is some."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.reliability.processes import stored
from tests.tracing import rows, run

#: Memory is full (of blocks of some size) while spans begin and end; the program prints what it saw.
STARVED = """
import resource
{tracer}
def fill(least):
    size, hog = 1 << 20, []
    while size >= least:
        try:
            hog.append(bytearray(size))
        except MemoryError:
            size //= 4
    return hog

with sb.span("before"):
    pass
sb.flush(30)
long = ["x" * 30_000 for _ in range(20)]
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (48 << 20), -1))
seen = 0
for number in range(10):
    hog = None
    try:
        with sb.span("outer", input=number):
            hog = fill(1_000 if number % 2 else 100_000)
            for _ in range(100):
                with sb.span("inner", input=long):
                    pass
            bytearray(1 << 30)
    except MemoryError:
        seen += 1
resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
with sb.span("after"):
    pass
print(seen, sb.flush(30), sb.stats()["dropped"])
"""
NO_TRACER = """
from contextlib import nullcontext
class sb:
    span = lambda *_, **fields: nullcontext()
    flush = lambda _: True
    stats = lambda: {"dropped": 0}
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads how much memory it uses from /proc")
def test_a_program_without_memory_sees_what_it_would_have_seen(folder: Path) -> None:
    """Its own MemoryErrors and no other; the span is kept without its values, else counted, and nothing is half."""
    traced = run(STARVED.format(tracer="import spanbook as sb"), folder, options=("-W", "ignore"))
    assert run(STARVED.format(tracer=NO_TRACER), folder).stdout == "10 True 0\n"
    assert (traced.returncode, traced.stderr) == (0, "")
    seen, flushed, dropped = traced.stdout.split()
    assert (seen, flushed) == ("10", "True")
    found = Counter(stored(folder))
    assert found["before", "ok"] == found["after", "ok"] == 1
    ended = sum(count for (_, status), count in found.items() if status in ("ok", "error"))
    assert ended + int(dropped) == 2 + 10 + 1_000
    assert found["inner", "ok"] >= 500


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="CPython itself crashes when its allocations fail")
def test_no_allocation_that_fails_costs_the_fold_a_span(folder: Path) -> None:
    """The n-th fails, for all n until a fold comes through; the next fold brings what that one did not."""
    pytest.importorskip("_testcapi", reason="allocations are made to fail by CPython's own test module")
    done = run(
        """
        import _testcapi, itertools
        import spanbook as sb

        sb.init(redact="off")  # a redactor without memory fails closed: nothing of the value is kept
        fold = sb._runtime.active().fold
        fold._stopped = True  # from here on only this thread folds
        fold._wake.set()
        fold._thread.join()
        for number in itertools.count(1):
            with sb.span(f"s{number}", "llm", {"a": ["x" * 300, number]}, usage={"input_tokens": 1}) as span:
                span.event("note", number)
            failed = False
            _testcapi.set_nomemory(number, number + 1)
            try:
                fold.fold_once()
            except Exception:  # not always a MemoryError: CPython takes some for a wrong type
                failed = True
            finally:
                _testcapi.remove_mem_hooks()
            assert sb.flush(30)
            if not failed and number > 200:
                break
        print(number)
        """,
        folder, options=("-W", "ignore"),
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    number = int(done.stdout)
    assert Counter(stored(folder)) == {(f"s{at}", "ok"): 1 for at in range(1, number + 1)}
    assert rows(folder / "store.db", "SELECT count(*), count(DISTINCT span_id) FROM events") == [(number, number)]
