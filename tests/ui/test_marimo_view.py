"""The explorer in marimo, which draws widgets its own way: in a shadow root, with requests on the kernel's thread."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

pytestmark = [pytest.mark.lab, pytest.mark.browser]

NOTEBOOK = """\
import marimo

app = marimo.App()


@app.cell
def _():
    import spanbook as sb

    with sb.span("assistant", kind="agent", input="What does Team cost?") as agent:
        with sb.span("search_docs", kind="retriever"):
            pass
        agent.set(output="It costs 29 EUR.")
    sb.last_trace()
    return


if __name__ == "__main__":
    app.run()
"""


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A marimo app that traces and shows what it traced."""
    notebook = tmp_path / "app.py"
    notebook.write_text(NOTEBOOK)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {
        "SPANBOOK_STORE": str(tmp_path / "store.db"),
        "SPANBOOK_JOURNAL": str(tmp_path / "journal"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    command = [sys.executable, "-m", "marimo", "-q", "run", str(notebook), "--headless", "--no-token", "-p", str(port)]
    with (tmp_path / "marimo.log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=tmp_path)
        try:
            for _ in range(300):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                assert process.poll() is None, (tmp_path / "marimo.log").read_text()
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)


def test_a_trace_is_shown_as_the_explorer(browser: Browser, url: str) -> None:
    page = browser.new_page(viewport={"width": 1180, "height": 800})
    page.goto(url)
    rows = page.locator(".sb-row")  # found in the shadow root too
    expect(rows).to_have_count(2, timeout=30_000)
    expect(page.locator(".sb-detail")).to_contain_text("It costs 29 EUR.")
    rows.nth(1).click()
    expect(page.locator(".sb-detail")).to_contain_text("search_docs")
    page.close()
