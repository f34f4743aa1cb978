"""One reported method and its span, until it has ended; streams outlive the method."""

from __future__ import annotations

import time
from typing import Any, Final

from ...tracer import Span
from ...tracer._span import _get, _set
from .._guard import guard

_SHOW_EVERY_S: Final = 0.05


class Node:
    """A span and what has to be known of it to end it."""

    __slots__ = (
        "_before",
        "_nodes",
        "has_ended",
        "has_read",
        "ids",
        "instance",
        "is_driven",
        "is_left",
        "kind",
        "last",
        "shown",
        "span",
        "vectors",
    )

    def __init__(self, span: Span, kind: str, instance: Any, nodes: dict[str, Node]) -> None:
        self.span, self.kind, self.instance, self._nodes = span, kind, instance, nodes
        self.ids: list[str] = []  # LlamaIndex's ids of the methods that it stands for
        self.is_left = self.is_driven = False  # the method has returned a stream; that tells its end itself
        self._before: Span | None = None
        self.last: Any = None  # what a stream brought last
        self.vectors: list[int] = [0, 0]  # how many, and their length
        self.shown, self.has_read, self.has_ended = -1.0, False, False

    def enter(self) -> None:
        """Make the span current; call :meth:`leave` in the same context."""
        self._before = _get()
        _set(self.span)

    def leave(self) -> None:
        """Make current what was before."""
        if _get() is self.span:
            _set(self._before)
        self._before = None

    def take(self, response: Any) -> None:
        """Take what a stream has brought: the text so far is shown at most every 50 ms."""
        self.last, self.has_read = response, True
        now = time.monotonic()
        if now - self.shown < _SHOW_EVERY_S:
            return
        message = getattr(response, "message", None)
        text = getattr(response, "text", None) if message is None else message.content
        if not text and not getattr(message, "blocks", None):
            return
        if self.shown < 0:
            self.span.first_token()
        self.shown = now
        if text:
            self.span.partial(text)

    def end(self, error: BaseException | None = None, abandoned: str | None = None) -> None:
        """End the span once, with what came; ``abandoned`` says why no more will.

        A cancelled task gave up, which is no failure of the model.
        """
        if self.has_ended:
            return
        self.has_ended = True
        for id_ in self.ids:
            self._nodes.pop(id_, None)
        if error is not None and not isinstance(error, Exception | KeyboardInterrupt | SystemExit):
            error, abandoned = None, "closed" if isinstance(error, GeneratorExit) else "cancelled"
        with guard("record a stream of LlamaIndex"):
            if self.last is not None:
                from ._content import answer

                self.span.set(**answer(self.last))
            if abandoned is not None:
                reason = abandoned if self.has_read else f"{abandoned}, not read"
                self.span.set(level="warning", attributes={"stream": "abandoned", "stream.reason": reason})
        self.last = self.instance = None
        self.span.end(error)
