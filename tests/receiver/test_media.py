"""Files as the SDKs of Langfuse upload them."""

from __future__ import annotations

import base64
import json
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

import spanbook as sb
from spanbook.receiver import Receiver
from spanbook.widgets._requests import TraceRequests
from spanbook.widgets._state import TraceState
from tests.receiver.sending import JSON, TRACE_HEX, Process, Response, post, reads_peak, stored, traces

PATH = "/api/public/media"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
ID = "a3-kNPkqi4CqsC2b8aEuSf"
TOKEN = f"@@@langfuseMedia:type=image/png|id={ID}|source=base64_data_uri@@@"
#: As langfuse 5.0.4 and @langfuse/otel 5.11.1 send them.
PYTHON: dict[str, Any] = {
    "traceId": TRACE_HEX, "observationId": "e7cc858cd42a2218", "datasetId": None, "datasetItemId": None,
    "contentType": "image/png", "contentLength": 70, "sha256Hash": "a3+kNPkqi4CqsC2b8aEuSf/K5CTkATocT2i2fj0rvNA=",
    "field": "input",
}  # fmt: skip
JS = {name: value for name, value in PYTHON.items() if value is not None}
REPORT = {"uploadedAt": "2026-11-28T22:29:59Z", "uploadHttpStatus": 200, "uploadHttpError": "{}", "uploadTimeMs": 3}


def announce(port: int, said: Any = PYTHON, **headers: str) -> Response:
    return post(port, PATH, json.dumps(said), JSON, **headers)


def put(port: int, address: str, data: bytes = PNG, **headers: str) -> Response:
    """Send a file to the address given for it, without credentials, as the SDKs do."""
    path = re.sub(r"^https?://[^/]+", "", address)
    extra = {"x_amz_checksum_sha256": PYTHON["sha256Hash"], "x_ms_blob_type": "BlockBlob"}
    return post(port, path, data, "image/png", method="PUT", **extra, **headers)


def announcement(data: bytes) -> dict[str, Any]:
    return {**PYTHON, "contentLength": len(data), "sha256Hash": base64.b64encode(sha256(data).digest()).decode()}


def files(store: Path) -> list[tuple[Any, ...]]:
    return stored(store, "SELECT mime_type, body FROM blobs WHERE mime_type IS NOT NULL")


def span() -> bytes:
    content = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": TOKEN}}]
    said = {"langfuse.observation.type": "generation",
            "langfuse.observation.input": json.dumps([{"role": "user", "content": content}])}  # fmt: skip
    return bytes(traces(1, **said).SerializeToString())


@pytest.mark.parametrize("said", [PYTHON, JS], ids=["python", "js"])
@pytest.mark.parametrize("comes_last", ["file", "span"])
def test_a_picture_is_read_back_whichever_comes_first(
    receiver: Receiver, store: Path, said: dict[str, Any], comes_last: str
) -> None:
    def send_span() -> None:
        assert post(receiver.port, "/api/public/otel/v1/traces", span()).status == 200

    if comes_last == "file":
        send_span()
        with closing(sb.open(store)) as opened, pytest.raises(sb.UsageError, match="no image"):
            opened.read_blob(sb.last_trace().spans[0].input[0]["parts"][1]["digest"])
    answer = announce(receiver.port, said)
    assert (answer.status, answer.json["mediaId"]) == (201, ID)
    assert put(receiver.port, answer.json["uploadUrl"]).status == 200
    assert post(receiver.port, f"{PATH}/{ID}", json.dumps(REPORT), JSON, method="PATCH").status == 200
    if comes_last == "span":
        send_span()

    part = sb.last_trace().spans[0].input[0]["parts"][1]
    assert (part["type"], part["mime_type"]) == ("blob", "image/png")
    with closing(sb.open(store)) as opened:
        assert opened.read_blob(part["digest"]) == PNG
    assert receiver.stats["files"] == 1


def test_an_open_view_gets_a_picture_that_came_later(receiver: Receiver) -> None:
    assert post(receiver.port, "/v1/traces", span()).status == 200
    trace = sb.last_trace()
    view = TraceRequests(TraceState(trace._reader, trace.trace_id))
    digest = view.answer("detail", {"row": 0})[0]["input"]["value"][0]["parts"][1]["digest"]
    with pytest.raises(LookupError, match="are still to come"):
        view.answer("blob", {"digest": digest})

    assert put(receiver.port, announce(receiver.port).json["uploadUrl"]).status == 200
    assert view.answer("blob", {"digest": digest}) == ({"mime_type": "image/png", "size": 70}, [PNG])


def test_what_is_stored_is_not_asked_for_again(receiver: Receiver, store: Path) -> None:
    """By whichever client, or by our own tracer; sent all the same, it is stored once."""
    address = announce(receiver.port).json["uploadUrl"]
    assert [put(receiver.port, address).status for _ in range(2)] == [200, 200]
    again = announce(receiver.port)
    assert (again.status, again.json) == (200, {"mediaId": ID, "uploadUrl": None})
    assert files(store) == [("image/png", PNG)]

    own = PNG + b"own"
    with sb.span("draw", output=own):
        pass
    sb.flush()
    assert announce(receiver.port, announcement(own)).json["uploadUrl"] is None


@pytest.mark.parametrize("host", ["localhost:{}", "127.0.0.1:{}", "[::1]:{}", "127.0.0.1"])
def test_the_address_is_at_the_host_that_was_asked(receiver: Receiver, host: str) -> None:
    named = host.format(receiver.port)
    assert announce(receiver.port, Host=named).json["uploadUrl"].startswith(f"http://{named}{PATH}/{ID}?")
    behind = announce(receiver.port, Host=named, X_Forwarded_Proto="https")
    assert behind.json["uploadUrl"].startswith(f"https://{named}{PATH}/{ID}?")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (PNG[:-1], "69 bytes; 70 were announced"),
        (PNG + b"x", "more than the 70 bytes that were announced"),
        (PNG[:-1] + b"x", "not those of the SHA-256"),
        (b"", "0 bytes; 70 were announced"),
    ],
)
def test_other_bytes_than_announced_are_refused(receiver: Receiver, store: Path, data: bytes, why: str) -> None:
    answer = put(receiver.port, announce(receiver.port).json["uploadUrl"], data)
    assert (answer.status, answer.json["code"]) == (400, 3)
    assert why in answer.json["message"]
    assert files(store) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (ID, "A" * 22),
        ("size=70", "size=71"),
        ("image%2Fpng", "text%2Fhtml"),
        ("signature=", "signature=0"),
        ("?", "?x"),
    ],
)
def test_an_address_that_was_not_given_is_refused(receiver: Receiver, store: Path, old: str, new: str) -> None:
    address = announce(receiver.port).json["uploadUrl"]
    assert old in address
    assert put(receiver.port, address.replace(old, new)).status == 403
    assert put(receiver.port, f"{PATH}/{ID}").status == 403
    assert files(store) == []


@pytest.mark.parametrize(
    ("change", "status", "why"),
    [
        ({"contentType": "image"}, 400, "contentType"),
        ({"contentType": "image/png\r\nX: y"}, 400, "contentType"),
        ({"contentType": None}, 400, "contentType"),
        ({"contentLength": "70"}, 400, "contentLength"),
        ({"contentLength": True}, 400, "contentLength"),
        ({"contentLength": 0}, 400, "contentLength"),
        ({"contentLength": (20 << 20) + 1}, 413, "at most 20,971,520 are kept"),
        ({"contentLength": 10**30}, 413, "at most 20,971,520 are kept"),
        ({"sha256Hash": PYTHON["sha256Hash"][:-5]}, 400, "sha256Hash"),
        ({"sha256Hash": "é"}, 400, "sha256Hash"),
        ({"sha256Hash": 5}, 400, "sha256Hash"),
    ],
)
def test_malformed_announcements_are_refused(receiver: Receiver, change: dict[str, Any], status: int, why: str) -> None:
    answer = announce(receiver.port, {**PYTHON, **change})
    assert (answer.status, why in answer.json["message"]) == (status, True)


@pytest.mark.parametrize("body", [b"[]", b"5", b"{", b"", b"null"])
def test_what_is_no_object_is_refused(receiver: Receiver, body: bytes) -> None:
    assert post(receiver.port, PATH, body, JSON).status == 400
    assert post(receiver.port, f"{PATH}/{ID}", body, JSON, method="PATCH").status == 400


def test_a_failed_upload_that_is_reported_is_counted(receiver: Receiver) -> None:
    said = json.dumps({**REPORT, "uploadHttpStatus": 500})
    assert post(receiver.port, f"{PATH}/{ID}", said, JSON, method="PATCH").status == 200
    assert receiver.stats["failed_files"] == 1


@pytest.mark.parametrize(("headers", "status"), [({"Host": "evil.example"}, 421), ({"Origin": "null"}, 403)])
def test_the_guards_hold_for_files(receiver: Receiver, store: Path, headers: dict[str, str], status: int) -> None:
    address = announce(receiver.port).json["uploadUrl"]
    assert put(receiver.port, address, PNG, **headers).status == status
    assert announce(receiver.port, **headers).status == status
    assert files(store) == []


@pytest.mark.parametrize(("method", "path", "allow"), [
    ("GET", PATH, "POST"), ("PUT", PATH, "POST"), ("GET", f"{PATH}/{ID}", "PUT, PATCH"),
    ("POST", f"{PATH}/{ID}", "PUT, PATCH"), ("OPTIONS", f"{PATH}/{ID}", "PUT, PATCH"),
])  # fmt: skip
def test_nothing_can_be_read(receiver: Receiver, method: str, path: str, allow: str) -> None:
    answer = post(receiver.port, path, None, JSON, method=method)
    assert (answer.status, answer.headers["allow"]) == (405, allow)


@pytest.mark.parametrize("path", [f"{PATH}/", f"{PATH}/{ID}x", f"{PATH}/{ID}/x", f"{PATH}/%2e%2e"])
def test_other_paths_are_not_found(receiver: Receiver, path: str) -> None:
    assert post(receiver.port, path, PNG, "image/png", method="PUT").status == 404


def test_a_token_is_asked_for_by_all_but_the_signed_address(store: Path) -> None:
    """Which is given to those only that have the token."""
    receiver = sb.receive(0, token="t0ken")
    right = {"Authorization": "Basic " + base64.b64encode(b"pk:t0ken").decode()}
    report = json.dumps(REPORT)

    assert announce(receiver.port).status == 401
    assert post(receiver.port, f"{PATH}/{ID}", report, JSON, method="PATCH").status == 401
    address = announce(receiver.port, **right).json["uploadUrl"]
    assert put(receiver.port, address).status == 200
    assert post(receiver.port, f"{PATH}/{ID}", report, JSON, method="PATCH", **right).status == 200
    assert files(store) == [("image/png", PNG)]


def test_the_address_of_another_receiver_is_refused(store: Path) -> None:
    first, second = sb.receive(0), sb.receive(0)
    address = announce(first.port).json["uploadUrl"]
    assert put(second.port, address).status == 403
    assert put(first.port, address).status == 200


def no_files(value: Any) -> Any:
    """A policy of the user's that takes files out."""
    return "no file" if isinstance(value, dict) and value.get("type") == "blob" else value


@pytest.mark.parametrize("policy", ["metadata-only", no_files])
def test_a_policy_that_keeps_no_files_holds_for_those_that_come_apart(
    receiver: Receiver, store: Path, policy: Any
) -> None:
    """They are not even asked for; one that comes all the same is not stored."""
    address = announce(receiver.port).json["uploadUrl"]
    sb.init(store, instrument=False, redact=policy)
    assert announce(receiver.port).json == {"mediaId": ID, "uploadUrl": None}
    assert put(receiver.port, address).status == 200
    assert files(store) == []


@pytest.mark.parametrize("policy", ["off", "secrets", "secrets+pii", lambda value: value])
def test_other_policies_keep_them(receiver: Receiver, store: Path, policy: Any) -> None:
    sb.init(store, instrument=False, redact=policy)
    assert put(receiver.port, announce(receiver.port).json["uploadUrl"]).status == 200
    assert files(store) == [("image/png", PNG)]


def test_what_was_acknowledged_survives_a_kill(process: Process) -> None:
    assert put(process.port, announce(process.port).json["uploadUrl"]).status == 200
    process.close()
    assert files(process.store) == [("image/png", PNG)]


@reads_peak
def test_large_files_are_taken_in_bounded_memory(process: Process) -> None:
    """One after the other, and several at once: those that find no room are told when to try again."""
    large = [bytes([number]) * (20 << 20) for number in range(4)]

    def send(data: bytes) -> Response:
        return put(process.port, announce(process.port, announcement(data)).json["uploadUrl"], data)

    assert [send(data).status for data in large[:2]] == [200, 200]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(send, [data[:-1] for data in large]))
    assert {answer.status for answer in answers} <= {200, 503}
    assert all("retry-after" in answer.headers for answer in answers if answer.status == 503)
    assert send(large[3]).status == 200
    assert post(process.port, "/v1/traces", traces(1).SerializeToString()).status == 200
    assert process.peak_mb() < 256
