"""What every test starts from: no key, no settings and no journal of the person who runs it."""

import gc
import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

# The same examples in every run; a slow machine is no failure.
hypothesis.settings.register_profile("spanbook", deadline=None, derandomize=True)
hypothesis.settings.load_profile("spanbook")

#: In the paths of files whose tests import the same framework, which takes seconds.
_TOGETHER = (
    ("litellm",),
    ("llamaindex",),
    ("langchain", "langgraph"),
    ("anthropic", "tests/models/", "offline/test_messages"),
)
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


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling | None:
    """Where whole files go to one worker, those of a framework go to the same."""
    return _ByFramework(config, log) if config.getvalue("dist") == "loadfile" else None


class _ByFramework(LoadFileScheduling):  # type: ignore[misc]
    def _split_scope(self, nodeid: str) -> str:
        path: str = super()._split_scope(nodeid)
        return next((group[0] for group in _TOGETHER if any(part in path for part in group)), path)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Leave what the test modules import (frameworks of millions of objects) out of every garbage collection.

    It stays, so to look for garbage there meanwhile is a fifth of the time that importing takes, for nothing.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(autouse=True, scope="session")
def _nothing_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Journals go below a temporary state folder; stores are chosen by each test."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(_SETTINGS_OF_THE_USER):
                patch.delenv(name)
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(autouse=True, scope="session")
def _few_certificates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Making a client loads all authorities, for a tenth of a second; nothing here is encrypted, and one will do."""
    try:
        import certifi
    except ModuleNotFoundError:  # then it takes longer
        yield
        return
    end = "-----END CERTIFICATE-----\n"
    first = tmp_path_factory.mktemp("certificates") / "first.pem"
    first.write_text(Path(certifi.where()).read_text("utf-8").partition(end)[0] + end)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(first))
        yield


@pytest.fixture(autouse=True, scope="module")
def _garbage_of_the_file() -> Iterator[None]:
    """Collect it at the end; what stays (imports) is left out of later collections, which many tests ask for."""
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _nothing_of_other_tests() -> None:
    """The counters of this process begin at zero: other tests lose spans and fail on purpose."""
    from spanbook.tracer import _recorder, _report

    _recorder.dropped = _recorder.emptied = 0
    _report.errors.clear()


@pytest.fixture(scope="module")
def anthropic(request: pytest.FixtureRequest) -> None:
    """Give the test module its ``anthropic``, which takes seconds to import; skip its tests where that is missing."""
    request.module.anthropic = pytest.importorskip("anthropic")


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the checkout (or of an unpacked sdist)."""
    return Path(__file__).parents[1]
