"""Commands that change or look after a store: ``import``, ``salvage``, ``redact``."""

from __future__ import annotations

import shlex
import sys
from argparse import Namespace
from typing import TYPE_CHECKING, Final

import spanbook as sb

from ..api._runtime import store_path
from ..model.format import format_count
from ._output import printable, table

if TYPE_CHECKING:
    from ..api._redact import RedactionReport
    from ..store._salvage import Salvaged

_MOST_NAMES: Final = 10


def import_(given: Namespace) -> int:
    """Read files of traces into the store, and say what was in each."""
    sb.init(store_path(given.store), instrument=False)
    code = 0
    for path in given.paths:
        try:
            report = sb.import_traces(path)
        except (sb.UsageError, OSError) as error:
            if len(given.paths) == 1:
                raise
            code = 1  # the others are read all the same
            print(f"spanbook: {printable(str(error))}", file=sys.stderr)
        else:
            for line in f"{path}: {report}".splitlines():
                print(printable(line))
    return code


def salvage(given: Namespace) -> int:
    """Recover a damaged store into a new file and say what came of it."""
    from ..api._salvage import salvage as recover

    print(_salvaged_text(recover(given.path or given.store, given.out)))
    return 0


def _salvaged_text(found: Salvaged) -> str:
    pages = f"{format_count(found.damaged_pages)} of {format_count(found.pages)} pages are damaged"
    lines = [pages if found.damaged_pages else "no damaged page was found"]
    rebuilt = {"traces": found.rebuilt_traces}
    for name in ("traces", "spans", "payloads", "blobs", "events", "scores"):
        facts = [f"{format_count(found.rows[name])} recovered"]
        if rebuilt.get(name):
            facts.append(f"{format_count(rebuilt[name])} summed up again from their spans")
        if found.lost.get(name):
            facts.append(f"{format_count(found.lost[name])} lost")
        if name == "blobs" and found.bad_blobs:
            facts.append(f"{format_count(found.bad_blobs)} left out, since they do not match their digest")
        lines.append(f"{name:9} {', '.join(facts)}")
    if found.mended:
        lines.append(f"{format_count(found.mended)} values could not be read and were replaced")
    if found.left_out:
        lines.append(f"not recovered, of other software: {printable(', '.join(found.left_out))}")
    new, old = shlex.quote(str(found.path)), shlex.quote(str(found.source))
    lines += [
        f"written to {new}; the damaged file was left as it is.",
        f"To go on with the new one, move {old}, {old}-wal and {old}-shm elsewhere, then: mv {new} {old}",
    ]
    return "\n".join(lines)


def redact(given: Namespace) -> int:
    """Say what a policy would replace in a store."""
    from ..api._redact import redaction_report

    if not given.dry_run:
        raise sb.UsageError("what is stored cannot be rewritten yet, only reported; add --dry-run.")
    store = sb.open(store_path(given.store))  # what killed processes left is not brought in: nothing is to change
    print(_report_text(redaction_report(store.path, given.policy)))
    return 0


def _report_text(report: RedactionReport) -> str:
    total, looked_at = format_count(report.found.total()), format_count(report.values)
    lines = [f"policy {report.policy}: {total} replacements in {looked_at} values; nothing was changed"]
    if not report.found:
        return lines[0]
    rows = [(f"{place.table}.{place.column}", place.label, count) for place, count in sorted(report.found.items())]
    lines += ["", table(["column", "what", "replacements"], rows)]
    if report.spans:
        lines += ["", table(["span", "replacements"], report.spans.most_common(_MOST_NAMES))]
    examples = [
        f"  {place.column}: {printable(text)}" for place, texts in sorted(report.examples.items()) for text in texts
    ]
    if examples:
        lines += ["", "as they would read:", *examples]
    return "\n".join(lines)
