"""One offline model for each module of tests, without rules and without delays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from spanbook import offline

if TYPE_CHECKING:
    import openai


@pytest.fixture(scope="module")
def running() -> Iterator[offline.OfflineModel]:
    """The server; tests ask for ``model``, which has no rules left from the test before."""
    with offline.start(delays=False) as server:
        yield server


@pytest.fixture
def model(running: offline.OfflineModel) -> offline.OfflineModel:
    """An offline model that answers at once."""
    running.rules.clear()
    return running


@pytest.fixture
def client(model: offline.OfflineModel) -> Iterator[openai.OpenAI]:
    """The real client, asking the offline model and never twice."""
    with model.client(max_retries=0) as made:
        yield made
