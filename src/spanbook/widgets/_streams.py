"""Text that is being streamed, on its way to a view; and the word that the cell of a trace ran again.

Streamed text is in memory only (``tracer._recorder.partials``) and goes to the page, never to the journal. The page is
shown no more than the store will keep: the text is redacted by the same policy, and its end is held back while it may
be the beginning of a key.
"""

from __future__ import annotations

from typing import Any, Final

from ..model import clock, ids
from ..tracer import _recorder
from ._facts import to_ms
from ._live import source
from ._state import TraceState

#: Characters of a text that are shown while it grows: its end.
TAIL: Final = 20_000
#: Characters before them that are looked at too, so that no key is cut in two where the tail begins.
_MARGIN: Final = 2_000
#: Texts sent in one round.
_AT_ONCE: Final = 4
#: Lengths of a run of printing ASCII at the end that may be the beginning of a key. Longer runs are data.
_KEY_FROM: Final = 8
_KEY_TO: Final = 512


class Streams:
    """The streamed texts of one trace, and how much of each was sent."""

    def __init__(self, state: TraceState) -> None:
        self._state = state
        self._sent: dict[int, str] = {}  # by span
        self._policy: Any = None
        self._redactor: Any = None

    def news(self, first: str | None) -> list[dict[str, Any]]:
        """Return the messages that tell what has grown, the span ``first`` before others, and that the cell ran again.

        Texts are few in one round.
        """
        ran = self._state.cell_news()
        return [*self._grown(first), *([] if ran is None else [ran])]

    def _grown(self, first: str | None) -> list[dict[str, Any]]:
        partials = _recorder.partials
        if not partials:
            self._sent.clear()
            return []
        grown = [(span, text) for (trace, span), text in list(partials.items())
                 if trace == self._state.trace_id and self._sent.get(span) != text]  # fmt: skip
        grown.sort(key=lambda each: ids.span_hex(each[0]) != first)  # the one looked at comes first
        return [message for span, text in grown[:_AT_ONCE] if (message := self._message(span, text)) is not None]

    def _message(self, span: int, text: str) -> dict[str, Any] | None:
        row = self._state.columns.row_of.get(ids.span_hex(span))
        if row is None:  # its start is not folded yet
            return None
        self._sent[span] = text
        shown = self._shown(text)
        if shown is None:
            return None
        return {"kind": "partial", "v": 1, "row": row, "text": shown, "at_ms": to_ms(clock.now_ns())}

    def _shown(self, text: str) -> str | None:
        """Return the end of a text as it may be shown; None when the policy keeps no texts."""
        tail = text[-(TAIL + _MARGIN) :]
        run = _run_at_end(tail)
        if _KEY_FROM <= run <= _KEY_TO:
            tail = tail[:-run]
        clean, _ = self._redact(tail)
        return clean[-TAIL:] if isinstance(clean, str) else None

    def _redact(self, text: str) -> tuple[Any, int]:
        running = source()
        policy = running.redact if running is not None else "secrets"
        if self._redactor is None or policy != self._policy:
            from ..model.redaction import make_redactor

            self._policy, self._redactor = policy, make_redactor(policy)
        clean: tuple[Any, int] = self._redactor.value(text)
        return clean


def _run_at_end(text: str) -> int:
    """Count the printing ASCII characters that a text ends with, to one more than a key may have."""
    for count, letter in enumerate(reversed(text[-_KEY_TO - 1 :])):
        if not "!" <= letter <= "~":
            return count
    return min(len(text), _KEY_TO + 1)
