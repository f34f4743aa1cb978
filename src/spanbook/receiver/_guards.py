"""Who may send what: checks of a request's head, before any of its body is kept.

A page in the user's browser can send requests to this machine (DNS rebinding gives it even the answers), so what
browsers add is refused, no answer carries CORS headers, and nothing can be read here.
"""

from __future__ import annotations

import base64
import hmac
import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Protocol

from ._answers import CONTENT_TYPES, Encoding
from ._body import ENCODINGS
from ._refusal import MAX_WIRE, Refusal
from ._uploads import Upload, Uploads, is_upload

#: What a client that speaks gRPC is told.
USE_HTTP: Final = (
    "spanbook receives OTLP over HTTP, not gRPC: set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf, or use the OTLP/HTTP "
    "exporter"
)
#: What clients of Langfuse ask to find out whether they are let in.
PROJECTS: Final = "/api/public/projects"
_HOST: Final = re.compile(r"[A-Za-z0-9._-]+(:\d+)?|\[[0-9A-Fa-f:.]+\](:\d+)?", re.ASCII)
_SAME: Final = ("none", "same-origin")


class Headers(Protocol):
    """Headers by name, whatever its case; of one that is repeated, the values with commas between."""

    def get(self, name: str, default: str, /) -> str:
        """Return the value of a header, or ``default``."""


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine, reached from this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of a request once its head was found to be in order."""

    path: str
    encoding: Encoding
    compression: str  # "" or one of _body.ENCODINGS
    base: str = ""  # ``http://host:port`` as the client named it
    #: The file that the body is, and nothing else.
    upload: Upload | None = None

    @property
    def most_bytes(self) -> int:
        """How long the body may be."""
        return MAX_WIRE if self.upload is None else self.upload.size


@dataclass(frozen=True, slots=True)
class Guard:
    """What is let in here: ``host`` it listens on, ``token`` it asks for, ``paths`` it serves, files it awaits."""

    host: str
    token: str | None
    paths: Collection[str]
    uploads: Uploads

    def check(self, method: str, target: str, headers: Headers) -> Head:
        """Return what a request is about.

        Raises:
            Refusal: it is not taken.
        """
        self._check_sender(headers)
        path, _, query = target.partition("?")
        if headers.get("Content-Type", "").startswith("application/grpc"):
            raise Refusal(415, USE_HTTP)
        methods = _methods_of(path, self.paths)
        if not methods:
            raise Refusal(404, f"nothing is served at {path[:100]!r}; OTLP goes to /v1/traces and /v1/logs")
        if method not in methods:
            allowed = " or ".join(methods)
            text = f"{method[:20]} is not served; {'ask' if path == PROJECTS else 'send telemetry'} by {allowed}"
            raise Refusal(405, text, headers={"Allow": ", ".join(methods)})
        if method == "PUT":  # the address, which was given to who has the token, stands for it
            return Head(path, "json", _compression(headers), upload=self.uploads.read(path, query))
        self._check_token(headers)
        if path == PROJECTS:
            return Head(path, "json", "")
        encoding = encoding_of(headers)
        if encoding is None or (encoding != "json" and "/v1/" not in path):
            kind = headers.get("Content-Type", "")
            known = " or ".join(CONTENT_TYPES if "/v1/" in path else ["application/json"])
            raise Refusal(415, f"Content-Type {kind[:100]!r} is not read; send {known}")
        return Head(path, encoding, _compression(headers), _base(headers))

    def _check_sender(self, headers: Headers) -> None:
        host = headers.get("Host", "")
        if self.token is None and not (is_loopback(name_of(host)) or name_of(host) == self.host.lower()):
            raise Refusal(421, f"Host {host[:100]!r} is not this machine; send to 127.0.0.1 or localhost")
        if headers.get("Origin", "") or headers.get("Sec-Fetch-Site", "none") not in _SAME:
            raise Refusal(403, "requests of web pages are not taken; send telemetry from a program")

    def _check_token(self, headers: Headers) -> None:
        if self.token is not None and not _carries(headers.get("Authorization", ""), self.token):
            raise Refusal(
                401,
                "the token is missing or wrong; send the header Authorization: Bearer TOKEN (clients of Langfuse: the "
                "token is the secret key)",
                headers={"WWW-Authenticate": "Bearer"},
            )


def _methods_of(path: str, paths: Collection[str]) -> tuple[str, ...]:
    """Return by which methods a path is served; none for one that is not."""
    if path == PROJECTS:
        return "GET", "HEAD"
    if is_upload(path):
        return "PUT", "PATCH"
    return ("POST",) if path in paths else ()


def encoding_of(headers: Headers) -> Encoding | None:
    """Return the encoding that a request names; None for one that is not read."""
    return CONTENT_TYPES.get(headers.get("Content-Type", "").partition(";")[0].strip().lower())


def _base(headers: Headers) -> str:
    """Return what an address begins with that leads the client here again; a proxy may have spoken TLS for us."""
    host = headers.get("Host", "")
    scheme = "https" if headers.get("X-Forwarded-Proto", "") == "https" else "http"
    return f"{scheme}://{host}" if _HOST.fullmatch(host) else ""


def _compression(headers: Headers) -> str:
    named = headers.get("Content-Encoding", "").strip().lower()
    if named not in ("", "identity", *ENCODINGS):
        accepted = ", ".join(ENCODINGS)
        text = f"Content-Encoding {named[:100]!r} is not read; send {accepted}, or none"
        raise Refusal(415, text, headers={"Accept-Encoding": accepted})
    return "" if named == "identity" else named


def too_large(head: Head) -> Refusal:
    """Return what a body beyond its limit is answered with."""
    if head.upload is not None:
        return Refusal(400, f"the body has more than the {head.upload.size:,} bytes that were announced")
    return Refusal(413, f"the body has more than {MAX_WIRE:,} bytes; send smaller batches, or compress them")


def declared_size(headers: Headers) -> int:
    """Return the size that a request says its body has; 0 when it says none."""
    said = headers.get("Content-Length", "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 19 else 0


def name_of(host: str) -> str:
    """Return the name in a Host header, without port and brackets."""
    bare = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    return bare.lower()


def _carries(authorization: str, token: str) -> bool:
    """Tell whether a header carries the token: as bearer, or as the password of basic authentication."""
    scheme, _, value = authorization.strip().partition(" ")
    given = value.strip()
    if scheme.lower() == "basic":
        try:
            given = base64.b64decode(given, validate=True).decode("utf-8").partition(":")[2]
        except ValueError:
            return False
    elif scheme.lower() != "bearer":
        return False
    return hmac.compare_digest(given.encode(), token.encode())
