"""The arguments of each command."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from .._version import __version__
from . import _commands, _maintain, _receive
from ._quickstart import demo

if TYPE_CHECKING:
    _Commands = argparse._SubParsersAction[argparse.ArgumentParser]

_FILTER: Final = (
    "A FILTER is a Python condition: 'n_errors > 0', 'user_id == \"ada\" and cost_usd > 0.01', "
    "'any(s.kind == \"tool\" and s.has_error for s in spans)'."
)
_WHEN: Final = "WHEN is '15m', '2h', '7d' (ago), or a date such as 2026-11-01 (UTC)."

_FORMS: Final = {
    "jsonl": "one JSON object a span (default)",
    "otlp": "OTLP/JSON, with the GenAI attributes of OpenTelemetry",
    "html": "one page a trace that any browser opens, without network",
    "plain": "a SQLite file whose text any tool can read; the whole store when nothing else is said",
}


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the arguments; ``run`` is the function of the command.

    Raises:
        SystemExit: help was asked for, or the arguments are wrong; either was printed.
    """
    parser = argparse.ArgumentParser(
        prog="spanbook",
        description="Traces of LLM applications, from one SQLite file. In a notebook: %load_ext spanbook.",
    )
    parser.add_argument("--version", action="version", version=f"spanbook {__version__}")
    _add_store(parser, default=None)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _command(commands, "demo", demo, "run a small assistant with a scripted stand-in for a model, and show its traces")
    _add_doctor(commands)
    _add_ls(commands)
    _add_show(commands)
    _add_export(commands)
    _add_import(commands)
    _add_sql(commands)
    _add_redact(commands)
    _add_salvage(commands)
    _add_receive(commands)
    return parser.parse_args(argv)


def _command(
    commands: _Commands, name: str, run: Callable[[argparse.Namespace], int], text: str, after: str = ""
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.", epilog=after)
    parser.set_defaults(run=run)
    _add_store(parser)
    return parser


def _add_store(parser: argparse.ArgumentParser, default: str | None = argparse.SUPPRESS) -> None:
    """Add ``--store``, before and behind the command; behind it, it says nothing unless it is given."""
    text = "the store (default: $SPANBOOK_STORE, else .spanbook/store.db)"
    parser.add_argument("--store", metavar="PATH", default=default, help=text)


def _add_window(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--since", metavar="WHEN", help="only traces that started then or later")
    parser.add_argument("--until", metavar="WHEN", help="only traces that started before")


def _add_doctor(commands: _Commands) -> None:
    text = "say what could be wrong with the store, the journal, the kernel"
    parser = _command(commands, "doctor", _commands.doctor, text)
    parser.add_argument("--deep", action="store_true", help="also check every page, index and digest of the store")


def _add_ls(commands: _Commands) -> None:
    parser = _command(commands, "ls", _commands.ls, "list traces, newest first", f"{_FILTER} {_WHEN}")
    parser.add_argument("where", nargs="?", metavar="FILTER", help="only traces that match")
    _add_window(parser)
    parser.add_argument("--limit", type=int, default=20, metavar="N", help="at most so many (default: 20)")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def _add_show(commands: _Commands) -> None:
    parser = _command(commands, "show", _commands.show, "print one trace as a tree")
    text = "its id, the beginning of it, or 'last' (default)"
    parser.add_argument("trace_id", nargs="?", default="last", metavar="ID", help=text)
    parser.add_argument("--json", action="store_true", help="all of it as one JSON object")


def _add_export(commands: _Commands) -> None:
    text = "write traces to a file"
    parser = _command(commands, "export", _commands.export, text, f"{_FILTER} {_WHEN}")
    parser.add_argument("trace_ids", nargs="*", metavar="ID", help="ids, beginnings of ids, or 'last'")
    parser.add_argument("--where", metavar="FILTER", help="instead of ids: traces that match")
    _add_window(parser)
    parser.add_argument("--all", action="store_true", help="instead of ids: every trace")
    form = parser.add_mutually_exclusive_group()
    for name, help_text in _FORMS.items():
        form.add_argument(f"--{name}", dest="form", action="store_const", const=name, help=help_text)
    parser.set_defaults(form="jsonl")
    parser.add_argument("-o", "--output", metavar="FILE", help="where to; a folder when --html writes several pages")


def _add_import(commands: _Commands) -> None:
    text = "read traces from files into the store; importing a file again changes nothing"
    after = (
        "Files: OTLP/JSON, lines of `spanbook export`, traces, observations or scores that Langfuse exports (JSON, "
        "JSON lines, CSV), JSON lines of OpenAI chats; gzipped or not."
    )
    parser = _command(commands, "import", _maintain.import_, text, after)
    parser.add_argument("paths", nargs="+", metavar="FILE", help="what to read")


def _add_sql(commands: _Commands) -> None:
    after = "Tables: spans, traces, scores, events; span_view and trace_view have inputs and outputs as JSON text."
    parser = _command(commands, "sql", _commands.sql, "run one SELECT on the store", after)
    parser.add_argument("query", metavar="QUERY", help="one statement; '-' reads it from standard input")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="CSV; texts that a spreadsheet would run begin with '")
    form.add_argument("--json", action="store_true", help="one JSON object a line")


def _add_redact(commands: _Commands) -> None:
    text = "say what a redaction policy would replace in a store"
    after = "What is stored already is never changed: there is only the dry run for now."
    parser = _command(commands, "redact", _maintain.redact, text, after)
    parser.add_argument("--dry-run", action="store_true", help="required: report, and change nothing")
    text = "secrets (default), secrets+pii or metadata-only"
    parser.add_argument("--policy", default="secrets", metavar="POLICY", help=text)


def _add_salvage(commands: _Commands) -> None:
    text = "recover what can be read of a damaged store into a new file"
    after = "The damaged file and its log are copied and left as they are. Nothing may have the store open meanwhile."
    parser = _command(commands, "salvage", _maintain.salvage, text, after)
    parser.add_argument("path", nargs="?", metavar="PATH", help="the damaged file (default: the store)")
    parser.add_argument("--out", metavar="NEW", help="the new file (default: PATH with .salvaged before its suffix)")


def _add_receive(commands: _Commands) -> None:
    text = "receive traces of other programs over HTTP (OTLP, Langfuse) until interrupted"
    after = "Programs send here with OTEL_EXPORTER_OTLP_ENDPOINT (or LANGFUSE_BASE_URL) set to the address it prints."
    parser = _command(commands, "receive", _receive.receive, text, after)
    parser.add_argument("--port", type=int, default=4318, metavar="P", help="port to listen on (4318); 0: a free one")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1); others need a token")
    text = (
        f"only take requests that carry it; better said by ${_receive.TOKEN_VARIABLE}, which no list of processes shows"
    )
    parser.add_argument("--token", metavar="T", help=text)
