"""A store of its own for each test, traced into for real, and every widget closed at the end."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import spanbook as sb
from spanbook.api._trace import Trace
from spanbook.testing import FixedClock, fixed_ids
from tests.tracing import tracing_into
from tests.widgets.agent import run_agent


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sb.Store]:
    """An empty store that this process traces into."""
    with tracing_into(tmp_path / "store.db") as made:
        yield made


@pytest.fixture
def agent(store: sb.Store) -> Callable[[], Trace]:
    """Run the agent of ``agent.py`` with fixed times and ids, and return its trace."""

    def run() -> Trace:
        with FixedClock(step_s=0.1), fixed_ids():
            run_agent()
        return store.last_trace()

    return run
