"""A trace of 10,000 spans in a real JupyterLab: first paint after the cell ends, bytes on the wire, scrolling."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Any

from tests.ui.conftest import ARGS
from tests.ui.lab import LabServer, Notebook

from ._table import Row

_SETUP = """%load_ext spanbook
%spanbook display off
import spanbook as sb, json
with sb.span("agent", "agent"):
    for turn in range(1111):
        with sb.span(f"turn {turn % 50}", "chain"):
            for step in range(8):
                with sb.span(f"step {step}", "llm" if step % 3 == 0 else "tool", {"n": step}) as span:
                    span.set(output="done", model="gpt-4o-mini", provider="openai",
                             usage={"input_tokens": 10, "output_tokens": 5})
sb.flush(60)
len(sb.last_trace().spans)"""
_SHOW = "sb.last_trace()"
_TRACED = "() => /10000/.test(document.querySelector('.jp-Cell .jp-OutputArea')?.innerText || '')"
#: When the prompt of the cell shows its number, and when rows of the tree are there and painted.
_WATCH = """() => {
  window.__bench = {};
  const cell = document.querySelectorAll('.jp-Notebook .jp-Cell')[1];
  const look = () => {
    const now = performance.now();
    const prompt = cell.querySelector('.jp-InputPrompt').innerText;
    if (!window.__bench.ended && /\\[\\d+\\]/.test(prompt)) window.__bench.ended = now;
    if (cell.querySelectorAll('.sb-row').length > 5) {
      requestAnimationFrame(() => requestAnimationFrame(() => { window.__bench.painted = performance.now(); }));
      return;
    }
    requestAnimationFrame(look);
  };
  look();
}"""
_SCROLL = """async () => {
  const tree = document.querySelector('.sb-tree');
  let box = tree; while (box && box.scrollHeight <= box.clientHeight + 10) box = box.parentElement;
  const inner = [...tree.querySelectorAll('*')].find(e => e.scrollHeight > e.clientHeight + 1000);
  const pane = inner || box;
  const frames = []; let last = performance.now();
  for (let at = 0; at < 240; at++) {
    await new Promise(next => requestAnimationFrame(next));
    const now = performance.now(); frames.push(now - last); last = now;
    pane.scrollTop += 130;
  }
  frames.sort((a, b) => a - b);
  return {median: frames[120], p95: frames[228], moved: pane.scrollTop};
}"""


def run(folder: Path) -> list[Row]:
    """Return the explorer rows; empty, with a word, where there is no Chromium."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("explorer: there is no Chromium; install it with `apt-get install chromium`")
        return []
    os.environ.pop("SPANBOOK_STORE", None)
    server = LabServer(folder)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=ARGS)
            size: Any = {"width": 1400, "height": 1000}
            figures = [_measure(browser.new_page(viewport=size), server) for _ in range(3)]
            browser.close()
    finally:
        server.stop()
    paint = min(figure["paint"] for figure in figures)
    return [
        Row("10,000 spans: first paint after the cell", paint, "ms", 300.0),
        Row("10,000 spans: bytes on the wire", figures[0]["bytes"] / 1000, "kB", 450.0),
        Row("10,000 spans: frame while scrolling, median", min(f["median"] for f in figures), "ms", 17.5),
        Row("10,000 spans: frame while scrolling, p95", min(f["p95"] for f in figures), "ms"),
    ]


def _measure(page: Any, server: LabServer) -> dict[str, float]:
    received = {"bytes": 0}

    def count(frame: Any) -> None:
        received["bytes"] += len(frame if isinstance(frame, bytes) else frame.encode())

    page.on("websocket", lambda socket: socket.on("framereceived", count))
    notebook = Notebook(page, server, server.write("bench.ipynb", _SETUP, _SHOW))
    notebook.start(0)
    page.wait_for_function(_TRACED, timeout=120_000)
    time.sleep(1.5)
    received["bytes"] = 0
    page.evaluate(_WATCH)
    notebook.start(1)
    page.wait_for_function("() => window.__bench.painted && window.__bench.ended", timeout=60_000)
    times = page.evaluate("() => window.__bench")
    time.sleep(0.5)
    wire = received["bytes"]
    scrolled = page.evaluate(_SCROLL)
    if scrolled["moved"] < 10_000:
        raise RuntimeError(f"the tree did not scroll: {scrolled}")
    page.close()
    paint = max(0.0, times["painted"] - times["ended"])
    return {"paint": paint, "bytes": wire, "median": scrolled["median"], "p95": scrolled["p95"]}
