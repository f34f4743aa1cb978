"""Open spans, context, ``@trace``, capture of values, the provenance of cells."""

from ._capture import describe_error
from ._context import bind, carried, context, without_span
from ._decorator import trace
from ._report import SpanbookWarning, report_failure, warn_once
from ._span import Span, current, emit, start_span

#: The name integrations use; ``current`` is the public one.
current_span = current

__all__ = [
    "Span",
    "SpanbookWarning",
    "bind",
    "carried",
    "context",
    "current",
    "current_span",
    "describe_error",
    "emit",
    "report_failure",
    "start_span",
    "trace",
    "warn_once",
    "without_span",
]
