"""JupyterLab for tests: one server, one page, notebooks made of cells of code.

Traps met here: a notebook's path keeps its old kernel, so sessions are deleted between tests; the first run right
after "idle" may be lost, so it is tried again; news cover the cells, so they are switched off.
"""

import http.client
import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

_START_S = 40
_RAN = re.compile(r"\[\d+\]")
_READY = ".jp-Notebook-ExecutionIndicator[data-status=idle]"
_SETTINGS: dict[str, dict[str, Any]] = {
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
            self.port: int = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        for name, files in _SETTINGS.items():
            for file, content in files.items():
                path = folder / "settings" / name / file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(json.dumps(content))
        root = [] if not hasattr(os, "geteuid") or os.geteuid() else ["--allow-root"]
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", f"--port={self.port}", *root,
                   "--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True",
                   f"--ServerApp.root_dir={self.folder}"]  # fmt: skip
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
            except OSError:
                time.sleep(0.1)
        self.stop()
        raise RuntimeError(f"JupyterLab did not start:\n{Path(self.log.name).read_text()[-3000:]}")

    def api(self, method: str, path: str) -> Any:
        """Ask the server; JSON comes back as values."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, f"/api/{path}")
            body = connection.getresponse().read()
        finally:
            connection.close()
        return json.loads(body) if body else None

    def end_kernels(self) -> None:
        """End every kernel, so that no notebook finds an old one."""
        for session in self.api("GET", "sessions"):
            self.api("DELETE", f"sessions/{session['id']}")

    def write(self, name: str, *cells: str) -> str:
        """Save a notebook without outputs; returns its name."""
        blank: dict[str, Any] = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
        notebook = {
            "cells": [blank | {"id": f"cell-{at}", "source": cell} for at, cell in enumerate(cells)],
            "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        (self.folder / name).write_text(json.dumps(notebook))
        return name

    def stop(self) -> None:
        """End the server and its kernels."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.log.close()


class Notebook:
    """A notebook that is open in the page."""

    place = "doc/tree"

    def __init__(self, page: Page, server: LabServer, name: str) -> None:
        self.page, self.server, self.name = page, server, name
        server.end_kernels()
        page.goto(f"{server.url}/{self.place}/{name}?reset")
        page.wait_for_selector(_READY, timeout=_START_S * 1000, state="attached")
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
        prompt = self.cell(at).locator(".jp-InputPrompt")
        for _ in range(3):  # a kernel that is still being connected may let go of what it was asked
            self.start(at)
            expect(prompt).not_to_have_text("[*]:", timeout=timeout_ms)
            if _RAN.search(prompt.inner_text()):
                return self.output(at)
        raise AssertionError(f"cell {at} of {self.name} was not run to its end")

    def wait(self, at: int, timeout_ms: int = 30_000) -> None:
        """Wait for the end of a cell that runs."""
        prompt = self.cell(at).locator(".jp-InputPrompt")
        expect(prompt).to_have_text(_RAN, timeout=timeout_ms)

    def save(self) -> Any:
        """Save the notebook, and return what is in the file."""
        path = self.server.folder / self.name
        before = path.stat().st_mtime_ns
        self.cell(0).locator(".cm-content").click()
        self.page.keyboard.press("Control+s")
        for _ in range(100):
            if path.stat().st_mtime_ns != before:
                break
            self.page.wait_for_timeout(50)
        self.page.wait_for_timeout(200)
        return json.loads(path.read_text())


class Notebook7(Notebook):
    """A notebook that is open in Notebook 7, which the same server offers."""

    place = "notebooks"
