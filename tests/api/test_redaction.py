"""No secret reaches the store: wherever it stood, whatever failed; all of it counted."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import spanbook as sb
from spanbook.api import _runtime
from tests.tracing import Tracing

KEY = "sk-" + "proj-" + "aB3dE5fG7hI9jK1lM3nO5pQ7"


def bytes_of(folder: Path) -> bytes:
    """The store and its log, read by another process: reading them in this one would drop SQLite's locks."""
    files = sorted(str(path) for path in folder.glob("store.db*"))
    assert len(files) == 3
    return subprocess.run(["cat", *files], capture_output=True, check=True).stdout


class OwnError(Exception):
    """Somebody puts the key into a field, a note and the message."""


def fail() -> None:
    try:
        raise ConnectionError(f"GET https://user:{KEY}@example.com: 401")
    except ConnectionError as cause:
        error = OwnError(f"the key {KEY} was refused", {"authorization": f"Bearer {KEY}"})
        error.add_note(f"key={KEY}")
        raise error from cause


def trace_everything() -> None:
    data = {KEY: [KEY], "authorization": f"Bearer {KEY}", "plain": "kept as it is"}
    with sb.context(user_id=KEY, session_id=KEY, tags=[KEY], metadata=data, feature=KEY, region=KEY, release=KEY,
                    environment=KEY), sb.span(f"call {KEY}", "llm", [{"role": "user", "content": KEY}], model=KEY,
                                              provider=KEY) as span:  # fmt: skip
        span.set(output=data, prompt_name=KEY, prompt_version=KEY, model_parameters=data, tools=[data],
                 attributes=data, response_id=KEY, finish_reason=KEY, links=[data])  # fmt: skip
        span.event(f"sent {KEY}", data)
        sb.score(f"fine {KEY}", f"because {KEY}", comment=KEY)
    with sb.span("fails"):
        fail()


@pytest.mark.parametrize("policy", ["secrets", "secrets+pii", "metadata-only"])
def test_a_key_reaches_no_byte_of_the_store(tracing: Tracing, tmp_path: Path, policy: str) -> None:
    """Names, tags, payloads, keys of objects, events, scores, messages of exceptions, their causes and stack traces."""
    sb.init(store=tracing.path, redact=policy, instrument=False)
    with pytest.raises(OwnError):
        trace_everything()
    assert sb.flush()
    assert KEY.encode() not in bytes_of(tmp_path)
    assert sb.stats()["redacted"] >= 30
    error = tracing.span("fails").error
    assert error is not None
    if policy != "metadata-only":
        assert (
            error["message"]
            == "('the key [redacted:api_key] was refused', {'authorization': '[redacted:authorization]'})"
        )
        for piece in (
            "ConnectionError: GET https://user:[redacted:",
            "key=[redacted:",
            "in fail\n",
            "raise error from",
        ):
            assert piece in error["traceback"]


def test_a_policy_that_fails_keeps_nothing(tmp_path: Path, untraced: None) -> None:
    """The program goes on, spans are there, their values are not; each is counted."""

    def policy(value: object) -> object:
        raise RuntimeError("the service that knows what is secret is down")

    sb.init(store=tmp_path / "store.db", redact=policy, instrument=False)
    with pytest.raises(OwnError):
        trace_everything()
    assert sb.flush()
    spans = [span for trace in sb.traces() for span in trace.spans]
    assert [(span.kind, span.status) for span in spans] == [("span", "error"), ("llm", "ok")]
    assert KEY.encode() not in bytes_of(tmp_path)
    assert "redaction failed" in repr(spans[1].output)
    assert sb.stats()["redacted"] >= 20
    assert sb.stats()["errors"] == 0


def test_redaction_that_breaks_inside_keeps_nothing(
    tracing: Tracing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect of ours, as any: the value is replaced, not let through."""
    redactor = _runtime.active().fold._records.encoder.redactor

    def broken(probe: bytes) -> list[tuple[int, int, str]]:
        raise MemoryError

    monkeypatch.setattr(redactor, "_find", broken)
    with sb.span("call", input=f"the key is {KEY}") as span:
        span.set(output="harmless")
    assert sb.flush()
    assert KEY.encode() not in bytes_of(tmp_path)
    (found,) = tracing.spans()
    assert "redaction failed" in repr(found.input)
    assert "redaction failed" in repr(found.output)
