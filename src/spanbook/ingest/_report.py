"""What became of what was given to be stored."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

_MAX_REASONS: Final = 100


@dataclass(slots=True)
class IngestReport:
    """What became of the spans and log records that were given."""

    spans: int = 0
    logs: int = 0
    #: Scores that stand by themselves, not in a span.
    scores: int = 0
    #: Log records that name no span; they are not kept.
    stray_logs: int = 0
    twins: int = 0
    #: How many records were malformed and left out, and why (the first hundred).
    n_rejected: int = 0
    rejected: list[str] = field(default_factory=list)
    #: How many spans each dialect had something to say of.
    dialects: Counter[str] = field(default_factory=Counter)
    #: Mapper and reason → how many spans it failed on; these spans are kept as they came.
    failures: Counter[str] = field(default_factory=Counter)
    #: Names of attributes that no mapper knows → on how many spans they were kept as they came.
    unmapped: Counter[str] = field(default_factory=Counter)

    def reject(self, reason: str) -> None:
        """Count a record that is left out, and keep the reason while there are few."""
        self.n_rejected += 1
        if len(self.rejected) < _MAX_REASONS:
            self.rejected.append(reason)

    def add(self, other: IngestReport) -> None:
        """Add what became of others."""
        self.rejected = [*self.rejected, *other.rejected][:_MAX_REASONS]
        for name in ("spans", "logs", "scores", "stray_logs", "twins", "n_rejected"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("dialects", "failures", "unmapped"):
            getattr(self, name).update(getattr(other, name))

    def __str__(self) -> str:
        """Return a few lines for people."""
        counts = [(self.spans, "span"), (self.logs, "log record"), (self.scores, "score")]
        said = [f"{count:,} {name}{'' if count == 1 else 's'}" for count, name in counts if count or name == "span"]
        lines = [" and ".join(said)]
        if self.dialects:
            lines.append(
                "understood as " + ", ".join(f"{name} ({count:,})" for name, count in self.dialects.most_common())
            )
        if self.twins:
            lines.append(f"{self.twins:,} spans tell of a call that another span counts")
        if self.failures:
            lines += [
                f"not mapped, kept as it came: {said} ({count:,})" for said, count in self.failures.most_common(5)
            ]
        if self.n_rejected:
            lines += [f"{self.n_rejected:,} malformed, left out:", *(f"  {reason}" for reason in self.rejected[:5])]
        return "\n".join(lines)
