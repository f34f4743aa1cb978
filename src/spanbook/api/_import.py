"""Traces from files, into the current store."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ..model import UsageError
from . import _runtime

if TYPE_CHECKING:
    from ..ingest._report import IngestReport


def import_traces(path: str | os.PathLike[str]) -> IngestReport:
    """Read a file of traces into the current store; importing it again changes nothing.

    Args:
        path: OTLP/JSON (one request, or one a line, as the OpenTelemetry collector writes them), JSON lines as
            ``spanbook export`` makes them, an export of Langfuse (traces, observations or scores as JSON, JSON lines
            or CSV), or JSON lines of chats as OpenAI takes them for fine-tuning and batches. Each may be gzipped.

    Returns:
        What was read: numbers of spans, log records and scores, the conventions they follow (``dialects``), attributes
        that were kept as they came because no convention knows them (``unmapped``), and what was left out and why
        (``rejected``). Printing it gives a summary.

    Raises:
        UsageError: there is no such file, or nothing in it is one of these.
        StoreError: the store cannot be written.
    """
    from ..ingest._files import import_file

    if not isinstance(path, str | os.PathLike):
        raise UsageError(f"path={path!r:.80} is no path; give the name of a file, such as 'traces.jsonl'.")
    file = Path(path).expanduser()
    if not file.is_file():
        raise UsageError(f"there is no file {str(file)!r}; give one that help(sb.import_traces) names.")
    return import_file(_runtime.active().fold, file)
