"""``%%trace``: the cell runs as IPython runs any cell, inside a span.

Decision (2026-11): not a cell magic that calls ``run_cell``. That would run the hooks twice, show the result twice and
fail on top-level await. Instead the first line becomes a comment, and the hooks before and after the cell open and
close its span; line numbers, results and tracebacks stay what they were. Above another cell magic (``%%time``), whose
place is at the top, the line is left out. Under one, where no hook runs, and when its arguments are wrong, the line
becomes a call of the magic instead.
"""

from __future__ import annotations

import shlex
from argparse import ArgumentParser
from itertools import dropwhile
from typing import Any, NoReturn

from IPython.core.error import UsageError as MagicError

_MAGIC = "%%trace"


class Parser(ArgumentParser):
    """Says what is wrong with a magic's arguments in one sentence."""

    def __init__(self, magic: str, usage: str) -> None:
        super().__init__(prog=magic, usage=usage, add_help=False, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        raise MagicError(f"{self.prog}: {message}; write {self.usage}")

    def read(self, line: str) -> Any:
        """Return the parsed arguments of a line; raises IPython's ``UsageError``, which shows as one line."""
        try:
            words = shlex.split(line)
        except ValueError as error:
            self.error(f"{line!r} has {str(error).lower()}")
        return self.parse_args(words)


TRACE = Parser("%%trace", "%%trace [NAME] [--user U] [--session S] [--tag T]...")
TRACE.add_argument("name", nargs="?")
TRACE.add_argument("--user")
TRACE.add_argument("--session")
TRACE.add_argument("--tag", action="append", default=[])


def arguments_of(source: str) -> str | None:
    """Return what follows ``%%trace`` at the top of a cell, None when the cell does not begin with it."""
    first = source.lstrip("\n").partition("\n")[0].rstrip()
    rest = first[len(_MAGIC) :]
    if not first.startswith(_MAGIC) or (rest and not rest[0].isspace()) or rest.strip() == "?":
        return None
    return rest.strip()


def rewrite_trace_cell(lines: list[str]) -> list[str]:
    """Return the lines of a cell with a leading ``%%trace …`` made a comment, or a call."""
    from ._extension import hooks

    arguments = arguments_of(lines[0]) if lines else None
    if arguments is None:
        return lines
    active = hooks()
    try:
        TRACE.read(arguments)
        is_hooked = active is not None and active.cell is None
    except MagicError:
        is_hooked = False
    below = list(dropwhile(lambda line: not line.strip(), lines[1:]))
    if is_hooked and below and below[0].startswith("%%"):
        return below
    if is_hooked:
        return [f"# {lines[0]}", *lines[1:]]
    return [f"get_ipython().run_line_magic('_spanbook_begin', {arguments!r})\n", *lines[1:]]
