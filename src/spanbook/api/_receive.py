"""``receive``: telemetry of other processes and languages into the current store."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from ..model import StoreError, UsageError
from . import _runtime

if TYPE_CHECKING:
    from ..ingest._fold import Fold
    from ..receiver import Receiver

_running: list[Receiver] = []


def receive(port: int = 4318, *, host: str = "127.0.0.1", token: str | None = None) -> Receiver:
    """Receive OTLP over HTTP, and what Langfuse's SDKs send, into the current store.

    Args:
        port: Port to listen on; 0 takes a free one.
        host: Address to listen on. One that other machines can reach needs a token.
        token: When given, only requests that carry it (``Authorization: Bearer …``, or as the password of basic
            authentication) are taken.

    Returns:
        A handle with ``endpoint``, ``stats`` and ``stop()``. It follows ``sb.init(store=…)``. Asking again for what is
        running already, as running a cell twice does, returns the same handle.

    Raises:
        UsageError: the port is taken, an argument is wrong, or the extra ``receiver`` is not installed.
        StoreError: the store cannot be used.
    """
    for one in list(_running):
        if not one.is_running:
            _running.remove(one)
        elif port != 0 and (one.port, one.host) == (port, host):
            if one.token == token:
                return one
            raise UsageError(f"a receiver with another token is running on port {port}; stop() it first.")
    _check_installed()
    from ..receiver import Receiver

    _runtime.active()
    started = Receiver(port, _current_fold, host=host, token=token)
    _running.append(started)
    return started


def stop_all() -> None:
    """Stop every receiver of this process."""
    while _running:
        _running.pop().stop()


def _current_fold() -> Fold:
    runtime = _runtime.started()
    if runtime is None:
        raise StoreError("tracing has ended in this process")
    return runtime.fold


def _check_installed() -> None:
    missing = [name for name in ("tornado", "opentelemetry.proto") if not _is_installed(name)]
    if missing:
        raise UsageError(
            f"receiving needs {' and '.join(missing)}, which is not installed; run: pip install 'spanbook[receiver]'"
        )


def _is_installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ImportError:  # the package above it is missing
        return False
