"""Short turns of the threads."""

from __future__ import annotations

import os
import sys

from spanbook.store._turns import short_turns


def test_the_shortest_turns_that_are_asked_for_hold_until_the_last_who_asked_has_done() -> None:
    usual = sys.getswitchinterval()
    with short_turns.within(0.002):
        with short_turns.within(0.001):
            assert round(sys.getswitchinterval(), 4) == 0.001
        assert round(sys.getswitchinterval(), 4) == 0.002
    assert sys.getswitchinterval() == usual


def test_a_forked_child_has_the_usual_turns() -> None:
    """Who asked for short ones is a thread of the parent."""
    usual = sys.getswitchinterval()
    with short_turns.within(0.001):
        child = os.fork()
        if child == 0:
            is_usual = sys.getswitchinterval() == usual
            with short_turns.within(0.001):
                is_short = sys.getswitchinterval() < usual
            os._exit(0 if is_usual and is_short and sys.getswitchinterval() == usual else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
