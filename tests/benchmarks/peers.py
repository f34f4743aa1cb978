"""langfuse and mlflow beside us in the same run: ``make bench PEERS=1``.

Each is installed into a throwaway environment in a temporary folder; nothing of the project's own environment is
touched. langfuse sends to a sink on loopback that answers 200, so a server's work is not in its figures.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from ._table import Row

ROOT = Path(__file__).parents[2]
#: What each is to be better than by: CPU of the calling thread, CPU of the process until all is stored or sent.
AT_LEAST: dict[str, tuple[float | None, float | None]] = {"langfuse": (20.0, 3.0), "mlflow": (40.0, 40.0)}
_NOT_OURS = ("LANGFUSE_", "MLFLOW_", "OTEL_", "SPANBOOK_STORE", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")


def run(folder: Path) -> list[Row]:
    """Return ours with its ratio to each peer; a peer that cannot be had is a row that says so."""
    rows = []
    with sink() as url:
        ours = _measure(sys.executable, "spanbook", folder, url)
        for name, at_least in AT_LEAST.items():
            try:
                theirs = _measure(_install(name, folder), name, folder, url)
            except (OSError, subprocess.SubprocessError, ValueError) as error:
                rows.append(Row(f"{name}: not measured", float("nan"), "", against=_why(error)))
                continue
            rows += _compare(name, ours, theirs, at_least)
    return rows


def _compare(name: str, ours: Any, theirs: Any, at_least: tuple[float | None, float | None]) -> Iterator[Row]:
    for how, figures in ours["figures"].items():
        for at, what in enumerate(("caller", "total until flushed")):
            mine, other = figures[at], theirs["figures"][how][at]
            against = f"{name} {theirs['version']}: {other:.0f} µs"
            yield Row(f"3.3 kB span, {how}, {what}", mine, "µs", None, other / mine, at_least[at], against)


def _install(name: str, folder: Path) -> str:
    """Make an environment with the newest release of a package; return its Python."""
    home = folder / name
    print(f"… installing {name} into {home}", file=sys.stderr, flush=True)
    venv.create(home, with_pip=True)
    python = home / ("Scripts" if os.name == "nt" else "bin") / "python"
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", name]
    subprocess.run(command, env=_environment(folder), check=True, capture_output=True, text=True, timeout=1_200)
    return str(python)


def _measure(python: str, name: str, folder: Path, url: str) -> Any:
    """Run one tracer in a process of its own and return what it printed."""
    place = folder / f"{name}-run"
    place.mkdir(exist_ok=True)
    paths = [str(ROOT), *([os.environ.get("PYTHONPATH", "")] if name == "spanbook" else [])]
    environment = {**_environment(folder), "PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(
        [python, "-W", "ignore", "-m", "tests.benchmarks._peer", name, str(place), url],
        cwd=place, env=environment, check=True, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


def _environment(folder: Path) -> dict[str, str]:
    """No settings of the person who runs this, and nobody else to talk to."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_OURS)}
    return {**kept, "HOME": str(folder), "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1"}


def _why(error: Exception) -> str:
    said = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
    return said[-1][:120] if said else type(error).__name__


@contextmanager
def sink() -> Iterator[str]:
    """Serve on loopback; whatever is posted is read and answered with 200."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Sink)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Sink(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.do_GET()

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""
