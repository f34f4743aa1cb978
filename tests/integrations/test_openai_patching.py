"""On and off: methods patched and put back, imported before or after, one client, layouts that are unknown."""

from __future__ import annotations

import inspect
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import spanbook as sb
from spanbook import integrations
from spanbook.integrations._patch import Target, apply
from spanbook.offline import OfflineModel
from tests.integrations.conftest import Spans
from tests.integrations.wire import Reply, Wire, chunk, completion

if TYPE_CHECKING:
    import openai

MODEL = "gpt-4o-mini"
ASK: Any = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]}


def methods() -> dict[str, Any]:
    """Return the methods that are patched, as they stand in their classes now."""
    from openai._base_client import AsyncAPIClient, SyncAPIClient
    from openai.resources import AsyncEmbeddings, Embeddings
    from openai.resources.chat.completions import AsyncCompletions, Completions
    from openai.resources.responses import AsyncResponses, Responses

    owners: list[tuple[type, tuple[str, ...]]] = [
        *(
            (owner, ("create", "parse", "stream"))
            for owner in (Completions, AsyncCompletions, Responses, AsyncResponses)
        ),
        *((owner, ("create",)) for owner in (Embeddings, AsyncEmbeddings)),
        *((owner, ("_sleep_for_retry",)) for owner in (SyncAPIClient, AsyncAPIClient)),
    ]
    return {f"{owner.__name__}.{name}": owner.__dict__[name] for owner, names in owners for name in names}


def test_uninstrument_restores_the_very_same_functions() -> None:
    before = methods()

    assert sb.instrument("openai") == ["openai"]
    during = methods()
    assert "openai" in sb.instrument()
    assert methods() == during
    assert "openai" in sb.uninstrument()

    assert all(now is before[name] for name, now in methods().items())
    assert during["Completions.create"] is not before["Completions.create"]
    assert sb.uninstrument("openai") == []


def test_metadata_of_methods_is_kept() -> None:
    before = methods()
    sb.instrument("openai")
    during = methods()
    sb.uninstrument("openai")

    for name, method in during.items():
        original = before[name]
        assert (method.__name__, method.__qualname__, method.__doc__, method.__module__) == (
            original.__name__,
            original.__qualname__,
            original.__doc__,
            original.__module__,
        )
        assert inspect.signature(method) == inspect.signature(original)
        if not name.endswith("_sleep_for_retry"):
            assert inspect.iscoroutinefunction(method) == inspect.iscoroutinefunction(original)


def test_wrapper_of_somebody_else_is_left_in_place(
    spans: Spans, wire: Wire, wclient: openai.OpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    from openai.resources.chat.completions import Completions

    wire.replies = [Reply(json=completion()), Reply(json=completion())]
    original = Completions.__dict__["create"]
    sb.instrument("openai")
    ours = Completions.__dict__["create"]

    def theirs(self: Any, *args: Any, **kwargs: Any) -> Any:
        return ours(self, *args, **kwargs)

    Completions.create = theirs  # type: ignore[method-assign]
    try:
        wclient.chat.completions.create(**ASK)
        sb.uninstrument("openai")
        assert Completions.__dict__["create"] is theirs
        wclient.chat.completions.create(**ASK)
    finally:
        Completions.create = original  # type: ignore[method-assign]

    assert len(spans()) == 1


def test_view_made_while_on_passes_through_when_off(spans: Spans, wire: Wire, wclient: openai.OpenAI) -> None:
    wire.replies = [Reply(json=completion()), Reply(json=completion())]
    client = wclient.with_options()

    sb.instrument("openai")
    client.chat.completions.with_raw_response.create(**ASK)
    sb.uninstrument("openai")
    client.chat.completions.with_raw_response.create(**ASK)

    assert len(spans()) == 1


def test_openai_imported_later(tmp_path: Path, wire: Wire) -> None:
    """Instrumenting imports nothing; each module is patched when its own import comes, and looks untouched."""
    wire.replies = [Reply(json=completion("Hi"))]
    code = f"""
        import sys
        import spanbook as sb
        from spanbook.integrations import integrations
        sb.init(store="store.db", instrument=False)
        sb.instrument()
        assert "openai" not in sys.modules
        assert integrations()[0]["state"] == "waiting"
        import openai
        client = openai.OpenAI(base_url={wire.url!r}, api_key="test")
        client.chat.completions.create(model="gpt-4o-mini", messages=[{{"role": "user", "content": "Hello"}}])
        module = sys.modules["openai.resources.chat.completions.completions"]
        assert "exec_module" not in vars(module.__loader__) and module.__spec__.loader is module.__loader__
        hooks = len(sys.meta_path)
        sb.uninstrument()
        assert len(sys.meta_path) == hooks - 1
        import openai.resources.embeddings as e
        assert not hasattr(e.Embeddings.create, "__wrapped__") or "spanbook" not in repr(e.Embeddings.create.__code__)
        print(sb.last_trace().root.output[0]["parts"][0]["content"])
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert (done.stdout.strip(), done.stderr) == ("Hi", "")


def test_what_pricing_imports_is_imported_with_openai() -> None:
    """openai takes httpx2 from sys.modules for every client, also half imported by the thread that prices calls."""
    program = """
    import sys
    import spanbook as sb

    sb.instrument("openai")
    assert "httpx2" not in sys.modules
    import openai
    print("httpx2" in sys.modules, sb.uninstrument())
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True ['openai']"


def test_import_hook_leaves_when_nothing_is_awaited() -> None:
    from spanbook.integrations._imports import ImportHook

    hook = ImportHook()
    seen: list[str] = []

    hook.when_imported("json", lambda module: seen.append(module.__name__))
    assert hook not in sys.meta_path
    hook.when_imported("xml.sax.handler.nothing", lambda module: seen.append(module.__name__))
    assert hook in sys.meta_path
    hook.forget("xml.sax.handler.nothing")

    assert seen == ["json"]
    assert hook not in sys.meta_path


def test_import_that_fails_fails_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from spanbook.integrations._imports import ImportHook

    (tmp_path / "brokenmod.py").write_text("raise ValueError('theirs')\n")
    (tmp_path / "finemod.py").write_text("value = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    hook = ImportHook()
    seen: list[str] = []
    for name in ("brokenmod", "finemod"):
        hook.when_imported(name, lambda module: seen.append(module.__name__))

    with pytest.raises(ValueError, match="theirs"):
        __import__("brokenmod")
    assert __import__("finemod").value == 1
    hook.forget("brokenmod")

    assert seen == ["finemod"]
    assert hook not in sys.meta_path


def test_unknown_layout_disables_one_patch_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A future version without ``parse``: one clear line, the rest is traced, nothing raises."""
    from openai.resources.chat.completions import Completions

    from spanbook.tracer._report import forget_said

    forget_said()
    original = Completions.__dict__["parse"]
    del Completions.parse
    try:
        with pytest.warns(sb.SpanbookWarning, match=r"has no .*Completions\.parse; calls to it are not traced") as said:
            sb.instrument("openai")
        (row,) = [row for row in integrations.integrations() if row["name"] == "openai"]
        sb.uninstrument("openai")
    finally:
        Completions.parse = original  # type: ignore[method-assign]

    assert len(said) == 1
    assert row["state"] == "on"
    assert len(row["problems"]) == 1


def test_stream_of_an_unknown_layout_is_left_alone(
    instrumented: Spans, wire: Wire, wclient: openai.OpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    import openai

    wire.replies = [Reply(events=[chunk("Hi", finish="stop")])]

    class Sealed(openai.Stream[Any]):
        """A stream that keeps its iterator elsewhere."""

        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self._elsewhere = self.__dict__.pop("_iterator")

        def __iter__(self) -> Any:
            return self._elsewhere

    raw = wclient.chat.completions.with_raw_response.create(**ASK, stream=True)
    sealed = Sealed(cast_to=object, response=raw.http_response, client=wclient)
    from spanbook.integrations._stainless._calls import Call
    from spanbook.integrations._stainless._streams import _watch_stream
    from spanbook.integrations.openai._targets import CHAT

    call = Call(CHAT, wclient.chat.completions, ASK, False)
    assert _watch_stream(call, sealed) is False
    call.span.end()
    list(sealed)

    span = instrumented()[-1]
    assert (span.level, span.attributes["stream"]) == ("warning", "not captured")


def test_missing_class_is_named() -> None:
    patches, missing = apply(sys.modules[__name__], [Target("Nobody", "create", lambda f, on: f)], lambda: True)

    assert patches == []
    assert missing == [f"{__name__}.Nobody.create"]


def test_names_are_checked() -> None:
    with pytest.raises(sb.UsageError, match="Did you mean 'openai'"):
        sb.instrument("opnai")
    with pytest.raises(sb.UsageError, match="no integration"):
        sb.uninstrument("nothing-like-it")
    names: Any = ["openai"]
    for change in (sb.instrument, sb.uninstrument):
        with pytest.raises(sb.UsageError, match=r"\['openai'\] is a list"):
            change(names)


# -- one client


def test_wrapped_client_is_traced_alone(spans: Spans, model: OfflineModel) -> None:
    model.rules[:] = []
    with model.client() as mine, model.client() as other:
        assert sb.wrap(mine) is mine
        assert sb.wrap(mine) is mine
        mine.chat.completions.create(**ASK)
        mine.responses.create(model=MODEL, input="Hello")
        mine.embeddings.create(model="text-embedding-3-small", input="Hello")
        list(mine.chat.completions.create(**ASK, stream=True))
        mine.chat.completions.with_raw_response.create(**ASK)
        mine.with_options(timeout=5).chat.completions.create(**ASK)
        with mine.chat.completions.stream(**ASK) as stream:
            stream.until_done()
        other.chat.completions.create(**ASK)

    assert [span.name.partition(" ")[0] for span in spans()] == [
        "chat", "responses", "embeddings", "chat", "chat", "chat", "chat",
    ]  # fmt: skip


async def test_wrapped_async_client(spans: Spans, model: OfflineModel) -> None:
    model.rules[:] = []
    async with model.async_client() as mine:
        sb.wrap(mine)
        await mine.chat.completions.create(**ASK)
        async with mine.chat.completions.with_streaming_response.create(**ASK) as response:
            await response.read()

    assert len(spans()) == 2


@pytest.mark.parametrize("wrap_first", [True, False])
def test_wrapped_and_instrumented_is_recorded_once(spans: Spans, model: OfflineModel, wrap_first: bool) -> None:
    with model.client(max_retries=0) as mine:
        if wrap_first:
            sb.wrap(mine)
        sb.instrument("openai")
        if not wrap_first:
            sb.wrap(mine)
        mine.chat.completions.create(**ASK)
        list(mine.responses.create(model=MODEL, input="Hello", stream=True))
        sb.uninstrument("openai")
        mine.chat.completions.create(**ASK)

    assert [span.name.partition(" ")[0] for span in spans()] == ["chat", "responses", "chat"]


def test_views_made_before_wrapping_are_traced_too(spans: Spans, model: OfflineModel) -> None:
    with model.client() as mine:
        mine.chat.completions.with_raw_response.create(**ASK)
        sb.wrap(mine)
        mine.chat.completions.with_raw_response.create(**ASK)

    assert len(spans()) == 1


def test_unwrapped_client_is_as_it_was(spans: Spans, model: OfflineModel) -> None:
    with model.client() as mine:
        before = set(vars(mine.chat.completions)), set(vars(mine))
        sb.wrap(mine)
        assert integrations.unwrap(mine) is mine
        mine.chat.completions.create(**ASK)
        after = set(vars(mine.chat.completions)), set(vars(mine))

    assert after[0] == before[0]
    assert not after[1] - before[1] - {"responses", "embeddings", "completions", "beta"}
    assert spans() == []


@pytest.mark.parametrize("thing", [object(), sys, "client"])
def test_wrapping_something_else_is_refused(thing: Any) -> None:
    with pytest.raises(sb.UsageError, match="is no client that"):
        sb.wrap(thing)
