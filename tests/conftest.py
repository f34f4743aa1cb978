"""What every test starts from: no key, no settings and no journal of the person who runs it."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

# The same examples in every run; a slow machine is no failure.
hypothesis.settings.register_profile("spanbook", deadline=None, derandomize=True)
hypothesis.settings.load_profile("spanbook")

_SETTINGS_OF_THE_USER = ("SPANBOOK_", "OPENAI_", "AZURE_OPENAI_", "ANTHROPIC_", "OTEL_")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest by far; spread the others that drive a browser among the rest.

    So no worker is left alone at the end, and what waits runs beside what computes.
    """
    kinds = {
        item.path: next((mark for mark in ("lab", "browser") if item.get_closest_marker(mark)), "") for item in items
    }
    turns: dict[Path, float] = {}
    for kind in set(kinds.values()):
        paths = [path for path, of in kinds.items() if of == kind]
        turns |= {path: -1 if kind == "lab" else at / len(paths) for at, path in enumerate(paths)}
    items.sort(key=lambda item: turns[item.path])


def pytest_collection_finish() -> None:
    """Leave what the test modules import (frameworks of millions of objects) out of every later garbage collection."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def _nothing_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Journals go below a temporary state folder; stores are chosen by each test."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(_SETTINGS_OF_THE_USER):
                patch.delenv(name)
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(autouse=True)
def _nothing_of_other_tests() -> None:
    """The counters of this process begin at zero: other tests lose spans and fail on purpose."""
    from spanbook.tracer import _recorder, _report

    _recorder.dropped = _recorder.emptied = 0
    _report.errors.clear()


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the checkout (or of an unpacked sdist)."""
    return Path(__file__).parents[1]
