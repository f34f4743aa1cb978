"""The one place where failures of an integration end: counted, said once, never raised."""

from __future__ import annotations

from types import TracebackType

from ..tracer import report_failure


class guard:
    """Run a block of tracing; if it fails, count that under ``where`` and go on with the user's call.

    Only ``Exception`` is caught: an interrupt or a cancelled task belongs to the user.
    """

    __slots__ = ("_where",)

    def __init__(self, where: str) -> None:
        self._where = where

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        report_failure(self._where, error)
        return True
