"""Requests to somebody's OTLP/HTTP receiver: one batch at a time, compressed, tried again where that may help."""

from __future__ import annotations

import gzip
import http.client
import random
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit, urlunsplit

from .._version import __version__
from ..frames._otlp_tools import DIALECTS, Extra
from ..frames._otlp_wire import Codec, Encoded, Item, batches, best_codec
from ..model import ExportError, UsageError

_TIMEOUT_S: Final = 30.0  # of one request
_ATTEMPTS: Final = 5
_MAX_WAIT_S: Final = 60.0  # however long a receiver asks for
_MAX_REPLY: Final = 1 << 16
_MAX_REASONS: Final = 20
#: Statuses after which the same request may succeed (OTLP/HTTP, "Failures").
_TRANSIENT: Final = frozenset((408, 429, 502, 503, 504))
_TOO_LARGE: Final = 413
#: Statuses after which a span may be taken without its files: some receivers say 400 of what is too large for them.
_OF_THE_SPAN: Final = frozenset((400, _TOO_LARGE))


@dataclass(slots=True)
class ExportReport:
    """What became of an export; printing it gives a summary."""

    endpoint: str
    traces: int = 0
    sent: int = 0  # spans that the receiver took
    rejected: int = 0  # spans that it did not
    open: int = 0  # spans that had not ended, and were left out
    requests: int = 0  # with retries
    bytes_sent: int = 0  # compressed
    reasons: list[str] = field(default_factory=list)  # why some were rejected, the first twenty

    def reject(self, count: int, reason: str) -> None:
        """Count spans that were not taken."""
        self.rejected += count
        if reason and reason not in self.reasons and len(self.reasons) < _MAX_REASONS:
            self.reasons.append(reason)

    def __str__(self) -> str:
        """Return a few lines for people."""
        lines = [f"{self.sent:,} spans of {self.traces:,} traces sent to {self.endpoint}"]
        if self.open:
            lines.append(f"{self.open:,} spans have not ended and were left out")
        if self.rejected:
            lines += [f"{self.rejected:,} spans were rejected:", *(f"  {reason}" for reason in self.reasons)]
        return "\n".join(lines)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirected POST would become a GET without the spans."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


class Receiver:
    """Where spans are sent.

    Raises:
        UsageError: the endpoint is no http(s) address, a header is no text, or the dialect is unknown.
    """

    def __init__(self, endpoint: str, headers: Mapping[str, str] | None, dialect: str | None) -> None:
        self.url = traces_url(endpoint)
        self.headers = _checked_headers(headers)
        self.dialect = dialect or guess_dialect(self.url)
        if self.dialect not in DIALECTS:
            known = ", ".join(map(repr, DIALECTS))
            raise UsageError(f"dialect={dialect!r} is unknown; it is one of {known}, or None to go by the endpoint.")
        self.extra: Extra | None = DIALECTS[self.dialect]
        self.codec: Codec = best_codec()
        self._opener = urllib.request.build_opener(_NoRedirect)

    def send(
        self,
        batch: Encoded,
        report: ExportReport,
        *,
        attempts: int = _ATTEMPTS,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        """Send a batch and count what became of it; in halves, then without files, when the receiver takes no more.

        Raises:
            ExportError: it was refused, or could not be sent in ``attempts`` tries.
        """
        body = gzip.compress(self.codec.body(batch.parts, batch.items), 5)
        for attempt in range(1, attempts + 1):
            try:
                count, reason = self._post(body, report)
            except ExportError as error:
                if error.status == _TOO_LARGE and len(batch.items) > 1:
                    for half in batches(batch.items, self.codec, (len(batch.items) + 1) // 2):
                        self.send(half, report, attempts=attempts, wait=wait)
                    return
                if error.status in _OF_THE_SPAN and (smaller := self._without_files(batch)) is not None:
                    self.send(smaller, report, attempts=attempts, wait=wait)
                    return
                if error.status == _TOO_LARGE:
                    report.reject(1, f"span {batch.items[0].span['name']!r} is too large for the receiver (status 413)")
                    return
                if not error.can_retry or attempt == attempts:
                    raise
                wait(min(error.retry_after_s or 2.0 ** (attempt - 1) * random.uniform(0.5, 1.0), _MAX_WAIT_S))  # noqa: S311 - jitter
            else:
                report.sent += len(batch.items) - count
                if count:
                    report.reject(count, reason)
                return

    def _without_files(self, batch: Encoded) -> Encoded | None:
        """Return a batch of one span without its files; None when that changes nothing."""
        item = batch.items[0]
        if len(batch.items) > 1 or item.without_files is None:
            return None
        (smaller,) = batches([Item(item.resource, item.scope, item.without_files())], self.codec)
        return smaller if smaller.size < batch.size else None

    def _post(self, body: bytes, report: ExportReport) -> tuple[int, str]:
        """Return how many spans the receiver rejected, and why."""
        headers = {
            "content-type": self.codec.content_type,
            "content-encoding": "gzip",
            "user-agent": f"spanbook/{__version__}",
            **self.headers,
        }
        request = urllib.request.Request(self.url, body, headers, method="POST")  # noqa: S310 - http(s), checked
        report.requests += 1
        report.bytes_sent += len(body)
        try:
            with untraced(), self._opener.open(request, timeout=_TIMEOUT_S) as reply:
                return self.codec.rejected(reply.read(_MAX_REPLY))
        except urllib.error.HTTPError as error:
            with error:
                raise _refused(self.url, error.code, error.headers, _said(error)) from None
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or f"{type(error).__name__}: {error}"
            raise ExportError(
                f"{self.url} cannot be reached ({reason}); check that the receiver runs and "
                "that the endpoint is right, then export again.",
                can_retry=True,
            ) from None


def _refused(url: str, status: int, headers: Any, said: str) -> ExportError:
    next_step = {
        400: "the receiver does not understand the request; does the endpoint speak OTLP/HTTP traces?",
        401: "check the credentials in headers",
        403: "check the credentials in headers, and what they may do",
        404: "check the path of the endpoint; OTLP/HTTP ends in /v1/traces",
        405: "check the path of the endpoint; OTLP/HTTP ends in /v1/traces",
        415: "the receiver speaks another encoding than OTLP/HTTP; is the port that of gRPC (4317 instead of 4318)?",
    }.get(status, "try again later" if status in _TRANSIENT else "see what the receiver says")
    if 300 <= status < 400:
        next_step = f"use the address it names: {headers.get('location')}"
    text = f"{url} answered with status {status}{f' ({said})' if said else ''}; {next_step}."
    return ExportError(
        text, status=status, can_retry=status in _TRANSIENT, retry_after_s=retry_after(headers.get("retry-after"))
    )


def _said(error: urllib.error.HTTPError) -> str:
    try:
        text = error.read(_MAX_REPLY).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException):
        return ""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:200]


def retry_after(value: str | None) -> float | None:
    """Return the seconds that a ``Retry-After`` header asks to wait: a number, or a date; None when it says neither."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        return max(parsedate_to_datetime(value).timestamp() - time.time(), 0.0)
    except (ValueError, TypeError):
        return None


def traces_url(endpoint: str) -> str:
    """Return the address that takes traces; ``/v1/traces`` is added to one that does not end in ``/traces``.

    Raises:
        UsageError: it is no http(s) address.
    """
    if not isinstance(endpoint, str):
        raise UsageError(f"endpoint={endpoint!r} is a {type(endpoint).__name__}; give an address as text.")
    parts = _split(endpoint.strip())
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(
            f"endpoint={endpoint!r} is no http(s) address; give for example 'http://localhost:6006' (Phoenix) or "
            "'https://cloud.langfuse.com/api/public/otel'."
        )
    if parts.username is not None:
        raise UsageError("the endpoint holds a user name; give credentials as headers={'authorization': …} instead.")
    path = parts.path.rstrip("/")
    if not path.endswith("/traces"):
        path += "/traces" if path.endswith("/v1") else "/v1/traces"
    return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))


def _split(address: str) -> SplitResult | None:
    """Return the parts of an address; None where it has spaces, brackets without an end, or no port of TCP."""
    try:
        parts = urlsplit(address)
        is_whole = parts.port != 0 and not any(map(str.isspace, parts.netloc))
    except ValueError:
        return None
    return parts if is_whole else None


def guess_dialect(url: str) -> str:
    """Return whose attributes a receiver reads: "langfuse", "openinference" (Phoenix, Arize) or "genai"."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if "/api/public/otel" in parts.path or "langfuse" in host:
        return "langfuse"
    if "phoenix" in host or host.endswith("arize.com") or parts.port == 6006:
        return "openinference"
    return "genai"


def _checked_headers(headers: Mapping[str, str] | None) -> dict[str, str]:
    if headers is None:
        return {}
    if not isinstance(headers, Mapping):
        raise UsageError(f"headers is a {type(headers).__name__}; give a dict such as {{'authorization': 'Bearer …'}}.")
    for name, value in headers.items():
        if not isinstance(name, str) or not isinstance(value, str) or "\n" in f"{name}{value}":
            raise UsageError(f"header {name!r} is not one line of text; give for example {{'api_key': 'abc'}}.")
    return dict(headers)


@contextmanager
def untraced() -> Iterator[None]:
    """Let no OpenTelemetry instrumentation of HTTP clients see what is sent: it would be sent, too."""
    context = sys.modules.get("opentelemetry.context")
    key = getattr(context, "_SUPPRESS_INSTRUMENTATION_KEY", None)
    if context is None or key is None:
        yield
        return
    token = context.attach(context.set_value(key, True))
    try:
        yield
    finally:
        context.detach(token)
