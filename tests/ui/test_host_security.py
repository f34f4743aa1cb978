"""What a model or a stranger wrote is shown, never run, and asks the network for nothing."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

import spanbook as sb
from spanbook.widgets import Chip
from tests.tracing import tracing_into
from tests.ui import agent
from tests.ui.conftest import HostPage
from tests.ui.payloads import HANDLERS, OUTSIDE, PAYLOADS, detail_of, parts_of, prefixes
from tests.ui.wire import Line, TraceData

pytestmark = pytest.mark.browser
Open = Callable[..., HostPage]

#: All is in the page, and little of it in sight: painting costs more than looking.
LOW = 160

#: Rows of which every tab is opened; each has a share of all payloads wherever a field holds many.
WALKED = 6

# Opens every row, and every tab of every n-th; returns what should not be there, and how many tabs were opened.
WALK = """async ([rows, each]) => {
  const pause = () => new Promise(done => setTimeout(done, 3));
  const until = async (seen) => { for (let i = 0; i < 800 && !seen(); i++) await pause(); return seen(); };
  const tree = document.querySelector('.sb-tree');
  const found = new Set();
  let tabs = 0;
  for (let row = 0; row < rows; row++) {
    tree.scrollTop = row * 26;
    await until(() => tree.querySelector(`[id$="-r${row}"]`));
    tree.querySelector(`[id$="-r${row}"]`).click();
    await until(() => tree.querySelector(`[id$="-r${row}"]`)?.ariaSelected === 'true');
    const shown = () => document.querySelector('.sb-panel') && !document.querySelector('.sb-detail .sb-busy');
    if (!await until(shown)) found.add(`row ${row} shows no detail`);
    for (const one of [...outside('.sb-right'), ...outside('.sb-row')]) found.add(one);
    if (row % each) continue;
    const all = () => [...document.querySelectorAll('.sb-sub [role="tab"]')];
    for (let at = 0; at < all().length; at++) {
      all()[at].click();
      await pause();
      await pause();
      const closed = '.sb-panel button[aria-expanded="false"], .sb-panel .sb-old';
      for (const button of document.querySelectorAll(closed)) button.click();
      await pause();
      for (const one of outside('.sb-right')) found.add(one);
      tabs++;
    }
  }
  return [[...found], tabs];
}"""
STREAM = """async (texts) => {
  const found = new Set();
  for (const text of texts) {
    host.push({ kind: 'partial', v: 1, row: 10, text, at_ms: 0 });
    await new Promise(done => setTimeout(done, 0));
    for (const one of outside('.sb-panel')) found.add(one);
  }
  return [...found];
}"""


def test_there_are_enough_of_them() -> None:
    assert len(PAYLOADS) == len(set(PAYLOADS)) >= 90


def test_the_look_finds_what_it_is_for(host: Open) -> None:
    """Put into a page as HTML, what is looked for is found; an oracle that sees nothing would prove nothing."""
    opened = host(fresh=True)
    page = opened.page
    page.evaluate(OUTSIDE)
    # on purpose as HTML: what the widgets never do
    page.evaluate("cell.innerHTML = '<div class=sb>plain <b title=x>text</b></div>'")
    assert page.evaluate("outside('.sb')") == []
    seen = "payload => { cell.innerHTML = `<div class=sb>${payload}</div>`; return outside('.sb').length > 0 }"
    assert sum(page.evaluate(seen, payload) for payload in HANDLERS) > len(HANDLERS) - 3
    page.wait_for_function("window.ran === 1")
    assert opened.requests != []


def shares() -> dict[int, list[str]]:
    """Rows whose every tab is opened, and the payloads in each."""
    rows = range(0, len(PAYLOADS), len(PAYLOADS) // WALKED)
    return {row: PAYLOADS[at :: len(rows)] for at, row in enumerate(rows)}


def hostile() -> TraceData:
    """A trace with one row per payload, and all of them in every field that holds many."""
    many = shares()
    return TraceData(
        [Line(payload, "llm", sub=payload, status="error", cost=1.0) for payload in PAYLOADS],
        name=PAYLOADS[16],
        details={row: detail_of(payload, many.get(row, [])) for row, payload in enumerate(PAYLOADS)},
        summary_changes={"user_id": PAYLOADS[0], "session_id": PAYLOADS[16], "tags": PAYLOADS, "n_llm": len(PAYLOADS)},
    )


def answers(data: TraceData) -> dict[str, object]:
    turns = [
        {"row": row, "new_input": [{"role": payload, "parts": parts_of(payload)}], "output": []}
        for row, payload in enumerate(PAYLOADS)
    ]
    return {
        **data.answers(),
        "detail": {"$by": "row", **{str(row): {"answer": data.detail(row)} for row in range(len(data.lines))}},
        "conversation": {"answer": {"turns": turns}},
        "diff": {
            "$by": "row",
            **{
                str(row): {
                    "answer": {
                        "row": max(row - 1, 0),
                        "reason": payload,
                        "before": [{"role": payload, "parts": parts_of(payload)}],
                        "after": [
                            {"role": payload, "parts": [*parts_of(payload), {"type": "text", "content": "more"}]}
                        ],
                    }
                }
                for row, payload in enumerate(PAYLOADS)
            },
        },
        "request_code": {
            "$by": "row",
            **{
                str(row): {"answer": {"code": payload, "messages": payload, "reason": payload}}
                for row, payload in enumerate(PAYLOADS)
            },
        },
        "blob": {"answer": {"mime_type": "image/svg+xml", "size": 1}, "buffers": ["AAAA"]},
        "find": {"answer": {"rows": [], "error": {"message": PAYLOADS[16], "at": 1}}},
        "more": {"answer": {"text": PAYLOADS[16], "next": None}},
    }


def harmless(opened: HostPage) -> None:
    """Nothing ran, nothing was asked for, nothing was opened."""
    assert opened.page.evaluate("outside('.sb')") == []
    assert opened.page.url == "http://notebook.test/"
    assert opened.requests == []
    assert opened.errors == []


def test_nothing_runs_and_nothing_is_requested(host: Open) -> None:
    """Every payload as name, error and model; in each tab's fields; in every view of the trace."""
    opened = host(height=LOW)
    page = opened.page
    page.evaluate(OUTSIDE)
    data = hostile()
    opened.explorer(data, answers=answers(data))
    page.get_by_role("combobox", name="Find or filter").fill(PAYLOADS[16])
    expect(page.locator(".sb-find-note")).to_contain_text(PAYLOADS[16])
    page.keyboard.press("Escape")

    rows = list(shares())
    found, tabs = page.evaluate(WALK, [len(PAYLOADS), rows[1]])
    assert found == []
    assert tabs >= 8 * len(rows)
    views = page.get_by_role("tablist", name="Views of the trace").get_by_role("tab")
    for view in views.all():
        view.click()
        expect(view).to_have_attribute("aria-selected", "true")
        page.wait_for_timeout(150)
        assert page.evaluate("outside('.sb')") == []
    page.get_by_role("tab", name="Conversation").click()
    expect(page.locator(".sb-turn")).to_have_count(len(PAYLOADS))
    harmless(opened)


def test_nothing_runs_while_it_streams_in(host: Open) -> None:
    """Half a tag, half an attribute, half an entity, half a link: what the page has at one moment is harmless too."""
    opened = host(height=LOW)
    page = opened.page
    page.evaluate(OUTSIDE)
    opened.explorer(agent.live(), _view={"row": 10})
    page.locator(".sb-sub").wait_for()
    # many begin alike; and each stands among others once
    texts = dict.fromkeys(text for payload in PAYLOADS for text in prefixes(payload))
    texts |= dict.fromkeys("\n\n".join(PAYLOADS[at : at + 5]) for at in range(0, len(PAYLOADS), 5))
    assert page.evaluate(STREAM, list(texts)) == []
    opened.push({"kind": "partial", "v": 1, "row": 10, "text": "the end <script>", "at_ms": 0})
    expect(page.locator(".sb-caret")).to_contain_text("the end <script>")
    harmless(opened)


def test_nothing_runs_when_rows_come_while_it_is_open(host: Open) -> None:
    opened = host()
    page = opened.page
    page.evaluate(OUTSIDE)
    data = agent.live()
    opened.explorer(data)
    page.locator(".sb-row").first.wait_for()
    first = len(data.lines)
    for at in range(0, len(PAYLOADS), 30):
        new = {
            first + at + i: Line(payload, "tool", parent=0, sub=payload[::-1], start=float(at + i))
            for i, payload in enumerate(PAYLOADS[at : at + 30])
        }
        opened.rows(data, new)
    expect(page.locator(".sb-foot")).to_contain_text(f"{first + len(PAYLOADS)} spans")
    for at in range(0, len(data.lines), 12):
        page.locator(".sb-tree").evaluate("(tree, top) => { tree.scrollTop = top }", at * 26)
        page.wait_for_timeout(20)
        assert page.evaluate("outside('.sb')") == []
    harmless(opened)


def test_the_chip_writes_text_only(host: Open) -> None:
    opened = host()
    page = opened.page
    page.evaluate(OUTSIDE)
    traces = [{"trace_id": payload, "name": payload, "status": payload, "duration_ms": 1} for payload in PAYLOADS]
    summary = {**agent.CHIP, "n_traces": len(traces), "traces": traces, "snap": "x'] , .sb, ["}
    error = "<img src=x onerror='window.ran = 1'>"
    opened.show("chip.js", {"_summary": summary, "_open": True, "_view": {}}, {"load": {"error": error}})

    expect(page.locator(".sb-explorer")).to_contain_text("<img src=x")
    harmless(opened)


def test_a_chip_that_is_told_hostile_totals_writes_text(host: Open) -> None:
    opened = host()
    opened.page.evaluate(OUTSIDE)
    opened.show("chip.js", {"_summary": agent.CHIP, "_open": False, "_view": {}}, {})
    opened.page.locator(".sb-chip").wait_for()
    for payload in PAYLOADS:
        trace = {"trace_id": payload, "name": payload, "status": payload, "duration_ms": 1}
        opened.set_trait("_summary", {**agent.CHIP, "n_traces": 1, "traces": [trace], "bars": [[payload, 1, 0, 1, 0]]})
    harmless(opened)


def trace_payloads(payloads: list[str]) -> sb.Trace:
    """Trace them for real: one span each, in every field that ``sb.span`` takes."""
    with sb.span(payloads[0], kind="agent", input=payloads, metadata={each: each for each in payloads}):
        for payload in payloads:
            said = [{"role": "assistant", "parts": parts_of(payload)}]
            try:
                with sb.span(payload, kind="llm", model=payload, provider=payload, input=said, tags=[payload],
                             user_id=payload, session_id=payload, metadata={payload: payload}) as span:  # fmt: skip
                    span.event(payload, {payload: payload})
                    span.set(output=said)
                    sb.score(payload[:200] or "x", payload, comment=payload)
                    raise type("Odd", (ValueError,), {"__module__": payload, "__qualname__": payload})(payload)
            except ValueError:
                pass
    return sb.last_trace()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sb.Store]:
    """An empty store that this process traces into, as it comes."""
    with tracing_into(tmp_path / "store.db", redact="off") as made:
        yield made


#: The attributes of a snapshot: nothing that is fetched, nothing that runs.
SNAPSHOT = """() => [...document.querySelectorAll('.sb-snap, .sb-snap *')].flatMap(el => [
  ...(/^(DIV|STYLE|DETAILS|SUMMARY|B|SPAN|TABLE|TBODY|TR|TD)$/.test(el.tagName) ? [] : [el.tagName]),
  ...[...el.attributes].map(a => a.name).filter(name => !/^(class|style|open)$/.test(name)),
  ...(/url\\(/.test(el.style.cssText) ? ['url'] : []),
])"""


def test_snapshots_hold_text_only(host: Open, store: sb.Store) -> None:
    """``_repr_html_`` of traces and chips, and the snapshot beside a live widget, parsed by a real browser."""
    html = []
    for at in range(0, len(PAYLOADS), 20):
        trace = trace_payloads(PAYLOADS[at : at + 20])
        chip = Chip(trace._reader, [trace.trace_id])
        html += [trace._repr_html_(), trace.view()._html(f"u{at}"), chip._repr_html_(), chip._html(f"c{at}")]
    many = [trace.trace_id for trace in sb.traces()]
    html.append(Chip(store._reader, many)._repr_html_())
    opened = host(body="".join(html))

    assert opened.page.locator(".sb-snap").count() == len(html)
    assert opened.page.evaluate(SNAPSHOT) == []
    opened.page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    opened.page.wait_for_timeout(100)
    opened.page.evaluate(OUTSIDE)
    harmless(opened)


@pytest.fixture
def exported(browser: Browser, store: sb.Store, tmp_path: Path) -> Iterator[Page]:
    """The exported page of a trace of payloads, opened from disk; fails on requests, dialogs and errors."""
    path = trace_payloads(PAYLOADS).export_html(tmp_path / "trace.html")
    page = browser.new_page(viewport={"width": 1180, "height": LOW})
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url))
    page.on("pageerror", lambda error: seen.append(f"error: {error}"))
    page.on("dialog", lambda dialog: seen.append(f"dialog: {dialog.message}"))
    page.on("console", lambda message: seen.append(message.text) if message.type == "error" else None)
    page.on("popup", lambda popup: seen.append(f"popup: {popup.url}"))
    page.goto(path.as_uri())
    yield page
    assert [each for each in seen if not each.startswith(("blob:", path.as_uri()))] == []
    page.close()


def test_the_exported_page_holds_text_only(exported: Page) -> None:
    exported.evaluate(OUTSIDE)
    exported.locator(".sb-row").first.wait_for()
    found, tabs = exported.evaluate(WALK, [len(PAYLOADS) + 1, 40])  # they hold the same, each its payload
    assert found == []
    assert tabs > 12
    for view in exported.get_by_role("tablist", name="Views of the trace").get_by_role("tab").all():
        view.click()
        exported.wait_for_timeout(150)
        assert exported.evaluate("outside('.sb')") == []


def test_links_open_apart_and_show_where_they_lead(host: Open) -> None:
    opened = host()
    data = TraceData([Line("say")], details={0: {"output": {"kind": "text", "value": "[bank](https://evil.test/x)"}}})
    opened.explorer(data)

    link = opened.page.locator(".sb-detail a")
    expect(link).to_have_attribute("rel", "noopener noreferrer")
    expect(link).to_have_attribute("target", "_blank")
    expect(link).to_have_attribute("title", "https://evil.test/x")
    expect(opened.page.locator(".sb-detail")).to_contain_text("bank evil.test/x")
    opened.page.context.route("https://evil.test/**", lambda route: route.fulfill(body="elsewhere"))
    with opened.page.expect_popup() as popup:
        link.click()
    expect(popup.value).to_have_url("https://evil.test/x")
    assert popup.value.evaluate("window.opener") is None
    popup.value.close()
