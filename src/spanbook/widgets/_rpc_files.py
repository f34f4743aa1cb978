"""``blob`` and ``asset``: bytes for the page, of the trace and of the package."""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from ..store._read import StoreReader

STATIC: Final = Path(__file__).parent / "static"
#: Files of the package that a page may ask for.
ASSETS: Final = frozenset({"compare.js", "explorer.js", "markdown.js", "more.js"})

_MISSING: Final = """
function render({ el }) {
  const note = el.ownerDocument.createElement("div");
  note.className = "sb";
  note.setAttribute("role", "status");
  note.textContent = %s;
  el.append(note);
}
export default { render };
"""


def blob(reader: StoreReader, digest: Any) -> tuple[str, bytes]:
    """Return (MIME type, bytes) of an image, sound or file.

    Raises:
        LookupError: the store has none with this digest.
    """
    found = reader.read_blob(digest) if isinstance(digest, str) else None
    if found is None:
        raise LookupError("the bytes of this file are not in the store: they were not sent, or are still to come.")
    return found


def asset(name: Any) -> tuple[dict[str, str], list[bytes]]:
    """Return the answer to a request for a file that widgets load on first use: its hex SHA-256, and its bytes.

    Raises:
        LookupError: it is none of ``ASSETS``, or is not built.
    """
    if name not in ASSETS:
        raise LookupError(f"{name!r} is no file of spanbook's widgets; they are {', '.join(sorted(ASSETS))}.")
    path = STATIC / name
    if not path.is_file():
        raise LookupError(not_built(name))
    data = path.read_bytes()
    return {"name": name, "sha256": hashlib.sha256(data).hexdigest()}, [data]


def not_built(name: str) -> str:
    """Say what to do about a bundle that is not there."""
    return f"spanbook's {name} is not built; run `make build` in its checkout, or install a published wheel."


def bundle(name: str) -> str:
    """Return the source of a widget's module; one that says what to do when it is not built."""
    path = STATIC / name
    try:
        stat = path.stat()
    except OSError:
        return _MISSING % repr(not_built(name))
    return _source(path, stat.st_mtime_ns)


@lru_cache(maxsize=8)
def _source(path: Path, version: int) -> str:
    return path.read_text(encoding="utf-8")


def is_hot() -> bool:
    """Whether anywidget shall load bundles anew while they are edited."""
    return os.environ.get("ANYWIDGET_HMR") == "1"
