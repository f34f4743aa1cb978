"""``spanbook receive``: a receiver in a process of its own."""

from __future__ import annotations

import gc
import os
import signal
import threading
from argparse import Namespace
from typing import TYPE_CHECKING, Any, Final

import spanbook as sb

if TYPE_CHECKING:
    from ..receiver import Receiver

TOKEN_VARIABLE: Final = "SPANBOOK_RECEIVE_TOKEN"  # noqa: S105 (the name of a variable, not a token)
#: A batch makes many objects and no cycles: looked through as often as usual, they take a tenth of the time.
_COLLECT: Final = (50_000, 20, 20)
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


def receive(given: Namespace) -> int:
    """Receive until SIGINT or SIGTERM comes; what was received is answered first."""
    store = sb.init(store=given.store, instrument=False)
    token = given.token if given.token is not None else os.environ.get(TOKEN_VARIABLE) or None
    gc.freeze()
    gc.set_threshold(*_COLLECT)
    stopping = threading.Event()
    before = {number: signal.signal(number, lambda *_: stopping.set()) for number in _SIGNALS}
    try:
        with sb.receive(given.port, host=given.host, token=token) as receiver:
            print(f"receiving at {receiver.endpoint} into {str(store.path)!r}; Ctrl-C stops", flush=True)
            stopping.wait()
    finally:
        _restore(before)
    print(_summary(receiver))
    return 0


def _restore(handlers: dict[signal.Signals, Any]) -> None:
    for number, handler in handlers.items():
        signal.signal(number, handler)


def _summary(receiver: Receiver) -> str:
    stats = receiver.stats
    rejected = sum(stats[name] for name in ("rejected_spans", "rejected_logs", "rejected_events"))
    counts = ", ".join(f"{stats[name]:,} {name}" for name in ("requests", "spans", "logs", "scores"))
    return f"stopped after {counts}; {rejected:,} malformed, left out"
