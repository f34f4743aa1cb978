"""What a model or a stranger wrote is shown, never run, and asks the network for nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.ui import agent
from tests.ui.conftest import HostPage
from tests.ui.wire import Line, TraceData, messages

pytestmark = pytest.mark.browser
Open = Callable[..., HostPage]

PAYLOADS = [
    "<script>window.ran = 1</script>",
    "<img src=x onerror='window.ran = 1'>",
    "<img src=http://beacon.test/a.png>",
    "<svg onload='window.ran = 1'></svg>",
    "<svg><script>window.ran = 1</script></svg>",
    "<svg><use href='http://beacon.test/a.svg#x'></use></svg>",
    "<iframe src='javascript:window.parent.ran = 1'></iframe>",
    "<iframe srcdoc='<script>parent.ran = 1</script>'></iframe>",
    "<object data='http://beacon.test/o'></object>",
    "<embed src='http://beacon.test/e'>",
    "<link rel=stylesheet href=http://beacon.test/s.css>",
    "<style>@import url(http://beacon.test/i.css); .sb{background:url(http://beacon.test/b.png)}</style>",
    "<base href=http://beacon.test/>",
    "<meta http-equiv=refresh content='0;url=http://beacon.test/'>",
    "<form action=http://beacon.test/><button autofocus onfocus='window.ran = 1'>x</button></form>",
    "<video src=http://beacon.test/v onerror='window.ran = 1'></video>",
    "<audio src=http://beacon.test/a></audio>",
    "<input autofocus onfocus='window.ran = 1'>",
    "<details open ontoggle='window.ran = 1'>x</details>",
    "<math><mtext><table><mglyph><style><img src=x onerror='window.ran = 1'>",
    "<noscript><p title=\"</noscript><img src=x onerror='window.ran = 1'>\">",
    "![x](http://beacon.test/m.png)",
    "![x](x \"onerror='window.ran = 1'\")",
    "[x](javascript:window.ran=1)",
    "[x](  javascript:window.ran=1)",
    "[x](data:text/html,<script>opener.ran=1</script>)",
    "[x](vbscript:window.ran=1)",
    "[x]: http://beacon.test/ref\n\n![x][x]",
    "<javascript:window.ran=1>",
    "[<img src=x onerror='window.ran = 1'>](http://a.test/)",
    "`<img src=x onerror='window.ran = 1'>`",
    "| a |\n|-|\n| <img src=x onerror='window.ran = 1'> |",
    "- <svg onload='window.ran = 1'>",
    "\"><img src=x onerror='window.ran = 1'>",
    "'-(window.ran=1)-'",
    "{{constructor.constructor('window.ran=1')()}}",
    "${window.ran=1}",
    "javascript:window.ran=1",
    "\u202egnp.exe\u0000<b>",
]


def parts_of(payload: str) -> list[dict[str, Any]]:
    """Every kind of message part with the payload in every field of it."""
    return [
        {"type": "text", "content": payload},
        {"type": "reasoning", "content": payload},
        {"type": "refusal", "content": payload},
        {"type": "tool_call", "id": payload[:9], "name": payload, "arguments": {payload: payload}},
        {"type": "tool_call", "id": "2", "name": "f", "arguments": payload},
        {"type": "tool_call_response", "id": "none", "response": payload},
        {"type": "uri", "modality": payload, "uri": payload},
        {"type": "uri", "modality": "image", "uri": "http://beacon.test/u.png"},
        {"type": "file", "filename": payload},
        {"type": "blob", "modality": "image", "mime_type": payload, "digest": payload, "size": 1},
        {"type": "not_captured", "count": 1, "reason": payload},
        {"type": payload, "content": payload},
    ]


def detail_of(payload: str) -> dict[str, Any]:
    """A span with the payload in every field."""
    frame = {
        "$type": "dataframe",
        "shape": [1, 1],
        "columns": [payload],
        "dtypes": {payload: payload},
        "head": [{payload: payload}],
    }
    special = {"$type": "repr", "class": payload, "text": payload}
    return {
        "input": messages({"role": payload, "name": payload, "parts": parts_of(payload)}),
        "output": {"kind": "json", "value": {payload: [payload, special, frame]}},
        "error": {"type": payload, "module": payload, "message": payload, "traceback": payload},
        "tools": [{"name": payload, "description": payload, "parameters": {payload: payload}}],
        "metadata": {payload: payload},
        "attributes": {payload: payload},
        "events": [{"time_ms": 0, "name": payload, "data": {payload: payload}}],
        "scores": [{"name": payload, "value": payload, "value_type": "text", "source": payload, "comment": payload}],
        "span": {
            "model": payload,
            "provider": payload,
            "error_type": payload,
            "finish_reason": payload,
            "prompt_name": payload,
            "cost_source": payload,
            "cost_usd": 1.0,
            "user_id": payload,
            "tags": [payload],
            "notebook": payload,
        },
    }


FORBIDDEN = "script, img, iframe, object, embed, link, svg, math, video, audio, form, base, meta"

# Opens every tab of every span and returns how many forbidden elements were seen, and how many tabs.
WALK = """async (forbidden) => {
  const pause = () => new Promise(done => setTimeout(done, 6));
  const until = async (seen) => { for (let i = 0; i < 400 && !seen(); i++) await pause(); };
  const tree = document.querySelector('.sb-tree');
  let found = 0, tabs = 0;
  for (let row = 0; row < ROWS; row++) {
    tree.scrollTop = row * 26;
    await until(() => tree.querySelector(`[id$="-r${row}"]`));
    tree.querySelector(`[id$="-r${row}"]`).click();
    const id = (row + 1).toString(16).padStart(16, '0');
    await until(() => host.model.get('selected_span_id') === id);
    await pause();
    for (let tab = 0; tab < 8; tab++) {
      document.querySelectorAll('.sb-sub [role="tab"]')[tab].click();
      await pause();
      found += document.querySelectorAll(`.sb :is(${forbidden})`).length;
      tabs++;
    }
  }
  return [found, tabs];
}"""


def test_nothing_runs_and_nothing_is_requested(host: Open) -> None:
    opened = host()
    data = TraceData(
        [Line(payload, "llm", sub=payload, status="error", cost=1.0) for payload in PAYLOADS],
        name=PAYLOADS[1],
        details={row: detail_of(payload) for row, payload in enumerate(PAYLOADS)},
        summary_changes={"user_id": PAYLOADS[0], "session_id": PAYLOADS[1], "tags": PAYLOADS},
    )
    turns = [
        {"row": row, "new_input": [{"role": payload, "parts": parts_of(payload)}], "output": []}
        for row, payload in enumerate(PAYLOADS)
    ]
    answers = {
        "conversation": {"answer": {"turns": turns}},
        "blob": {"answer": {"mime_type": "image/svg+xml", "size": 1}, "buffers": ["AAAA"]},
        "find": {"answer": {"rows": [], "error": {"message": PAYLOADS[1], "at": 1}}},
    }
    opened.explorer(data, answers=answers)
    page = opened.page
    page.get_by_role("combobox", name="Find or filter").fill(PAYLOADS[1])
    expect(page.locator(".sb-find-note")).to_contain_text(PAYLOADS[1])
    page.keyboard.press("Escape")

    assert page.evaluate(WALK.replace("ROWS", str(len(PAYLOADS))), FORBIDDEN) == [0, 8 * len(PAYLOADS)]
    page.get_by_role("tab", name="Conversation").click()
    expect(page.locator(".sb-turn")).to_have_count(len(PAYLOADS))
    assert page.locator(f".sb :is({FORBIDDEN})").count() == 0
    schemes = page.evaluate("[...document.querySelectorAll('.sb a')].map(a => a.protocol)")
    assert set(schemes) <= {"http:", "https:", "mailto:"}
    assert page.evaluate("window.ran") is None
    assert opened.requests == []


def test_nothing_runs_while_it_streams_in(host: Open) -> None:
    opened = host()
    data = agent.live()
    opened.explorer(data, _view={"row": 10})
    opened.page.locator(".sb-sub").wait_for()
    so_far = ""
    for payload in PAYLOADS:
        for piece in (payload[: len(payload) // 2], payload[len(payload) // 2 :]):
            so_far += piece
            opened.push({"kind": "partial", "v": 1, "row": 10, "text": so_far, "at_ms": 0})
        so_far += "\n\n"

    expect(opened.page.locator(".sb-caret")).to_contain_text("window.ran=1")
    assert opened.page.locator(f".sb :is({FORBIDDEN})").count() == 0
    assert opened.page.evaluate("window.ran") is None
    assert opened.requests == []


def test_the_chip_writes_text_only(host: Open) -> None:
    opened = host()
    traces = [{"trace_id": payload, "name": payload, "status": payload, "duration_ms": 1} for payload in PAYLOADS]
    summary = {**agent.CHIP, "n_traces": len(traces), "traces": traces, "snap": "x'] , .sb, ["}
    opened.show(
        "chip.js",
        {"_summary": summary, "_open": True, "_view": {}},
        {"load": {"error": "<img src=x onerror='window.ran = 1'>"}},
    )

    expect(opened.page.locator(".sb-explorer")).to_contain_text("<img src=x")
    assert opened.page.locator(f".sb :is({FORBIDDEN})").count() == 0
    assert opened.page.evaluate("window.ran") is None
    assert opened.requests == []


def test_links_open_apart_and_show_where_they_lead(host: Open) -> None:
    opened = host()
    data = TraceData([Line("say")], details={0: {"output": {"kind": "text", "value": "[bank](https://evil.test/x)"}}})
    opened.explorer(data)

    link = opened.page.locator(".sb-detail a")
    expect(link).to_have_attribute("rel", "noopener noreferrer")
    expect(link).to_have_attribute("target", "_blank")
    expect(link).to_have_attribute("title", "https://evil.test/x")
    expect(opened.page.locator(".sb-detail")).to_contain_text("bank evil.test/x")
