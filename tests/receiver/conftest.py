"""A receiver in this process, and one in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import spanbook as sb
from spanbook.api import _receive, _runtime
from spanbook.receiver import Receiver
from tests.receiver.sending import Process


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Path]:
    """The store that is current; no receiver runs yet, and none after the test."""
    path = tmp_path / "store.db"
    sb.init(store=path, instrument=False)
    yield path
    _receive.stop_all()
    _runtime.reset()


@pytest.fixture
def receiver(store: Path) -> Receiver:
    """A receiver on a free port."""
    return sb.receive(0)


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    """``spanbook receive``."""
    started = Process(tmp_path)
    yield started
    started.close()
