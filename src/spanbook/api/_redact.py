"""What a redaction policy would replace in a store that exists already: a report, nothing is changed."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ..model import UsageError

if TYPE_CHECKING:
    from ..model.redaction import Redactor
    from ..store._stored import Stored

POLICIES: Final = ("secrets", "secrets+pii", "metadata-only")
_MARKER: Final = re.compile(r"\[redacted:([a-z0-9_]{1,24})\]")
_NO_LABEL: Final = "content left out"  # what metadata-only does
_AROUND: Final = 24  # characters shown on either side of a marker
_EXAMPLES: Final = 2
_KEEP: Final = 100_000


class Place(NamedTuple):
    """Where something would be replaced, and what it is."""

    table: str
    column: str
    label: str


@dataclass(slots=True)
class RedactionReport:
    """What a policy would replace: how often, in spans of which name, what it would look like (masked)."""

    policy: str
    values: int = 0  # looked at
    found: Counter[Place] = field(default_factory=Counter)
    spans: Counter[str] = field(default_factory=Counter)  # replacements by name of span
    examples: dict[Place, list[str]] = field(default_factory=dict)


class _Change(NamedTuple):
    labels: Counter[str]
    text: str  # after redaction


def redaction_report(path: str | os.PathLike[str], policy: str = "secrets") -> RedactionReport:
    """Return what a policy would replace in a store; the store is only read.

    Raises:
        UsageError: there is no such policy.
        StoreError: the store cannot be read.
    """
    from ..model.redaction import make_redactor
    from ..store._stored import stored_values

    if policy not in POLICIES:
        raise UsageError(f"policy={policy!r} is unknown; it is one of {', '.join(POLICIES)}.")
    report, redactor = RedactionReport(policy), make_redactor(policy)
    shared: dict[tuple[int, str], _Change | None] = {}  # a document in many spans is looked at once
    for stored in stored_values(Path(path)):
        report.values += 1
        key = None if stored.blob is None else (stored.blob, stored.column)
        if key is not None and key in shared:
            change = shared[key]
        else:
            change = _change(redactor, stored)
            if key is not None and len(shared) < _KEEP:
                shared[key] = change
        if change is not None:
            _note(report, stored, change, None if stored.span is None else redactor.text(stored.span)[0])
    return report


def _change(redactor: Redactor, stored: Stored) -> _Change | None:
    """Return what the policy makes of a value, None when it leaves it alone."""
    if stored.is_json:
        made, count = redactor.value(stored.value, stored.column)
        before, after = _json(stored.value), _json(made)
    else:
        after, count = redactor.text(stored.value)
        before = stored.value
    if not count:
        return None
    labels = Counter(_MARKER.findall(after))
    labels.subtract(_MARKER.findall(before))  # what was redacted when it was traced
    labels = +labels
    rest = count - labels.total()
    if rest > 0:
        labels[_NO_LABEL] += rest
    return _Change(labels, after)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _note(report: RedactionReport, stored: Stored, change: _Change, span: str | None) -> None:
    for label, count in change.labels.items():
        place = Place(stored.table, stored.column, label)
        report.found[place] += count
        if span is not None:
            report.spans[span] += count
        examples = report.examples.setdefault(place, [])
        if label != _NO_LABEL and len(examples) < _EXAMPLES:
            example = _example(change.text, label)
            if example and example not in examples:
                examples.append(example)


def _example(text: str, label: str) -> str | None:
    """Return the marker of a label with a little of what stands around it after redaction."""
    at = text.find(f"[redacted:{label}]")
    if at < 0:
        return None
    end = at + len(label) + len("[redacted:]")
    start, stop = max(at - _AROUND, 0), min(end + _AROUND, len(text))
    return f"{'…' if start else ''}{text[start:stop]}{'…' if stop < len(text) else ''}"
