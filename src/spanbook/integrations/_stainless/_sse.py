"""Server-sent events as providers send them: the JSON of each ``data:`` field."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any


class EventDecoder:
    """Takes bytes in any pieces, gives the JSON objects that have become whole.

    Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
    """

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []

    def feed(self, piece: bytes) -> Iterator[Any]:
        """Yield the value of each event ``piece`` completes; what is not JSON (``[DONE]``) is left out."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            line = line.rstrip(b"\r")
            if line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
            elif not line and self._data:
                data, self._data = b"\n".join(self._data), []
                try:
                    yield json.loads(data)
                except ValueError:
                    continue
