"""JupyterLab for tests: one server, one page, notebooks made of cells of code.

Use it with ``pytest_plugins = ["tests.ui.lab"]``. Traps met here: a notebook's path keeps its old kernel, so sessions
are deleted between tests; the first run right after "idle" is lost, so a moment is waited; the news pop-up covers cells.
"""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

_START_S = 40
_READY = ".jp-Notebook-ExecutionIndicator[data-status=idle]"
_SETTINGS = {
    "@jupyterlab/apputils-extension": {
        "notification.jupyterlab-settings": {"fetchNews": "false", "checkForUpdates": False}
    },
    "@jupyterlab/docmanager-extension": {"plugin.jupyterlab-settings": {"autosave": False}},
}


class LabServer:
    """A JupyterLab server on a folder of its own, with nothing of the user's settings."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "notebooks"
        self.folder.mkdir()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        for name, files in _SETTINGS.items():
            for file, content in files.items():
                path = folder / "settings" / name / file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(json.dumps(content))
        root = [] if not hasattr(os, "geteuid") or os.geteuid() else ["--allow-root"]
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", f"--port={port}", "--IdentityProvider.token=",
                   "--ServerApp.disable_check_xsrf=True", f"--ServerApp.root_dir={self.folder}", *root]  # fmt: skip
        environment = os.environ | {
            "JUPYTER_CONFIG_DIR": str(folder / "config"),
            "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
            "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
            "IPYTHONDIR": str(folder / "ipython"),
            "SPANBOOK_STORE": str(folder / "store.db"),
            "SPANBOOK_JOURNAL": str(folder / "journal"),
        }
        self.log = (folder / "server.log").open("w")
        self._process = subprocess.Popen(command, env=environment, stdout=self.log, stderr=self.log)
        self._wait()

    def _wait(self) -> None:
        end = time.monotonic() + _START_S
        while time.monotonic() < end and self._process.poll() is None:
            try:
                self.api("GET", "status")
                return
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.1)
        self.stop()
        raise RuntimeError(f"JupyterLab did not start:\n{Path(self.log.name).read_text()[-3000:]}")

    def api(self, method: str, path: str) -> Any:
        """Ask the server; JSON comes back as values."""
        request = urllib.request.Request(f"{self.url}/api/{path}", method=method)
        with urllib.request.urlopen(request, timeout=10) as reply:
            body = reply.read()
        return json.loads(body) if body else None

    def end_kernels(self) -> None:
        """End every kernel, so that no notebook finds an old one."""
        for session in self.api("GET", "sessions"):
            self.api("DELETE", f"sessions/{session['id']}")

    def write(self, name: str, *cells: str) -> str:
        """Save a notebook without outputs; returns its name."""
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell, id=f"cell-{at}") for at, cell in enumerate(cells)],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        )
        nbformat.write(notebook, self.folder / name)
        return name

    def stop(self) -> None:
        """End the server and its kernels."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self.log.close()


class Notebook:
    """A notebook that is open in the page."""

    def __init__(self, page: Page, server: LabServer, name: str) -> None:
        self.page, self.server, self.name = page, server, name
        server.end_kernels()
        page.goto(f"{server.url}/doc/tree/{name}?reset")
        page.wait_for_selector(_READY, timeout=_START_S * 1000)
        page.wait_for_timeout(1500)  # idle is said a moment before cells can be run

    def cell(self, at: int) -> Locator:
        """The cell at this place, from 0."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(at)

    def output(self, at: int) -> Locator:
        """What is below a cell."""
        return self.cell(at).locator(".jp-OutputArea").first

    def start(self, at: int) -> None:
        """Run a cell and do not wait for its end."""
        prompt = self.cell(at).locator(".jp-InputPrompt")
        before = prompt.inner_text()
        for _ in range(5):  # the first key press after the page has loaded may be lost
            self.cell(at).locator(".cm-content").click()
            self.page.keyboard.press("Control+Enter")
            try:
                expect(prompt).not_to_have_text(before, timeout=2000)
                return
            except AssertionError:
                continue
        raise AssertionError(f"cell {at} of {self.name} does not run")

    def run(self, at: int, timeout_ms: int = 30_000) -> Locator:
        """Run a cell to its end; returns its output."""
        self.start(at)
        self.wait(at, timeout_ms)
        return self.output(at)

    def wait(self, at: int, timeout_ms: int = 30_000) -> None:
        """Wait for the end of a cell that runs."""
        prompt = self.cell(at).locator(".jp-InputPrompt")
        expect(prompt).to_have_text(re.compile(r"\[\d+\]"), timeout=timeout_ms)

    def save(self) -> Any:
        """Save the notebook, and return what is in the file."""
        self.page.keyboard.press("Control+s")
        path = self.server.folder / self.name
        before = path.stat().st_mtime_ns
        for _ in range(100):
            if path.stat().st_mtime_ns != before:
                break
            self.page.wait_for_timeout(50)
        self.page.wait_for_timeout(200)
        return nbformat.read(path, as_version=4)


@pytest.fixture(scope="session")
def lab_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    """JupyterLab, started once."""
    server = LabServer(tmp_path_factory.mktemp("lab"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def lab_page(browser: Browser) -> Iterator[Page]:
    """One page for the tests of a module: the first load of JupyterLab takes seconds."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    yield page
    page.close()
