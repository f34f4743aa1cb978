"""Files as the SDKs of Langfuse send them: announced, sent to the address that the answer gives, and reported.

``POST /api/public/media``, ``PUT`` to the ``uploadUrl`` of its answer, ``PATCH /api/public/media/ID``; what they say is
in https://api.reference.langfuse.com.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final

from ..conventions._langfuse_media import MIME_TYPE
from ..ingest._fold import Fold
from ..ingest._media import ingest_media, wants_media
from ..model import OtlpError
from ..tracer._limits import MAX_MEDIA
from . import _json
from ._answers import Answer, json_answer
from ._guards import Head
from ._refusal import Refusal
from ._uploads import Upload, Uploads

_FIELD: Final = re.compile(r"[A-Za-z]{1,32}")


class Media:
    """Takes files into the store that is current."""

    def __init__(self, fold: Callable[[], Fold], uploads: Uploads, counts: Counter[str], wait_s: float) -> None:
        self._fold, self._uploads, self._counts, self._wait_s = fold, uploads, counts, wait_s

    def announced(self, head: Head, body: bytes) -> Answer:
        """Return where a file goes; nowhere, when the store has it, or the policy of redaction keeps none."""
        upload = _announced(_json.parse(body))
        if not wants_media(self._fold(), upload.digest, upload.mime_type, upload.field, wait_s=self._wait_s):
            return json_answer(200, {"mediaId": upload.id, "uploadUrl": None})
        if not head.base:
            raise Refusal(400, "the header Host names no host that the file could be sent to")
        return json_answer(201, {"mediaId": upload.id, "uploadUrl": head.base + self._uploads.address(upload)})

    def sent(self, upload: Upload, body: bytes) -> Answer:
        """Take the bytes of a file."""
        if len(body) != upload.size:
            raise Refusal(400, f"the body has {len(body):,} bytes; {upload.size:,} were announced")
        if sha256(body).digest() != upload.sha256:
            raise Refusal(400, "the bytes are not those of the SHA-256 that was announced; send the file again")
        ingest_media(self._fold(), upload.digest, body, upload.mime_type, upload.field, wait_s=self._wait_s)
        self._counts["files"] += 1
        return json_answer(200, {})

    def reported(self, body: bytes) -> Answer:
        """Note what a client says of its sending."""
        document = _json.parse(body)
        status = document.get("uploadHttpStatus") if isinstance(document, dict) else None
        if not isinstance(status, int):
            raise OtlpError("uploadHttpStatus", "is missing; expected the status of the answer to the upload")
        if not 200 <= status < 300:
            self._counts["failed_files"] += 1
        return json_answer(200, {})


def _announced(document: Any) -> Upload:
    """Return the file that a request announces.

    Raises:
        OtlpError: it does not say which.
        Refusal: it is too large.
    """
    if not isinstance(document, dict):
        raise OtlpError("", f"is a {type(document).__name__}; expected an object")
    size, mime_type, field = (document.get(name) for name in ("contentLength", "contentType", "field"))
    if not isinstance(mime_type, str) or not MIME_TYPE.fullmatch(mime_type):
        raise OtlpError("contentType", f"is {mime_type!r:.100}; expected a type such as image/png")
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise OtlpError("contentLength", f"is {size!r:.60}; expected the number of bytes")
    if size > MAX_MEDIA:
        raise Refusal(413, f"the file has {size:,} bytes; at most {MAX_MEDIA:,} are kept")
    try:
        digest = base64.b64decode(document.get("sha256Hash") or "", validate=True)
    except (TypeError, ValueError, binascii.Error):
        digest = b""
    if len(digest) != 32:
        raise OtlpError("sha256Hash", f"is {document.get('sha256Hash')!r:.100}; expected 32 bytes in base64")
    return Upload(
        digest, size, mime_type.lower(), field if isinstance(field, str) and _FIELD.fullmatch(field) else "input"
    )
