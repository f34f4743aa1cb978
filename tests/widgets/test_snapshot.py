"""The static snapshot: readable after any sanitiser, small, and harmless whatever a trace holds."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

import spanbook as sb
from spanbook.api._trace import Trace
from spanbook.widgets import Chip, snapshot_html
from spanbook.widgets._outline import MAX_LINES
from spanbook.widgets._snapshot import snapshot_text

Agent = Callable[[], Trace]

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' style='background:url(https://evil.test/x)",
    "</td></tr></table></details><h1>out</h1>",
    "<style>*{display:none}</style>",
    "&lt;b&gt;",
    "javascript:alert(1)",
]


class Tags(HTMLParser):
    """What a browser would make of it: tags with their attributes, and the text between them."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._style = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._style = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        self._style = False

    def handle_data(self, data: str) -> None:
        if not self._style:
            self.text += data


def test_a_trace_as_text(agent: Agent) -> None:
    assert (
        snapshot_text_of(agent())
        == """\
assistant: 1.30 s · 2,300 tok · $0.0004 · 6 spans · 2 llm · 1 error
assistant · agent · 1.30 s
├─ search_docs · retriever · 0.10 s
├─ plan gpt-4o-mini · llm · 1,080 tok · $0.0002 · 0.20 s
├─ lookup_price TimeoutError ✗ · tool · 0.10 s
├─ lookup_price · tool · 0.10 s
└─ answer gpt-4o-mini · llm · 1,220 tok · $0.0002 · 0.20 s"""
    )


def test_a_trace_without_any_style_is_still_readable(agent: Agent) -> None:
    """What GitHub leaves of it: tags and text."""
    trace = agent()
    text = Tags(snapshot_html(trace._reader, trace.trace_id)).text
    assert "    plan llm · gpt-4o-mini1,080$0.00020.20 s·····███" in text.replace("\xa0", " ")
    assert "lookup_price ✗ tool · TimeoutError" in text
    assert "lookup_price TimeoutError: no answer in 3 s" in text
    assert 'input {"question": "What does Team cost?"}' in text
    assert "output It costs 29 EUR." in text


def test_the_snapshot_keeps_to_tags_that_every_sanitiser_knows(agent: Agent) -> None:
    trace = agent()
    tags = Tags(snapshot_html(trace._reader, trace.trace_id, uid="u1")).tags
    assert {tag for tag, _ in tags} == {"div", "style", "details", "summary", "b", "span", "table", "tr", "td"}
    assert {name for _, attributes in tags for name in attributes} == {"class", "style", "open"}
    assert tags[0][1]["class"] == "sb-snap sb-snap-u1 mathjax_ignore"


def test_only_a_snapshot_that_a_widget_follows_hides_itself(agent: Agent) -> None:
    trace = agent()
    rule = ".jp-OutputArea-child:has(.sb-snap):has(+ .jp-OutputArea-child .sb){display:none}"
    assert rule in snapshot_html(trace._reader, trace.trace_id, uid="u1")
    assert "<style>" not in snapshot_html(trace._reader, trace.trace_id)


def test_a_long_trace_is_cut_and_small(store: sb.Store) -> None:
    with sb.span("root", input="x" * 100_000, output="y" * 100_000):
        for at in range(200):
            with sb.span(f"{'a long name of a step ' * 9}{at}", kind="llm", model="a-model-with-a-long-name" * 9):
                pass
    trace = store.last_trace()
    html = snapshot_html(trace._reader, trace.trace_id, uid="u1")
    assert html.count("<tr") == MAX_LINES + 1
    assert f"… {201 - MAX_LINES} more" in html
    assert len(html.encode()) < 20_000
    assert len(snapshot_text_of(trace).splitlines()) == MAX_LINES + 2


def test_deep_traces_are_indented_so_far_and_no_further(store: sb.Store) -> None:
    spans = [sb.span(f"level {at}").__enter__() for at in range(20)]
    for span in reversed(spans):
        span.__exit__(None, None, None)
    html = snapshot_html(store.last_trace()._reader, spans[0].trace_id)
    assert "&nbsp;" * 48 + "level 19" in html
    assert "&nbsp;" * 49 not in html


def test_children_of_what_never_came_and_of_themselves_are_shown(store: sb.Store) -> None:
    from spanbook.store._write import Batch, SpanRecord, StoreWriter

    rows = [("1" * 16, "9" * 16, "orphan"), ("2" * 16, "2" * 16, "own parent")]
    batch = Batch(spans=[
        SpanRecord({"trace_id": "a" * 32, "span_id": span, "parent_id": parent, "name": name, "kind": "span",
                    "status": "ok", "start_ns": 1, "end_ns": 2})
        for span, parent, name in rows
    ])  # fmt: skip
    StoreWriter(store.path).write(batch)
    text = snapshot_text(store._reader, "a" * 32)
    assert "orphan" in text
    assert "own parent" in text


def test_an_interrupted_span_does_not_run_on(store: sb.Store) -> None:
    """Its process is gone: how long it took is unknown, and the trace ends with what is known."""
    from spanbook.store._write import Batch, SpanRecord, StoreWriter

    like = {"trace_id": "b" * 32, "kind": "span", "status": "interrupted", "start_ns": 10**9}
    root = SpanRecord(like | {"span_id": "1" * 16, "name": "root"})
    step = {"span_id": "2" * 16, "parent_id": "1" * 16, "name": "step", "status": "ok", "end_ns": 2 * 10**9}
    StoreWriter(store.path).write(Batch(spans=[root, SpanRecord(like | step)]))
    assert snapshot_text(store._reader, "b" * 32).splitlines() == [
        "root: interrupted · 1.00 s · 2 spans",
        "root ! · span",
        "└─ step · span · 1.00 s",
    ]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_a_trace_holds_becomes_a_tag(store: sb.Store, text: str) -> None:
    try:
        with sb.span(text, kind="llm", model=text, input=text, output=[{"role": "user", "parts": [
            {"type": "text", "content": text}]}], metadata={text: text}, tags=[text]):  # fmt: skip
            raise type("Odd", (ValueError,), {"__module__": text})(text)
    except ValueError:
        pass
    trace = store.last_trace()
    allowed = {"div", "style", "details", "summary", "b", "span", "table", "tr", "td"}
    chip = Chip(trace._reader, [trace.trace_id])
    for html in (trace._repr_html_(), trace.view()._html("u1"), chip._html("u2"), chip._repr_html_()):
        seen = Tags(html)
        assert {tag for tag, _ in seen.tags} <= allowed
        assert {name for _, attributes in seen.tags for name in attributes} <= {"class", "style", "open"}
        assert all("url(" not in (attributes.get("style") or "") for _, attributes in seen.tags)
        assert text in seen.text


def test_a_chip_of_one_trace_opens_to_its_tree(agent: Agent) -> None:
    trace = agent()
    html = Chip(trace._reader, [trace.trace_id])._repr_html_()
    assert "<details><summary" in html
    assert "search_docs" in html
    assert Tags(html).text.startswith("1 trace · 1.30 s · 2,300 tok · $0.0004 · 6 spans · 2 llm · 1 error")


def test_a_chip_of_many_traces_opens_to_their_list(store: sb.Store) -> None:
    ids = []
    for at in range(30):
        with sb.span(f"job {at}") as span:
            ids.append(span.trace_id)
    sb.flush()
    html = Chip(store._reader, ids)._repr_html_()
    assert html.count("<tr") == MAX_LINES + 1
    assert "job 3" in html
    assert "… 5 more" in html
    assert len(html) < 20_000


def snapshot_text_of(trace: Trace) -> str:
    return snapshot_text(trace._reader, trace.trace_id)


def test_the_snapshot_of_a_saved_store_needs_no_tracing(agent: Agent, tmp_path: Path) -> None:
    trace = agent()
    sb.init(tmp_path / "other.db", instrument=False)
    other = sb.open(trace._reader.path).get_trace(trace.trace_id)
    assert other._repr_html_() == trace._repr_html_()
