"""What the state machines share: how many examples they run and from which seed, and what a trace row must say."""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Iterable

import hypothesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from spanbook.model import COUNTED_KINDS

#: What ``make torture`` may be told; read here, since tests run without the variables of the person who runs them.
EXAMPLES = int(os.environ.get("SPANBOOK_EXAMPLES", 0))
_SEED = os.environ.get("SPANBOOK_SEED")
#: What a trace row sums up over its spans.
SUMS = ("input_tokens", "output_tokens", "cost_usd")


def run_same(machine: type[RuleBasedStateMachine], examples: int, steps: int) -> None:
    """Run the machine on the same examples in every run."""
    run_state_machine_as_test(machine, settings=_settings(examples, steps, derandomize=True))


def run_many(machine: type[RuleBasedStateMachine], examples: int, steps: int) -> None:
    """Run it on new examples, ``$SPANBOOK_EXAMPLES`` of them, from ``$SPANBOOK_SEED``; says how many and which."""
    count = EXAMPLES or examples
    number = int(_SEED or random.SystemRandom().getrandbits(32))
    print(f"\n{machine.__name__}: {count} examples of up to {steps} steps, SPANBOOK_SEED={number}")
    chosen = _settings(count, steps, derandomize=False)
    run_state_machine_as_test(hypothesis.seed(number)(machine), settings=chosen)


def _settings(examples: int, steps: int, *, derandomize: bool) -> settings:
    slow = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)
    # not shrunk: each step is real work, a shorter story would take longer to find than a test may
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        derandomize=derandomize,
        database=None,
        phases=[Phase.generate],
        report_multiple_bugs=False,
        suppress_health_check=slow,
        deadline=None,
    )


def check_trace(row: sqlite3.Row, spans: Iterable[sqlite3.Row]) -> None:
    """A trace row says what the rows of its spans add up to."""
    spans = list(spans)
    counted = [span for span in spans if span["counted"] and span["kind"] in COUNTED_KINDS]
    for name in SUMS:
        assert (row[name] or 0) == sum(span[name] or 0 for span in counted), name
    assert row["n_spans"] == len(spans)
    assert row["n_open"] == sum(span["status"] == "open" for span in spans)
    assert row["n_errors"] == sum(span["status"] == "error" for span in spans)
    assert row["n_llm"] == sum(span["kind"] == "llm" for span in counted)
    assert row["start_ns"] == min(span["start_ns"] for span in spans)
    assert row["end_ns"] == max((span["end_ns"] for span in spans if span["end_ns"]), default=None)
    (root,) = [span for span in spans if span["span_id"] == row["root_span_id"]]
    assert (root["parent_id"] is None) == any(span["parent_id"] is None for span in spans)
    assert row["status"] == ("open" if row["n_open"] else root["status"])
