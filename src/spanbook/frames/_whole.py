"""Spans with what the store keeps apart from them: files, and the scores of their trace and its session.

What leaves the store must not depend on it. So a part that names a file by its digest gets the bytes as base64 in
``content``, as GenAI's conventions have it, and becomes the same file again where it is imported. Spans are completed
one by one, while they are written, so the files of one span are in memory at a time.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Protocol

from ..model import Json, Score, Span, StoreError
from ..model.format import format_bytes
from ..model.values import not_captured
from ..store._read import StoreReader


class Complete(Protocol):
    """Completes a span; with a reason, files are left out for it."""

    def __call__(self, span: Span, no_files: str | None = None, /) -> Span: ...


#: Bytes of one file, and of all files of a span, beyond which a part says that they were left out.
MAX_FILE: Final = 20_000_000
MAX_FILES: Final = 50_000_000
_FIELDS: Final = ("input", "output", "error", "metadata", "attributes", "model_parameters", "tools", "links")
_OF_TRACE: Final = "span_id IS NULL AND (trace_id = ? OR (trace_id IS NULL AND session_id = ?))"


def completer(reader: StoreReader, spans: Sequence[Span]) -> Complete:
    """Return what completes the spans of one trace.

    Scores of the trace and of its session go with its root, or with the first span when that is not among them.
    """
    if not spans:  # of a damaged store
        return lambda span, no_files=None, /: span
    trace_id = spans[0].trace_id
    summary = reader.find_trace(trace_id)
    root_id = None if summary is None else summary.root_span_id
    if not any(span.span_id == root_id for span in spans):
        root_id = spans[0].span_id
    session_id = None if summary is None else summary.session_id
    above = reader.scores(_OF_TRACE, [trace_id, session_id])

    def complete(span: Span, no_files: str | None = None, /) -> Span:
        return _Files(reader, no_files).put_into(span, above if span.span_id == root_id else ())

    return complete


class _Files:
    """Reads the files of one span while there is room for them."""

    def __init__(self, reader: StoreReader, no_files: str | None) -> None:
        self._reader, self._no_files = reader, no_files
        self._left = MAX_FILES

    def put_into(self, span: Span, scores: Sequence[Score]) -> Span:
        """Return a span with its files, and with more scores."""
        changed: dict[str, Any] = {}
        for name in _FIELDS:
            before = getattr(span, name)
            if (after := self._filled(before)) is not before:
                changed[name] = after
        events = [event if (data := self._filled(event.data)) is event.data else replace(event, data=data)
                  for event in span.events]  # fmt: skip
        if any(new is not old for new, old in zip(events, span.events, strict=True)):
            changed["events"] = events
        if scores:
            changed["scores"] = [*span.scores, *scores]
        return replace(span, **changed) if changed else span

    def _filled(self, value: Json) -> Json:
        """Return a value with the bytes of the files that it names; the same one when it names none."""
        if isinstance(value, dict):
            if "blob" in (value.get("type"), value.get("$type")) and "content" not in value:
                return self._part(value)
            changed = {key: new for key, old in value.items() if (new := self._filled(old)) is not old}
            return {**value, **changed} if changed else value
        if isinstance(value, list):
            found = [self._filled(item) for item in value]
            return found if any(new is not old for new, old in zip(found, value, strict=True)) else value
        return value

    def _part(self, part: Mapping[str, Any]) -> Json:
        digest = part.get("digest")
        if not isinstance(digest, str):
            return part
        why = self._no_files or self._refused(part.get("size"))  # before it is read, where that is known
        if why is not None:
            return _left_out(part, why)
        try:
            found = self._reader.read_blob(digest)
        except StoreError as error:
            return _left_out(part, f"its bytes are damaged ({error})")
        if found is None:  # it never came, or the part is the user's own
            return part
        why = self._refused(len(found[1]))
        if why is not None:
            return _left_out(part, why)
        self._left -= len(found[1])
        return {**part, "content": base64.b64encode(found[1]).decode("ascii")}

    def _refused(self, size: Json) -> str | None:
        """Return why a file of this size is left out."""
        if not isinstance(size, int):
            return None
        if size > MAX_FILE:
            return f"it has {format_bytes(size)}, and at most {format_bytes(MAX_FILE)} are exported"
        if size > self._left:
            return f"the files of its span have more than {format_bytes(MAX_FILES)}, which are exported at most"
        return None


def _left_out(part: Mapping[str, Any], reason: str) -> Json:
    """Return what stands in the place of a file."""
    said = f"a file ({part.get('mime_type')}): {reason}"
    return not_captured(said) if "$type" in part else {"type": "not_captured", "count": 1, "reason": said}
