"""From captured values to what the store holds: media out to blobs, secrets redacted, one blob a chat message.

A value whose raw form was met before is not redacted, encoded or compressed again: an agent's history costs its new
messages only.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from marshal import dumps
from types import NoneType
from typing import Any, Final, NamedTuple

from ..model.redaction import Redactor
from ..model.values import is_text_tree, to_json
from ..store._blobs import Blob, BlobSet, Payload
from ..store._codec import INLINE_BELOW, sha256, to_text

_SHORT: Final = 256  # bytes
_are_atoms: Final = frozenset((str, int, float, bool, NoneType)).issuperset


class _WithMedia(NamedTuple):
    """A payload and the media blobs that it names."""

    payload: Payload
    media: list[Blob]


class Encoder:
    """Turns values into payloads; holds the memory of what was seen."""

    _KEEP: Final = 20_000

    def __init__(self, blobs: BlobSet, redactor: Redactor) -> None:
        self._blobs = blobs
        self.redactor = redactor
        self.redacted = 0
        self._young: dict[bytes, Payload | _WithMedia] = {}
        self._old: dict[bytes, Payload | _WithMedia] = {}

    def value(self, value: Any, media: list[Blob], field: str = "", *, plain: bool = False) -> Payload:
        """Return the payload of any captured value; media found in it are appended to ``media``.

        Args:
            value: What a record of the journal holds.
            media: The blobs that the store has to keep because payloads name them.
            field: The span field it comes from, where redaction asks for that.
            plain: It is known to be a text tree (``model.values.is_text_tree``).
        """
        if value is None:
            return None
        return self._remembered(value, media, b"i" + field.encode(), plain=plain)

    def messages(self, messages: list[Any], media: list[Blob], *, plain: bool = False) -> Payload:
        """Return the payload of a list of messages: inline when short, else one blob each."""
        blobs = [self._remembered(message, media, b"", plain=plain) for message in messages]
        if len(blobs) == 1 and isinstance(blobs[0], Blob) and blobs[0].size < INLINE_BELOW - 2:
            return self._remembered(messages, media, b"i", plain=plain)
        return blobs  # type: ignore[return-value]

    def keeps_file(self, part: Mapping[str, Any], field: str) -> bool:
        """Tell whether the policy leaves a part that names a file by its digest, in this field of a span."""
        return self.redactor.keeps_media and part["digest"] in to_text(self.redactor.value(part, field)[0])

    def json(self, value: Any, field: str = "") -> tuple[Any, str]:
        """Return a small value redacted, and its JSON text: for columns that are never blobs."""
        clean, count = self.redactor.value(to_json(value), field)
        self.redacted += count
        return clean, to_text(clean)

    def text(self, text: str) -> str:
        """Return a text redacted and fit for UTF-8: names, ids, comments."""
        clean, count = self.redactor.text(text)
        self.redacted += count
        return clean.encode("utf-8", "replace").decode("utf-8")

    def forget(self) -> None:
        """Forget all: the blobs are in a store that is gone."""
        self._young, self._old = {}, {}

    def _remembered(self, value: Any, media: list[Blob], use: bytes, *, plain: bool) -> Payload:
        """Return the payload of a value; ``use`` tells how it is kept (``i``: inline when short) and its field."""
        flat = not plain and type(value) is dict and _are_atoms(map(type, value.values()))
        if not plain and not flat and not is_text_tree(value):
            value = to_json(value, keep_media=True)  # first: it bounds what cycles and shared containers expand to
        raw = dumps(value, 2)  # format 2 is blind to identity: equal values give equal bytes
        # no text of marshal begins with "#"; to hash a short one takes longer than to keep it
        key = raw + use if len(raw) < _SHORT else b"#" + sha256(raw) + use
        known = self._young.get(key)
        if known is None:
            known, count = self._old.get(key), 0
            if known is None:
                known, count = self._made(to_json(value, keep_media=True) if flat else value, raw, use)
            if not count:  # what was redacted is redacted, and counted, each time
                self._young[key] = known
                if len(self._young) > self._KEEP:
                    self._old, self._young = self._young, {}
        if type(known) is _WithMedia:
            media += known.media
            return known.payload
        return known  # type: ignore[return-value]

    def _made(self, value: Any, raw: bytes, use: bytes) -> tuple[Payload | _WithMedia, int]:
        """Return the payload, and how much was redacted."""
        if 0xED in raw:  # as surrogates begin
            value = to_json(value, keep_media=True)
        media: list[Blob] = []
        if raw.find(b"blob") >= 0:  # "in" first takes bytes for a number, which costs ten times as much
            value = extract_media(value, self._blobs, media)
        clean, count = self.redactor.value(value, use[1:].decode())
        text = to_text(clean)
        if count:
            self.redacted += count
        payload = text if use and len(text) < INLINE_BELOW else self._blobs.text(text)
        if media and (count or not self.redactor.keeps_media):
            media = [blob for blob in media if self.redactor.keeps_media and blob.digest.hex() in text]
        return _WithMedia(payload, media) if media else payload, count


def extract_media(value: Any, blobs: BlobSet, media: list[Blob]) -> Any:
    """Return the value with the bytes of its media parts moved to blobs: ``content`` becomes ``digest`` and ``size``.

    Parts are ``{"type" or "$type": "blob", "mime_type": …, "content": bytes or base64}``, at any depth.
    """
    if not isinstance(value, (list, dict)):
        return value
    if isinstance(value, dict) and "content" in value and "blob" in (value.get("type"), value.get("$type")):
        return _media_part(value, blobs, media)
    items = value.items() if isinstance(value, dict) else enumerate(value)
    changed = {key: new for key, old in items if (new := extract_media(old, blobs, media)) is not old}
    if not changed:
        return value
    if isinstance(value, dict):
        return {**value, **changed}
    return [changed.get(index, item) for index, item in enumerate(value)]


def _media_part(part: Mapping[str, Any], blobs: BlobSet, media: list[Blob]) -> dict[str, Any]:
    content = part["content"]
    rest = {key: value for key, value in part.items() if key != "content"}
    if isinstance(content, str):
        try:
            content = base64.b64decode(content, validate=False)
        except (binascii.Error, ValueError):
            return {**rest, "type": "not_captured", "count": 1, "reason": "its base64 is damaged"}
    if not isinstance(content, bytes):
        return {**rest, "type": "not_captured", "count": 1, "reason": "it holds no bytes"}
    blob = blobs.media(content, str(part.get("mime_type") or "application/octet-stream"))
    media.append(blob)
    return {**rest, "digest": blob.digest.hex(), "size": len(content)}
