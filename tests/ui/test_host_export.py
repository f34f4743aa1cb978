"""The explorer in a file of its own: no kernel, no network, a content security policy of hashes."""

import base64
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.ui import agent
from tests.ui.conftest import HostPage, bundle
from tests.ui.wire import TraceData, b64

pytestmark = pytest.mark.browser
Open = Callable[..., HostPage]


def _hash(source: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(source.encode()).digest()).decode() + "'"


def page_of(trace: TraceData) -> str:
    meta, cols = trace.sent(encoding="deflate")
    data = {
        "meta": meta,
        "cols": b64(cols),
        "details": {str(row): trace.detail(row) for row in range(len(trace.lines))},
        "turns": agent.answers(trace)["conversation"]["answer"]["turns"],
        "blobs": {agent.PICTURE: {"mime_type": "image/png", "data": b64(agent.png())}},
    }
    code = bundle("export.js")
    policy = (
        f"default-src 'none'; script-src {_hash(code)}; style-src {_hash(bundle('export.css'))}; img-src blob:"
    )
    escaped = json.dumps(data).replace("<", "\\u003c")
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>trace</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f'<meta name="color-scheme" content="light dark"><body>'
        f'<script type="application/json" data-spanbook>{escaped}</script>'
        f'<script type="module">{code}</script></body></html>'
    )


@pytest.fixture
def exported(host: Open, tmp_path: Path) -> Page:
    path = tmp_path / "trace.html"
    path.write_text(page_of(agent.trace()), encoding="utf-8")
    opened = host()
    opened.page.goto(path.as_uri())
    opened.page.on("console", lambda message: opened.errors.append(message.text))
    expect(opened.page.locator(".sb-row")).to_have_count(14)
    return opened.page


def test_it_reads_like_the_live_one(exported: Page) -> None:
    assert exported.locator(".sb-row").first.evaluate("row => row.clientHeight") == 26
    exported.locator(".sb-row", has_text="answer").first.click()
    expect(exported.locator(".sb-out table")).to_contain_text("29.00")
    exported.locator(".sb-row", has_text="read_chart").click()
    image = exported.locator(".sb-detail img")
    assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") == 160
    exported.get_by_role("tab", name="Conversation").click()
    expect(exported.locator(".sb-turn")).to_have_count(3)


def test_words_are_found_in_it(exported: Page) -> None:
    exported.get_by_role("searchbox").fill("timeouterror prices")

    expect(exported.locator(".sb-find")).to_contain_text("1 found")
    expect(exported.locator(".sb-match")).to_contain_text("lookup_price")
