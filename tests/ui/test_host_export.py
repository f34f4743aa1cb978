"""The exported page opened from disk: the same explorer, no request, no error, no script but its own."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

import spanbook as sb
from spanbook.api import _runtime
from tests.ui.png import PNG

pytestmark = pytest.mark.browser

ATTACK = "</script><script>window.attacked=1</script><img src=x onerror='window.attacked=1'>"


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """The exported page of a trace with an error, an image and hostile texts."""
    sb.init(tmp_path / "store.db", instrument=False)
    image = {"type": "blob", "modality": "image", "mime_type": "image/png", "content": base64.b64encode(PNG).decode()}
    asked = [{"role": "user", "parts": [{"type": "text", "content": f"What is this? {ATTACK}"}, image]}]
    said = [{"role": "assistant", "parts": [{"type": "text", "content": "**A dot.**"}]}]
    with sb.span(f"look {ATTACK}", kind="agent", metadata={ATTACK: ATTACK}):
        with sb.span("answer", kind="llm", input=asked, model="gpt-4o-mini", provider="openai") as call:
            call.set(output=said)
        try:
            with sb.span("lookup", kind="tool"):
                raise TimeoutError(ATTACK)
        except TimeoutError:
            pass
    path = sb.last_trace().export_html(tmp_path / "trace.html")
    _runtime.reset()

    opened = browser.new_page(viewport={"width": 1180, "height": 800})
    requests: list[str] = []
    errors: list[str] = []
    opened.on("request", lambda request: requests.append(request.url))
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    opened.goto(path.as_uri())
    expect(opened.locator(".sb-row")).to_have_count(3)
    yield opened
    assert [url for url in requests if not url.startswith(("blob:", path.as_uri()))] == []
    assert errors == []
    assert opened.evaluate("window.attacked") is None
    opened.close()


def test_every_span_can_be_read(page: Page) -> None:
    page.locator(".sb-row", has_text="lookup").click()
    expect(page.locator(".sb-detail")).to_contain_text("TimeoutError")
    page.locator(".sb-row", has_text="answer").click()
    expect(page.locator(".sb-detail")).to_contain_text("A dot.")
    expect(page.locator(".sb-detail")).not_to_contain_text("**")


def test_texts_are_found_and_the_conversation_is_there(page: Page) -> None:
    page.locator(".sb-find input").fill("dot")
    page.keyboard.press("Enter")
    expect(page.locator(".sb-row", has_text="lookup")).to_have_count(0)
    page.keyboard.press("Escape")
    page.get_by_role("tab", name="Conversation").click()
    expect(page.locator(".sb-explorer")).to_contain_text("What is this?")


def test_the_other_views_need_no_kernel(page: Page) -> None:
    page.get_by_role("tab", name="Timeline").click()
    page.locator(".sb-chart").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".sb-detail h3")).to_contain_text("answer")
    page.get_by_role("tab", name="Graph").click()
    expect(page.locator(".sb-gnode")).to_have_count(3)
    page.get_by_role("tab", name="Log").click()
    expect(page.locator(".sb-lrow")).to_have_count(6)
    error = page.get_by_role("option", name="TimeoutError")
    error.click()
    expect(page.locator(".sb-detail h3")).to_contain_text("lookup")
    page.get_by_role("button", name="Errors").click()
    expect(page.locator(".sb-lrow")).to_have_count(5)


def test_nothing_can_be_said_or_stopped_in_a_file(page: Page) -> None:
    """The forms are absent, the filter is a plain search, and jumps work."""
    expect(page.locator(".sb-dh h3")).to_be_visible()
    expect(page.locator(".sb-do")).to_have_count(0)
    expect(page.get_by_role("searchbox")).to_be_visible()
    page.locator(".sb-tree").focus()
    page.keyboard.press("s")
    expect(page.locator(".sb-foot")).to_contain_text("of its own, slowest")


def test_an_image_is_shown_from_the_file(page: Page) -> None:
    page.locator(".sb-row", has_text="answer").click()
    expect(page.locator(".sb-detail img")).to_have_js_property("naturalWidth", 2)


def test_what_had_not_ended_was_running_when_the_file_was_written(browser: Browser, tmp_path: Path) -> None:
    sb.init(tmp_path / "store.db", instrument=False)
    with sb.span("agent"), sb.span("tool", kind="tool", input=""):
        sb.flush()
        path = sb.last_trace().export_html(tmp_path / "trace.html")
    _runtime.reset()
    opened = browser.new_page()
    opened.goto(path.as_uri())
    opened.locator(".sb-row", has_text="tool").click()
    expect(opened.locator(".sb-foot")).to_contain_text("2 running when this was written")
    expect(opened.locator(".sb-panel")).to_contain_text("empty text")
    expect(opened.locator(".sb-panel")).to_contain_text("It was running when this was written.")
    opened.close()


def test_a_table_sorts_and_opens_its_traces(browser: Browser, tmp_path: Path) -> None:
    """Texts of traces stay texts; what was left out is said."""
    store = sb.init(tmp_path / "store.db", instrument=False)
    for name in ("b", "c", f"a {ATTACK}"):
        with sb.span(name, input=ATTACK, output=f"answer of {name}", user_id=ATTACK):
            pass
    sb.flush()
    path = store.traces('name != "none"').export_html(tmp_path / "traces.html", traces=2)
    _runtime.reset()
    opened = browser.new_page()
    errors: list[str] = []
    opened.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    opened.goto(path.as_uri())
    expect(opened.locator(".sbt-bar")).to_contain_text('name != "none"')
    expect(opened.get_by_text("Only the first 2 traces can be opened in this file.")).to_be_visible()
    opened.get_by_role("columnheader", name="Name").get_by_role("button").click()
    expect(opened.locator(".sbt-row").first).to_contain_text(f"a {ATTACK}")
    opened.locator(".sbt-row").first.click()
    expect(opened.locator(".sb-detail")).to_contain_text("answer of a </script>")
    opened.locator(".sbt-row", has_text="b").last.click()
    expect(opened.get_by_text("This trace is not in this file")).to_be_visible()
    assert (errors, opened.evaluate("window.attacked")) == ([], None)
    opened.close()
