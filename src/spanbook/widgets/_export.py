"""One trace as one HTML file, with the same explorer and no kernel, network or server.

The data is JSON in an element that no browser runs, with ``<`` escaped; the page's content security policy allows the
one script and the style sheets in it, by their hashes, and images and sounds made by
that script. So whatever a model wrote into the trace cannot run or call out.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any, Final

from ..model import UsageError
from ..model.format import format_bytes
from ..model.given import file_path
from ..model.values import not_captured
from ..store._read import StoreReader
from ..store._tree import blob_sizes
from ._facts import shortened, to_ms
from ._rpc_code import request_code
from ._rpc_conversation import turns_of
from ._rpc_detail import exact, span_detail
from ._rpc_diff import previous_calls
from ._rpc_files import STATIC, blob, not_built
from ._snapshot import snapshot_text
from ._state import TraceState

#: Characters of JSON beyond which payloads are left out.
MAX_TEXT: Final = 64_000_000
#: Bytes of one image or file, and of all together, beyond which they are left out.
MAX_BLOB: Final = 5_000_000
MAX_BLOBS: Final = 20_000_000
#: Characters of all requests as Python; each repeats its whole history.
MAX_CODE: Final = 4_000_000


@dataclass
class Room:
    """What one file still has room for: characters of texts and of requests as Python, bytes of images and files."""

    texts: int = field(default_factory=lambda: MAX_TEXT)
    blobs: int = field(default_factory=lambda: MAX_BLOBS)
    code: int = field(default_factory=lambda: MAX_CODE)


_PAGE_CSS: Final = (
    ":root{color-scheme:light dark}"
    "body{margin:16px;font:13px/1.5 system-ui,sans-serif}"
    "body{background:light-dark(#fff,#111418);color:light-dark(#1d2329,#dfe4ea)}"
    ".note{opacity:.7}"
)
_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width">
<meta name="generator" content="spanbook">
<title>{title}</title>
<style>{css}</style>
</head>
<body>
<main>
<noscript><pre>{text}</pre></noscript>
<script type="application/json" {attribute}>{data}</script>
{notes}
</main>
<script type="module">{script}</script>
</body>
</html>
"""


def export_html(reader: StoreReader, trace_id: str, path: str | os.PathLike[str]) -> Path:
    """Write a trace into one self-contained HTML file, and return its path.

    All spans with their payloads are in it; of images and files, those of at most 5 MB, 20 MB in all.

    Raises:
        TraceNotFoundError: the store has no such trace.
        UsageError: the path is a folder or cannot be written, or the widgets are not built.
    """
    return write_page(html_page(reader, trace_id), path, "trace.html")


def write_page(page: str, path: str | os.PathLike[str], example: str) -> Path:
    """Write the text of a page into a file, and return its path; ``example`` is a name for a file in a folder.

    Raises:
        UsageError: the path is a folder or cannot be written.
    """
    where = file_path(path, example)
    if where.is_dir():
        raise UsageError(f"path={str(path)!r} is a folder; give a file in it, such as {str(where / example)!r}.")
    try:
        where.write_text(page, encoding="utf-8", newline="\n")
    except OSError as error:
        raise UsageError(
            f"path={str(path)!r} cannot be written ({error.strerror or error}); "
            "give a file in a folder that you can write."
        ) from error
    return where


def html_page(reader: StoreReader, trace_id: str) -> str:
    """Return the text of the file.

    Raises:
        TraceNotFoundError: the store has no such trace.
        UsageError: the widgets are not built.
    """
    data, notes = trace_data(reader, trace_id)
    return page_html(
        title=shortened(data["meta"]["summary"]["name"], 80),
        text=snapshot_text(reader, trace_id),
        attribute="data-spanbook",
        data=data,
        notes=notes,
        bundle="export",
    )


def page_html(
    *, title: str, text: str, attribute: str, data: Any, notes: Iterable[str], bundle: str, inner: Iterable[str] = ()
) -> str:
    """Return a page whose module ``bundle`` draws the data of the script element with that attribute.

    ``inner`` are the bundles whose style sheets it needs beside its own.

    Raises:
        UsageError: the widgets are not built.
    """
    script = _built(f"{bundle}.js")
    sheets = [_PAGE_CSS, *(_built(f"{name}.css") for name in (bundle, *inner))]
    styles = " ".join(f"'{_hash(sheet)}'" for sheet in sheets)
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src {styles}; "
        "img-src blob:; media-src blob:; base-uri 'none'; form-action 'none'"
    )
    return _PAGE.format(
        policy=policy,
        title=escape(title),
        css=_PAGE_CSS,
        text=escape(text),
        attribute=attribute,
        data=json_for_html(data),
        notes="".join(f'<p class="note">{escape(note)}</p>' for note in notes),
        script=script,
    )


def trace_data(reader: StoreReader, trace_id: str, room: Room | None = None) -> tuple[dict[str, Any], list[str]]:
    """Return the trace as ``Exported`` in js/src/widgets/export.ts, and what had to be left out.

    What it takes of ``room`` is taken off it; without one it has a file to itself.
    """
    room = room or Room()
    state = TraceState(reader, trace_id, most=math.inf)  # nobody can be asked for more
    meta, cols = state.whole()
    texts, digests = _Texts(room.texts), dict[str, None]()
    codes: dict[str, Any] = {}
    details, notes = _details(reader, state, texts, digests, codes, room)
    turns = []
    for turn in turns_of(reader, trace_id):
        for row in state.rows_of([turn.span_id]) if not texts.is_full else ():
            given, made = texts.numbers(exact(turn.new_input)), texts.numbers(exact(turn.output))
            turns.append({"row": row, "new_input": given, "output": made})
    blobs, more = _blobs(reader, digests, room)
    room.texts -= texts.size
    previous = {}
    for span_id, (earlier, reason) in previous_calls(reader, trace_id).items():
        for row, at in zip(state.rows_of([span_id]), state.rows_of([earlier]), strict=False):
            previous[str(row)] = {"row": at, "reason": reason}
    data = {"meta": meta, "cols": _base64(cols), "messages": texts.messages, "details": details, "turns": turns,
            "blobs": blobs, "previous": previous, "code": codes}  # fmt: skip
    return data, [*notes, *more]


class _Texts:
    """The messages of a trace, each once, and how much there is to write."""

    def __init__(self, room: int) -> None:
        self.messages: list[Any] = []
        self.size = 0
        self._room = room
        self._numbers: dict[str, int] = {}

    @property
    def is_full(self) -> bool:
        """Whether there is more than there is room for."""
        return self.size > self._room

    def numbers(self, messages: Iterable[Any]) -> list[int]:
        """Return the places of these messages in ``messages``."""
        return [self._number(message) for message in messages]

    def _number(self, message: Any) -> int:
        key = json.dumps(message, ensure_ascii=False)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self.messages)
            self.messages.append(message)
            self.size += len(key)
        return number

    def shared(self, found: dict[str, Any] | None) -> dict[str, Any] | None:
        """Return a payload with its messages by number; other payloads as they are."""
        if found is None:
            return None
        if self.is_full:
            reason = f"left out of this file, which holds at most {format_bytes(MAX_TEXT)} of text"
            return {"kind": "json", "value": not_captured(reason)}
        if found["kind"] == "messages":
            return {"kind": "messages", "value": self.numbers(found["value"])}
        self.size += len(json.dumps(found["value"], ensure_ascii=False))
        return found


def _details(
    reader: StoreReader,
    state: TraceState,
    texts: _Texts,
    digests: dict[str, None],
    codes: dict[str, Any],
    room: Room,
) -> tuple[dict[str, Any], list[str]]:
    details: dict[str, Any] = {}
    left_out = 0
    spans = reader.spans(state.trace_id)
    scores = reader.scores("trace_id = ? AND span_id IS NULL", [state.trace_id])
    for span in spans:
        rows = state.rows_of([span.span_id])
        if not rows:
            continue
        is_root = span.span_id == state.trace["root_span_id"]
        given = [*span.scores, *(scores if is_root else ())]
        found = span_detail(span, given, long_at=None)
        for shown, score in zip(found["scores"], given, strict=True):  # for the log, which is made from the details
            shown["created_ms"] = to_ms(score.created_ns)
        digests.update(dict.fromkeys(_digests([found["input"], found["output"], found["metadata"]])))
        left_out += texts.is_full
        found["input"], found["output"] = texts.shared(found["input"]), texts.shared(found["output"])
        details[str(rows[0])] = found
        if span.kind in ("llm", "embedding") and room.code > 0:
            code = request_code(span)  # without its files, which are in the file once already
            room.code -= len(code["code"] or "") + len(code["messages"] or "")
            if room.code > 0:
                codes[str(rows[0])] = code
    noun = "span was" if left_out == 1 else "spans were"
    return details, [f"What {left_out} {noun} given and returned was left out of this file."] if left_out else []


def _digests(value: Any) -> Iterator[str]:
    """Yield the digests of media parts, at any depth."""
    if isinstance(value, dict):
        digest = value.get("digest")
        if isinstance(digest, str) and "blob" in (value.get("type"), value.get("$type")) and _is_hex(digest):
            yield digest
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _digests(item)


def _is_hex(text: str) -> bool:
    return len(text) == 32 and all(letter in "0123456789abcdef" for letter in text)


def _blobs(reader: StoreReader, digests: dict[str, None], room: Room) -> tuple[dict[str, Any], list[str]]:
    sizes = blob_sizes(reader, digests)
    blobs: dict[str, Any] = {}
    left_out = 0
    for digest in digests:
        if digest not in sizes:  # said where it would stand
            continue
        size = sizes[digest][1]
        if size > MAX_BLOB or size > room.blobs:
            left_out += 1
            continue
        mime_type, data = blob(reader, digest)
        blobs[digest] = {"mime_type": mime_type, "data": _base64(data)}
        room.blobs -= size
    noun = "image or file was" if left_out == 1 else "images and files were"
    return blobs, [f"{left_out} {noun} left out of this file: too large."] if left_out else []


def json_for_html(value: Any) -> str:
    """Return JSON that no HTML parser takes for anything but text."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _built(name: str) -> str:
    try:
        text = (STATIC / name).read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(not_built(name)) from error
    # the only texts that would end a script element; in our bundles they can stand in strings only
    return text.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
