"""Addresses that files are sent to, as stores of objects give them: signed, so that one carries no credentials.

The clients of Langfuse ask where a file goes, and send it there without their keys. What they announced stands in the
address itself, so nothing has to be remembered until the file comes.
"""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, urlencode

from ..conventions._langfuse_media import media_id
from ._refusal import Refusal

PATH: Final = "/api/public/media"
_UPLOAD: Final = re.compile(rf"{PATH}/[A-Za-z0-9_-]{{22}}")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it was announced."""

    sha256: bytes
    size: int
    mime_type: str
    field: str  # of the span that names it

    @property
    def digest(self) -> bytes:
        """What the store names it by."""
        return self.sha256[:16]

    @property
    def id(self) -> str:
        """The id that clients name it by."""
        return media_id(self.sha256)


class Uploads:
    """Gives addresses for files, and reads those that it gave."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def address(self, upload: Upload) -> str:
        """Return the path and query where a file is taken."""
        said = {"sha256": upload.sha256.hex(), "size": upload.size, "type": upload.mime_type, "field": upload.field}
        query = urlencode(said)
        return f"{PATH}/{upload.id}?{query}&signature={self._signature(query)}"

    def read(self, path: str, query: str) -> Upload:
        """Return the file that an address was given for.

        Raises:
            Refusal: it was not given here.
        """
        said, _, signature = query.partition("&signature=")
        if not hmac.compare_digest(signature.encode(), self._signature(said).encode()):
            raise Refusal(403, f"this receiver gave no such address; ask for one by POST to {PATH}")
        given = {name: values[0] for name, values in parse_qs(said, strict_parsing=True).items()}
        upload = Upload(bytes.fromhex(given["sha256"]), int(given["size"]), given["type"], given["field"])
        if path != f"{PATH}/{upload.id}":
            raise Refusal(403, f"this address was given for {upload.id}; ask for another one by POST to {PATH}")
        return upload

    def _signature(self, query: str) -> str:
        return hmac.digest(self._key, query.encode(), "sha256").hex()


def is_upload(path: str) -> bool:
    """Tell whether a path is that of one file."""
    return _UPLOAD.fullmatch(path) is not None
