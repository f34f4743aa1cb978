"""Every error spanbook raises. Each message names the value, what was expected and the next step.

SpanbookError
├── UsageError (ValueError)            a wrong argument to a public function
├── FilterError (ValueError)           a filter that cannot be understood
├── QueryError (ValueError)            free SQL that was refused or stopped
├── OtlpError (ValueError)             telemetry that is not what OTLP says
├── ExportError (OSError)              a receiver of exported spans refused them, or cannot be reached
├── TraceNotFoundError (LookupError)   no such trace in this store
├── ModelError                         a model did not answer; ``__cause__`` is what its client raised
│   ├── ModelAuthenticationError       no key, a wrong key, or no right to this model
│   ├── ModelRateLimitError            too many requests or tokens, or no credit left
│   ├── ModelContextError              the messages are longer than the model takes
│   ├── ModelContentError              the provider's content filter refused
│   ├── ModelRequestError              what was asked is wrong: an argument, a message, the model's name
│   ├── ModelTimeoutError (TimeoutError)
│   ├── ModelConnectionError (ConnectionError)
│   ├── ModelServerError               the provider failed or is overloaded
│   └── ModelAnswerError               an answer that is not what was asked for
└── StoreError (OSError)               the store file cannot be used
    ├── NotAStoreError                 a file that spanbook did not make
    └── NewerStoreError                a file made by a newer spanbook
"""

from __future__ import annotations

from typing import Any


class SpanbookError(Exception):
    """The root of all errors raised by spanbook."""


class UsageError(SpanbookError, ValueError):
    """An argument of a public function is wrong; the message says what was expected."""


class FilterError(SpanbookError, ValueError):
    """A filter that cannot be understood; the text at fault is ``length`` characters from ``at`` (None: unknown)."""

    def __init__(self, message: str, *, at: int | None = None, length: int = 1) -> None:
        self.at, self.length = at, length
        super().__init__(message)


class QueryError(SpanbookError, ValueError):
    """SQL that was refused (it writes, or calls what is not allowed) or stopped (it ran too long)."""


class OtlpError(SpanbookError, ValueError):
    """Telemetry that is not what OTLP says: ``field`` is where, ``problem`` what is there and what was expected."""

    def __init__(self, field: str, problem: str) -> None:
        self.field, self.problem = field, problem
        super().__init__(f"{field or 'the request'} {problem}")


class ExportError(SpanbookError, OSError):
    """Spans could not be sent; ``status`` is the HTTP status (None: no reply), ``report`` what was sent before."""

    def __init__(
        self, message: str, *, status: int | None = None, can_retry: bool = False, retry_after_s: float | None = None
    ) -> None:
        self.status, self.can_retry, self.retry_after_s = status, can_retry, retry_after_s
        self.report: Any = None
        super().__init__(message)


class TraceNotFoundError(SpanbookError, LookupError):
    """No trace in this store carries the id asked for."""

    def __init__(self, trace_id: str, latest: list[str]) -> None:
        self.trace_id, self.latest = trace_id, latest
        if latest:
            said = (
                f"no trace {trace_id!r} in this store; the latest are {', '.join(latest)}. List them with sb.traces()."
            )
        else:
            said = "this store holds no trace yet; call something traced, such as a function under @sb.trace."
        super().__init__(said)


class StoreError(SpanbookError, OSError):
    """The store file cannot be opened or written."""


class NotAStoreError(StoreError):
    """The file exists and is not a spanbook store; it was left untouched."""


class NewerStoreError(StoreError):
    """The store was made by a newer spanbook; it can be read, not written."""


class ModelError(SpanbookError):
    """A model did not answer as asked; ``__cause__`` is what its client raised.

    ``model`` is its name (``"provider/name"``), ``status`` the HTTP status, ``code`` the provider's own, ``request_id``
    what its support asks for; each is None where nobody said. ``can_retry``: the same request may succeed later.
    """

    can_retry = False

    def __init__(
        self,
        message: str,
        *,
        model: str = "",
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        self.model, self.status, self.code, self.request_id = model, status, code, request_id
        self.retry_after_s = retry_after_s
        super().__init__(message)


class ModelAuthenticationError(ModelError):
    """There is no key, it is wrong, or it may not use this model."""


class ModelRateLimitError(ModelError):
    """Too many requests or tokens, or no credit left; ``retry_after_s`` when the provider says how long to wait."""

    can_retry = True


class ModelContextError(ModelError):
    """The messages, with what may be answered, are longer than the model takes."""


class ModelContentError(ModelError):
    """The provider's content filter refused the request."""


class ModelRequestError(ModelError):
    """The provider refused the request: an argument, a message, the name of the model."""


class ModelTimeoutError(ModelError, TimeoutError):
    """No answer came in time."""

    can_retry = True


class ModelConnectionError(ModelError, ConnectionError):
    """The provider could not be reached, or the connection broke."""

    can_retry = True


class ModelServerError(ModelError):
    """The provider failed or is overloaded; ``retry_after_s`` when it says how long to wait."""

    can_retry = True


class ModelAnswerError(ModelError):
    """The model answered, but not what was asked for; ``reply`` is the answer."""

    reply: Any = None


def check_port(port: Any) -> None:
    """Refuse what is no TCP port, or 0 for any free one.

    Raises:
        UsageError: it is none.
    """
    if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= 65535:
        raise UsageError(f"port={port!r} is not a port; give 0 (any free one) to 65535.")
