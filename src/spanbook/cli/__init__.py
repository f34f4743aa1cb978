"""The ``spanbook`` command: what is in a store, from a terminal. Thin: everything it does is public API."""

from __future__ import annotations

import os
import sqlite3
import sys
import warnings
from collections.abc import Sequence
from typing import TextIO

from ..model import FilterError, QueryError, SpanbookError, UsageError
from ._arguments import parse


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 it could not be done, 2 it was asked wrongly.

    Args:
        argv: What stands behind ``spanbook`` on the command line; that of the process when None.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without ✓ shows ?; data are always UTF-8
    try:
        given = parse(argv)
    except SystemExit as stop:  # argparse has printed help, or what is wrong
        return stop.code if isinstance(stop.code, int) else 2
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning  # one line, without the place in our code
            code = int(given.run(given))
            if sys.stdout is not None:  # it is closed
                sys.stdout.flush()
            return code
    except (FilterError, QueryError, UsageError) as error:
        return _fail(str(error), 2)
    except SpanbookError as error:
        return _fail(str(error), 1)
    except BrokenPipeError:  # whoever reads has seen enough, as `head` does
        _discard_output()
        return 0
    except KeyboardInterrupt:
        return _fail("interrupted.", 1)
    except sqlite3.Error as error:
        return _fail(f"the store cannot be read ({error}); `spanbook doctor` may say why.", 1)
    except OSError as error:
        where = f"{error.filename!r}: " if error.filename else ""
        return _fail(f"{where}{error.strerror or error}.", 1)


def _fail(message: str, code: int) -> int:
    print(f"spanbook: {message}", file=sys.stderr)
    return code


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    print(f"spanbook: {message}", file=sys.stderr)


def _discard_output() -> None:
    """Send what is still buffered nowhere: flushing it at exit would fail again."""
    try:
        target = os.open(os.devnull, os.O_WRONLY)
        os.dup2(target, sys.stdout.fileno())
        os.close(target)
    except (OSError, ValueError):
        return  # output is no file (a test, an embedded interpreter): nothing is flushed at exit


__all__ = ["main"]
