"""Two traces side by side: which steps they share, and what changed in those."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from ..model import TraceSummary
from ..store._compare import compared_rows, reading_texts
from ..store._read import StoreReader
from ._align import Aligned, Step, align
from ._equal import Payloads, Sketch, likeness

Change: TypeAlias = Literal["same", "changed", "added", "removed"]

CHANGES: Final[tuple[Change, ...]] = ("same", "changed", "added", "removed")
#: The sign of each in a text; a sign and a word say what a colour would.
SIGNS: Final[dict[Change, str]] = {"same": " ", "changed": "~", "added": "+", "removed": "-"}
#: Names of a path; of one that is deeper the last so many, behind "…".
_LONGEST_PATH: Final = 50


class SpanRow(NamedTuple):
    """What a comparison keeps of a span, the columns of ``compared_rows``; payloads as they are stored."""

    span_id: str
    parent_id: str | None
    name: str
    kind: str
    status: str
    start_ns: int
    end_ns: int | None
    first_token_ns: int | None
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    model: str | None
    error_type: str | None
    counted: int
    provider: str | None
    prompt_name: str | None
    prompt_version: str | None
    input: Any
    output: Any
    error: Any
    model_parameters: Any
    tools: Any

    @property
    def duration_ms(self) -> float | None:
        """Milliseconds from start to end, None while it is open."""
        return None if self.end_ns is None else (self.end_ns - self.start_ns) / 1e6


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two traces."""

    reader: StoreReader
    summary: TraceSummary
    spans: Sequence[SpanRow]  # in order of start

    @property
    def trace_id(self) -> str:
        """32 hex digits."""
        return self.summary.trace_id


@dataclass(frozen=True, slots=True)
class Row:
    """A pair of spans, or a span that only one trace has."""

    a: SpanRow | None
    b: SpanRow | None
    parent: int  # place of the row above it, -1 for a root
    depth: int
    step: str  # its name, "lookup[2]" for the second lookup below one agent
    change: Change
    fields: tuple[str, ...]  # which of COMPARED changed
    shown: SpanRow  # the one that gives the row its name: b, or a where b is None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two traces, and their spans in one tree, depth first."""

    a: Side
    b: Side
    rows: Sequence[Row]

    @property
    def is_one_trace(self) -> bool:
        """Whether a trace is compared with itself."""
        return self.a.trace_id == self.b.trace_id and self.a.reader.path == self.b.reader.path

    def paths(self) -> list[str]:
        """Return where each row stands: the steps from its root, joined by "/"."""
        found = []
        for row in self.rows:
            steps, at = [row.step], row.parent
            while at >= 0 and len(steps) < _LONGEST_PATH:
                steps.append(self.rows[at].step)
                at = self.rows[at].parent
            found.append("/".join([*(["…"] if at >= 0 else []), *reversed(steps)]))
        return found

    def counts(self) -> dict[Change, int]:
        """Return how many rows there are of each change."""
        found: dict[Change, int] = dict.fromkeys(CHANGES, 0)
        for row in self.rows:
            found[row.change] += 1
        return found


def read_comparison(a: tuple[StoreReader, str], b: tuple[StoreReader, str]) -> Comparison:
    """Read two traces, each by its store and id, and compare them.

    Raises:
        TraceNotFoundError: a store has no such trace.
        StoreError: a store cannot be read.
    """
    return compare(_side(*a), _side(*b))


def compare(a: Side, b: Side) -> Comparison:
    """Align the spans of two traces, and say what changed in each pair."""
    with reading_texts(a.reader) as texts_a, reading_texts(b.reader) as texts_b:
        payloads = Payloads(texts_a, texts_b, is_one_store=a.reader.path == b.reader.path)

        @cache
        def sketch(side: int, place: int) -> Sketch:
            return payloads.sketch(side, (a, b)[side].spans[place].input)

        aligned = align(_steps(a.spans), _steps(b.spans), lambda i, j: likeness(sketch(0, i), sketch(1, j)))
        return Comparison(a, b, _rows(a.spans, b.spans, aligned, payloads))


def _side(reader: StoreReader, trace_id: str) -> Side:
    summary = reader.find_trace(trace_id)
    if summary is None:
        raise reader.no_such_trace(trace_id)
    return Side(reader, summary, [SpanRow(*row) for row in compared_rows(reader, trace_id)])


def _steps(spans: Sequence[SpanRow]) -> list[Step]:
    places = {span.span_id: place for place, span in enumerate(spans)}
    return [
        Step(-1 if span.parent_id is None else places.get(span.parent_id, -1), (span.kind, span.name), span.input)
        for span in spans
    ]


def _rows(a: Sequence[SpanRow], b: Sequence[SpanRow], aligned: Sequence[Aligned], payloads: Payloads) -> list[Row]:
    rows: list[Row] = []
    seen: dict[tuple[int, str], int] = {}
    for pair in aligned:
        one = None if pair.a is None else a[pair.a]
        other = None if pair.b is None else b[pair.b]
        change: Change = "removed" if other is None else "added"
        fields: tuple[str, ...] = ()
        if one is not None and other is not None:
            fields = tuple(name for name, differs in _TESTS.items() if differs(one, other, payloads))
            change = "changed" if fields else "same"
        named = one if other is None else other
        if named is None:
            continue
        number = seen[pair.parent, named.name] = seen.get((pair.parent, named.name), 0) + 1
        step = named.name if number == 1 else f"{named.name}[{number}]"
        rows.append(Row(one, other, pair.parent, pair.depth, step, change, fields, named))
    return rows


def _differs(*names: str) -> Callable[[SpanRow, SpanRow, Payloads], bool]:
    return lambda a, b, _: any(getattr(a, name) != getattr(b, name) for name in names)


def _payload_differs(name: str) -> Callable[[SpanRow, SpanRow, Payloads], bool]:
    return lambda a, b, payloads: not payloads.is_same(getattr(a, name), getattr(b, name))


#: What is compared of a pair. Times, tokens and cost differ in every run: they are given as differences instead.
_TESTS: Final[dict[str, Callable[[SpanRow, SpanRow, Payloads], bool]]] = {
    "name": _differs("name"),
    "status": _differs("status"),
    "error": lambda a, b, payloads: a.error_type != b.error_type or not payloads.is_same_error(a.error, b.error),
    "model": _differs("model"),
    "provider": _differs("provider"),
    "model_parameters": _payload_differs("model_parameters"),
    "tools": _payload_differs("tools"),
    "prompt": _differs("prompt_name", "prompt_version"),
    "input": _payload_differs("input"),
    "output": _payload_differs("output"),
}
COMPARED: Final = tuple(_TESTS)
