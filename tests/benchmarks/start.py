"""What ``import spanbook`` and ``%load_ext spanbook`` cost, in new processes."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from pathlib import Path

from ._table import Row

_IMPORT = "import time; t = time.process_time(); import spanbook; print((time.process_time() - t) * 1000)"
_LOAD = """
import time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_cell("1 + 1")
import spanbook
t = time.process_time()
shell.run_line_magic("load_ext", "spanbook")
print((time.process_time() - t) * 1000)
"""
RUNS = 7


def run(folder: Path) -> list[Row]:
    """Return the medians of several processes each, files in the cache."""
    return [
        Row("import spanbook", _median_ms(_IMPORT, folder), "ms", 60.0),
        Row("%load_ext spanbook", _median_ms(_LOAD, folder), "ms", 250.0),
    ]


def _median_ms(code: str, folder: Path) -> float:
    environment = {**os.environ, "SPANBOOK_STORE": str(folder / "start.db"), "IPYTHONDIR": str(folder)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package is compiled once
    figures = []
    for _ in range(RUNS):
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True, cwd=folder
        )
        figures.append(float(done.stdout.split()[-1]))
    return statistics.median(figures[1:])
