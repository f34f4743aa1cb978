"""``make bench``: every budget that a machine can measure, as ratios and figures of one run.

``python -m tests.benchmarks [NAME…]`` runs only the named parts: caller otel threads tail gil fold receiver redaction
size start frames traces explorer agents peers. Peers are installed from the package index into a temporary folder, so
they are measured only when they are named or ``PEERS=1`` is set.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from . import (
    agents,
    caller,
    explorer,
    fold,
    frames,
    gil,
    otel,
    peers,
    receiver,
    redaction,
    size,
    start,
    tail,
    threads,
    traces,
)
from ._table import Row, table

PARTS = {
    "caller": caller.run,
    "otel": otel.run,
    "threads": threads.run,
    "tail": tail.run,
    "gil": gil.run,
    "fold": fold.run,
    "receiver": receiver.run,
    "redaction": redaction.run,
    "size": size.run,
    "start": start.run,
    "frames": frames.run,
    "traces": traces.run,
    "explorer": explorer.run,
    "agents": agents.run,
    "peers": peers.run,
}


def main(names: list[str]) -> int:
    """Run the parts and print their table; returns an exit code."""
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        print(f"no benchmark is called {unknown[0]!r}; they are {', '.join(PARTS)}.", file=sys.stderr)
        return 2
    rows: list[Row] = []
    unasked = () if os.environ.get("PEERS", "0") not in ("", "0") else ("peers",)
    for name in names or [name for name in PARTS if name not in unasked]:
        with tempfile.TemporaryDirectory(prefix="spanbook-bench-") as folder:
            os.environ["SPANBOOK_JOURNAL"] = str(Path(folder) / "journal")
            print(f"… {name}", file=sys.stderr, flush=True)
            rows += PARTS[name](Path(folder))
    print(table(rows))
    return 0


sys.exit(main(sys.argv[1:]))
