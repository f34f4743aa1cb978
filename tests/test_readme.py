"""The README's cells run as they stand, in an IPython of their own."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

RUN_CELLS = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()
for cell in json.load(sys.stdin):
    shell.run_cell(cell, store_history=True).raise_error()
"""


def test_the_cells_of_the_readme_run(root: Path, tmp_path: Path) -> None:
    """In order, in an empty folder; the trace they make is in the store and in the page they export."""
    cells = re.findall(r"^```python\n(.*?)^```", (root / "README.md").read_text("utf-8"), re.M | re.S)
    assert len(cells) == 2
    checks = [
        "assert len(sb.last_trace().spans) == 3, sb.last_trace().to_text()",
        "assert old.root.start_ns < new.root.start_ns",
    ]
    done = subprocess.run(
        [sys.executable, "-c", RUN_CELLS],
        input=json.dumps([*cells, *checks]),
        cwd=tmp_path,
        env={**os.environ, "IPYTHONDIR": str(tmp_path / "ipython")},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / ".spanbook/store.db").exists()
    assert "How long do refunds take?" in (tmp_path / "trace.html").read_text("utf-8")
