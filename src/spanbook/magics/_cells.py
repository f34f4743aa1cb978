"""Before and after each cell: provenance for its traces, and one quiet line under it when it traced something.

Traps met here (IPython 9): the execution count is known for certain only after the cell; a nested ``run_cell`` fires
the hooks with ``store_history=False``; the beginning of the cell that loads the extension was told to nobody.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from types import FrameType
from typing import Any, Final

from IPython.core.error import UsageError as MagicError
from IPython.core.interactiveshell import ExecutionInfo

from ..api import _runtime, _settings
from ..tracer import Span, _cell, context, report_failure
from ..tracer._span import _current
from ..widgets import _live
from ._trace_cell import TRACE, arguments_of

#: A chip appears while a cell runs when it has traced for so long; before, it waits for the end of the cell.
LIVE_AFTER_S: Final = 0.8
#: How long the end of a cell waits for the fold; what comes later is pushed to the chip.
_SETTLE_S: Final = 0.3


class Cell:
    """A cell that runs or ran last: its traces, its chip, the span of its ``%%trace``."""

    def __init__(self, cell_id: str | None, traces: list[str], parent: Any) -> None:
        self.cell_id, self.traces, self.parent = cell_id, traces, parent
        self.started = time.monotonic()
        self.chip: Any = None
        self.showing = threading.Lock()  # the fold's thread and the end of the cell may both want to
        self.shown = 0  # traces handed to the chip so far
        self.running = True
        self.span: Span | None = None  # of its %%trace, with the fields given there
        self.context: Any = None

    def begin_span(self, arguments: str) -> None:
        """Open the span of a ``%%trace`` cell. Raises IPython's ``UsageError`` for wrong arguments."""
        given = TRACE.read(arguments)
        self.context = context(user_id=given.user, session_id=given.session, tags=given.tag or None)
        self.context.__enter__()
        self.span = Span(given.name or "cell", "chain").start()
        _current.set(self.span)

    def end_span(self, error: BaseException | None) -> None:
        """Close it, when there is one."""
        if self.span is not None:
            if _current.get() is self.span:
                _current.set(None)
            self.span.end(error)
            self.context.__exit__(None, None, None)


class CellHooks:
    """The hooks of one IPython shell."""

    def __init__(self, ip: Any) -> None:
        self.ip = ip
        self._stack: list[Cell | None] = []
        self._last: Cell | None = None

    def register(self) -> None:
        """Begin to hear of cells, the one that runs now among them."""
        self.ip.events.register("pre_run_cell", self._before)
        self.ip.events.register("post_run_cell", self._after)
        _runtime.active().fold.ticks.append(self._tick)
        info = _running_now(self.ip)
        if info is not None:
            self._before(info)

    def unregister(self) -> None:
        """Hear of cells no more, and close what is shown."""
        self.ip.events.unregister("pre_run_cell", self._before)
        self.ip.events.unregister("post_run_cell", self._after)
        runtime = _runtime.started()
        if runtime is not None and self._tick in runtime.fold.ticks:
            runtime.fold.ticks.remove(self._tick)
        if self._last is not None and self._last.chip is not None:
            self._last.chip.close()

    @property
    def cell(self) -> Cell | None:
        """The outermost cell that runs."""
        return self._stack[0] if self._stack else None

    def _before(self, info: Any) -> None:
        try:
            source = info.raw_cell if isinstance(info.raw_cell, str) else ""
            arguments = arguments_of(source)
            is_hidden = not info.store_history and arguments is None  # a front end's own query
            if self._stack or is_hidden:
                self._stack.append(None)
                return
            span = _current.get()
            if span is not None and not span.is_recording:  # left behind by a %%trace cell in this context
                _current.set(None)
            cell_id = getattr(info, "cell_id", None)
            notebook = _cell.notebook_path(self.ip.user_ns)
            traces = _cell.begin_cell(cell_id=cell_id, source=source, notebook=notebook)
            cell = Cell(cell_id, traces, _parent_header(self.ip))
            self._stack.append(cell)
            _live.hub.wake()  # views of what this cell traced before say that it ran since
            if arguments is not None:
                with contextlib.suppress(MagicError):  # the line itself says what is wrong with it
                    cell.begin_span(arguments)
        except Exception as error:  # noqa: BLE001 - a hook must never show in the user's cell
            report_failure("note the beginning of a cell", error)

    def _after(self, result: Any) -> None:
        try:
            if not self._stack:
                return  # a cell whose beginning we did not see
            cell = self._stack.pop()
            if cell is None:
                return
            cell.running = False
            cell.end_span(result.error_in_exec or result.error_before_exec)
            _cell.end_cell(cell.traces, result.execution_count)
            self._last = cell
            if cell.traces:
                self._finish(cell)
        except Exception as error:  # noqa: BLE001 - as above
            report_failure("show what a cell traced", error)

    def _finish(self, cell: Cell) -> None:
        if _settings.display == "off":
            return
        _runtime.active().fold.flush(_SETTLE_S)
        with cell.showing:
            if cell.chip is None:
                self._show(cell, live=False)
            else:
                self._hand_over(cell)
            if cell.chip is not None:
                cell.chip.finish()

    def _tick(self) -> None:
        """On the fold's thread, after each batch: show the chip of a cell that runs on; hand it new traces."""
        cell = self.cell or self._last
        if cell is None or not cell.traces or _settings.display == "off":
            return
        with cell.showing:
            if cell.chip is not None:
                self._hand_over(cell)
            elif cell.running and time.monotonic() - cell.started > LIVE_AFTER_S and cell.parent is not None:
                self._show(cell, live=True)

    def _show(self, cell: Cell, *, live: bool) -> None:
        from ..api._store import current_store
        from ..widgets import Chip, show_chip

        traces = cell.traces[:]  # the cell may go on while its chip is made
        chip = Chip(current_store()._reader, _first(traces), running=live)
        cell.chip, cell.shown = chip, len(traces)
        if not show_chip(chip, parent=cell.parent if live else None) and live:
            cell.chip, cell.parent = None, None  # it is shown when the cell ends

    def _hand_over(self, cell: Cell) -> None:
        begun = len(cell.traces)
        if begun > cell.shown:
            more = cell.traces[cell.shown : min(begun, _cell.MAX_TRACES)]
            cell.shown = begun
            cell.chip.add_traces(list(dict.fromkeys(more)))


def _running_now(ip: Any) -> ExecutionInfo | None:
    """Return what IPython tells at the beginning of a cell, of the outermost one that is running; None when none is."""
    found = None
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if frame.f_code.co_name == "run_cell_async" and frame.f_locals.get("self") is ip:
            info = frame.f_locals.get("info")
            found = info if isinstance(info, ExecutionInfo) else found
        frame = frame.f_back
    return found


def _first(traces: list[str]) -> list[str]:
    return list(dict.fromkeys(traces[: _cell.MAX_TRACES]))


def _parent_header(ip: Any) -> Any:
    """Return the message that runs the cell, which outputs sent from a thread have to name; None outside kernels."""
    kernel = getattr(ip, "kernel", None)
    if kernel is None:
        return None
    try:
        return kernel.get_parent()
    except (AttributeError, LookupError):
        return None
