"""Where the programs of these tests run."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tracing import rows


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Working directory of the programs; their journals are below it, and so are those this process looks for."""
    monkeypatch.setenv("SPANBOOK_JOURNAL", str(tmp_path / "journal"))
    yield tmp_path
    assert not (tmp_path / "store.db").exists() or rows(tmp_path / "store.db", "PRAGMA integrity_check") == [("ok",)]
