"""An offline model, a wire, a store, and no client known from another test."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator

import pytest

from spanbook.models import _clients
from spanbook.models._backends import SdkBackend
from spanbook.models._loops import is_background, run
from spanbook.offline import OfflineModel
from tests.integrations.conftest import model as offline_model
from tests.integrations.conftest import server, spans, wire

__all__ = ["offline_model", "server", "spans", "wire"]


@pytest.fixture(autouse=True)
def _no_clients() -> Iterator[None]:
    _clients.forget_clients()
    yield
    for backend in [*_clients._given.values(), *_clients._made.values()]:
        for loop, client in list(backend._copies.items()) if isinstance(backend, SdkBackend) else ():
            if is_background(loop):
                run(client.close())
    _clients.forget_clients()
    # clients that were asked on the loop of a test went with it, their connections open
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        gc.collect()


@pytest.fixture
def model(offline_model: OfflineModel) -> OfflineModel:
    """The offline model without rules."""
    offline_model.rules[:] = []
    return offline_model
