"""The magics: thin, each calls the public API. Their errors are one sentence, never a traceback."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from keyword import iskeyword
from typing import Any

from IPython.core.error import UsageError as MagicError
from IPython.core.magic import Magics, cell_magic, line_cell_magic, line_magic, magics_class, needs_local_scope

from ..api import _functions, _runtime, _settings
from ..api._store import move
from ..model import SpanbookError
from ..tracer import _recorder
from ._trace_cell import Parser

_TRACES = Parser("%traces", "%traces [FILTER] [--since 1h] [--until T] [--limit N]")
_TRACES.add_argument("--since")
_TRACES.add_argument("--until")
_TRACES.add_argument("--limit", type=int, default=100)
_OPTION = re.compile(r"--(?:since|until|limit)\b")
#: Texts in a filter, in which nothing is an option; and variables in SQL.
_TEXT = re.compile(r""" "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' """, re.VERBOSE)
_VARIABLE = re.compile(r"(?<![:\w]):([A-Za-z_]\w*)")


def plain_error(error: SpanbookError) -> Exception:
    """Return an error that IPython shows as one line."""
    return MagicError(str(error))


def _plainly(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except SpanbookError as error:
        raise plain_error(error) from None


@magics_class
class SpanbookMagics(Magics):
    """``%spanbook  %trace  %%trace  %traces  %%spansql``"""

    def _shell(self) -> Any:
        return self.shell

    @line_magic
    def spanbook(self, line: str) -> None:
        """%spanbook [status|doctor|on|off|display chip|display off|store PATH]"""
        try:
            words = shlex.split(line)
        except ValueError:  # a quote that is not closed: not understood, as the end of this says
            words = [line]
        what = words[0] if words else "status"
        if what == "status" and len(words) <= 1:
            print(_status())
        elif what == "doctor" and len(words) == 1:
            from ..api._doctor import doctor, doctor_text

            print(doctor_text(doctor()))
        elif what in ("on", "off") and len(words) == 1:
            _recorder.enabled = what == "on"
            print(f"tracing is {what}")
        elif what == "display" and len(words) == 2 and words[1] in _settings.DISPLAYS:
            _settings.display = words[1]
            print(f"after a cell: {words[1]}")
        elif what == "store" and len(words) == 2:
            print(repr(_plainly(lambda: move(words[1]))))
        else:
            raise MagicError(
                f"%spanbook {line}: not understood; "
                "write %spanbook [status|doctor|on|off|display chip|display off|store PATH]"
            )

    @line_cell_magic
    def trace(self, line: str, cell: str | None = None) -> Any:
        """%trace [last|ID] shows a trace; %%trace [NAME] [--user U] [--session S] [--tag T]... traces a cell as one."""
        if cell is not None:  # called by name (``run_cell_magic``): typed at the top of a cell, it is rewritten
            self._shell().run_cell(f"get_ipython().run_line_magic('_spanbook_begin', {line!r})\n{cell}")
            return None
        wanted = line.strip() or "last"
        if len(wanted.split()) > 1:
            raise MagicError(f"%trace {line}: give one trace id, or nothing for the last; write %trace [last|ID]")
        if wanted == "last":
            return _plainly(_functions.last_trace)
        return _plainly(lambda: _functions.get_trace(wanted))

    @line_magic
    def _spanbook_begin(self, line: str) -> None:
        """What ``%%trace`` becomes where no hook opens its span."""
        from ._extension import hooks

        active = hooks()
        cell = active.cell if active is not None else None
        if cell is None:
            raise MagicError("%%trace needs a notebook cell; here, use `with sb.span(name):`.")
        if cell.span is not None:
            raise MagicError("%%trace: this cell is traced already; write %%trace once, at its top.")
        cell.begin_span(line)

    @line_magic
    def traces(self, line: str) -> Any:
        """%traces [FILTER] [--since 1h] [--until T] [--limit N] lists the traces that match, newest first."""
        where, options = _split_filter(line)
        given = _TRACES.read(options)
        return _plainly(
            lambda: _functions.traces(where or None, since=given.since, until=given.until, limit=given.limit)
        )

    @needs_local_scope
    @cell_magic
    def spansql(self, line: str, cell: str, local_ns: dict[str, Any] | None = None) -> Any:
        """%%spansql runs the cell as one reading SQL statement and returns a DataFrame; ``%%spansql NAME`` keeps it.

        ``:name`` in it is the value of that variable, a number or a text.
        """
        name = line.strip()
        if name and (not name.isidentifier() or iskeyword(name)):
            raise MagicError(f"%%spansql {line}: {name!r} is no name for a variable; write %%spansql [NAME]")
        known = {**self._shell().user_ns, **(local_ns or {})}
        given = {word: _plain(known[word]) for word in _VARIABLE.findall(cell) if word in known}
        frame = _plainly(lambda: _functions.sql(cell, given))
        if not name:
            return frame
        self._shell().user_ns[name] = frame
        return None


def _plain(value: Any) -> Any:
    """Return a number of numpy's or pandas' as Python's."""
    return value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value


def _split_filter(line: str) -> tuple[str, str]:
    """Split ``%traces`` arguments: the options stand at the end, so that a filter needs no quotes of its own."""
    found = _OPTION.search(_TEXT.sub(lambda text: " " * len(text[0]), line))
    where, options = (line, "") if found is None else (line[: found.start()], line[found.start() :])
    where = where.strip()
    if len(where) >= 2 and where[0] == where[-1] and where[0] in "'\"" and where[0] not in where[1:-1]:
        where = where[1:-1]
    return where, options


def _status() -> str:
    from ..integrations import integrations

    stats = _runtime.stats()
    on = [
        f"{row['name']} ({row['state']})"
        for row in integrations()
        if row["what"] != "dialect" and row["state"] in ("on", "waiting")
    ]
    state = "on" if _recorder.enabled else "off"
    if _recorder.sample < 1.0:
        state += f" for {_recorder.sample:.3g} of all traces"
    runtime = _runtime.started()
    policy = "secrets" if runtime is None else runtime.redact
    lines = [
        f"tracing {state}, into {stats['store']}",
        f"written {stats['written']:,} spans ({stats['queued_bytes']:,} bytes wait)",
        f"redacted {stats['redacted']:,} values ({policy if isinstance(policy, str) else 'by a function'})",
        f"errors {stats['errors']:,}",
        f"dropped {stats['dropped']:,} spans, values of {stats['emptied']:,} records",
        f"integrations: {', '.join(on) or 'none'}; after a cell: {_settings.display}",
    ]
    if stats["problem"]:
        lines.append(f"problem: {stats['problem']}")
    return "\n".join(lines)
