"""From captured values to payloads: shared by content, without secrets, media apart."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from spanbook.ingest._encode import Encoder
from spanbook.model.redaction import make_redactor
from spanbook.store._blobs import Blob, BlobSet, Payload
from spanbook.store._codec import decompress

IMAGE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4
KEY = "sk-" + "a1B2c3D4" * 6


def encoder(policy: Any = "off") -> Encoder:
    """An encoder with a memory of its own."""
    return Encoder(BlobSet(), make_redactor(policy))


def text_of(payload: Payload) -> str:
    """The JSON text that a payload stands for."""
    if isinstance(payload, list):
        return "[" + ",".join(map(text_of, payload)) + "]"
    if isinstance(payload, Blob):
        return decompress(payload.codec, payload.body).decode()
    assert isinstance(payload, str)
    return payload


def message(text: str) -> dict[str, Any]:
    """A user's message."""
    return {"role": "user", "parts": [{"type": "text", "content": text}]}


def test_short_values_stay_in_the_row_and_long_ones_become_blobs() -> None:
    """Nothing is nothing."""
    made = encoder()
    assert made.value(None, []) is None
    assert made.value({"a": [1]}, []) == '{"a":[1]}'
    long = made.value("x" * 500, [])
    assert isinstance(long, Blob)
    assert text_of(long) == '"' + "x" * 500 + '"'


def test_a_history_costs_its_new_messages_only() -> None:
    """Each call of an agent sends all that was said before."""
    made = encoder()
    history = [message(f"{number} " + "word " * 60) for number in range(20)]
    first = made.messages(history, [])
    second = made.messages([*history, message("new " * 80)], [])
    assert isinstance(first, list)
    assert isinstance(second, list)
    assert second[:20] == first
    assert json.loads(text_of(second)) == [*history, message("new " * 80)]


def test_one_short_message_stays_in_the_row() -> None:
    """A blob would cost more than it does."""
    assert encoder().messages([message("hi")], []) == '[{"role":"user","parts":[{"type":"text","content":"hi"}]}]'


@pytest.mark.parametrize("content", [IMAGE, base64.b64encode(IMAGE).decode()])
def test_media_move_to_blobs_of_their_own(content: Any) -> None:
    """At any depth, given as bytes or as base64; the value names them by digest and size."""
    media: list[Blob] = []
    part = {"type": "blob", "modality": "image", "mime_type": "image/png", "content": content}
    kept = json.loads(text_of(encoder().value({"a": [{"b": part}]}, media)))["a"][0]["b"]
    assert [(blob.body, blob.mime_type) for blob in media] == [(IMAGE, "image/png")]
    assert kept == {"type": "blob", "modality": "image", "mime_type": "image/png", "digest": media[0].digest.hex(),
                    "size": len(IMAGE)}  # fmt: skip


def test_media_of_a_value_met_before_are_named_again() -> None:
    """The second span needs the same blob, also in a new store."""
    made, again = encoder(), list[Blob]()
    value = {"$type": "blob", "mime_type": "image/png", "content": IMAGE}
    made.value(value, [])
    made.value(dict(value), again)
    assert [blob.body for blob in again] == [IMAGE]


@pytest.mark.parametrize("content", ["no base64 %%%=", 5, None])
def test_media_that_are_none_say_so(content: Any) -> None:
    """The part stays, without content."""
    media: list[Blob] = []
    kept = json.loads(text_of(encoder().value({"type": "blob", "mime_type": "image/png", "content": content}, media)))
    assert kept.get("type") in ("not_captured", "blob")
    assert "content" not in kept


def test_secrets_are_redacted_in_each_value_and_counted_each_time() -> None:
    """By name and by form; the same value again is redacted again."""
    made = encoder("secrets")
    for _ in range(2):
        payload = made.value({"api_key": "hunter2hunter2", "text": f"use {KEY}"}, [])
        assert KEY not in text_of(payload)
        assert "hunter2" not in text_of(payload)
    assert made.redacted == 4


def test_metadata_only_keeps_no_content_and_no_media() -> None:
    """Sizes and roles stay; of descriptions, all but secrets."""
    made, media = encoder("metadata-only"), list[Blob]()
    part = {"type": "blob", "modality": "image", "mime_type": "image/png", "content": IMAGE}
    text = text_of(made.messages([{"role": "user", "parts": [part, {"type": "text", "content": "private"}]}], media))
    assert media == []
    assert "private" not in text
    assert '"role":"user"' in text
    assert text_of(made.value({"tier": "pro"}, media, "metadata")) == '{"tier":"pro"}'
    assert "pro" not in text_of(made.value({"tier": "pro"}, media)).replace("prov", "")


def test_a_policy_of_the_users_own_decides_about_media_too() -> None:
    """What its result does not name is not stored."""
    media: list[Blob] = []
    value = {"picture": {"type": "blob", "mime_type": "image/png", "content": IMAGE}}
    assert encoder(lambda value: "gone").value(value, media) == '"gone"'
    assert media == []


def test_cyclic_and_unencodable_values_are_encoded_all_the_same() -> None:
    """A capture is never cyclic, but other sources may be."""
    cyclic: list[Any] = [1]
    cyclic.append(cyclic)
    for value in (cyclic, {"nan": float("nan")}, {"half": "\ud800"}, {1: 2, (3, 4): b"x"}, {"big": 10**5_000}):
        json.loads(text_of(encoder("secrets").value(value, [])).encode())


def test_values_that_are_equal_in_python_and_not_in_json_are_kept_apart() -> None:
    """``True == 1 == 1.0``, but a reader should see which it was."""
    made = encoder()
    assert [made.value([value], []) for value in (1, True, 1.0)] == ["[1]", "[true]", "[1.0]"]
