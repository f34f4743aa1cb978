"""Short turns of the threads."""

from __future__ import annotations

import os
import sys

from spanbook.store._turns import short_turns


def test_turns_are_short_until_the_last_who_asked_has_done() -> None:
    usual = sys.getswitchinterval()
    with short_turns:
        with short_turns:
            pass
        assert sys.getswitchinterval() < usual / 10
    assert sys.getswitchinterval() == usual


def test_a_forked_child_has_the_usual_turns() -> None:
    """Who asked for short ones is a thread of the parent."""
    usual = sys.getswitchinterval()
    with short_turns:
        child = os.fork()
        if child == 0:
            is_usual = sys.getswitchinterval() == usual
            with short_turns:
                is_short = sys.getswitchinterval() < usual
            os._exit(0 if is_usual and is_short and sys.getswitchinterval() == usual else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
