"""Where litellm's calls are: its functions, the classes of its streams, and what each means."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, Final

from ...tracer._span import _set
from .._patch import Target
from .._stainless._calls import _active, active_call
from .._stainless._plain import plain
from .._stainless._sdk import Api, Sdk
from .._stainless._wrappers import Wrapper, run, run_async
from ..openai._chunks import ChatChunks, CompletionChunks, ResponsesEvents
from ..openai._embeddings import plain_embeddings
from ._calls import LiteCall, begin, outer_call
from ._request import adapt
from ._router import wrap_router
from ._streams import wrap_aclose, wrap_anext, wrap_close, wrap_next

LITELLM: Final = Sdk(
    name="litellm",
    label="LiteLLM",
    host="",
    request_id_header="x-request-id",
    error_code="code",
    provider=lambda kind, host: "",
    adapt=adapt,
)
#: Its answers have the forms of OpenAI's, whoever gave them.
CHAT: Final = Api(LITELLM, "openai.chat", "chat", "llm", plain, ChatChunks)
COMPLETIONS: Final = Api(LITELLM, "openai.completions", "text_completion", "llm", plain, CompletionChunks)
RESPONSES: Final = Api(LITELLM, "openai.responses", "responses", "llm", plain, ResponsesEvents)
EMBEDDINGS: Final = Api(LITELLM, "openai.embeddings", "embeddings", "embedding", plain_embeddings)

#: First parameters of functions whose signature does not tell them.
_POSITIONAL: Final = {CHAT: ("model", "messages"), EMBEDDINGS: ("model", "input")}
#: Flags by which the sync functions are asked to do what the async ones do; they call these then.
_ASYNC: Final = ("acompletion", "aembedding", "aresponses", "atext_completion")


def _wrap(api: Api) -> Callable[[Wrapper, Callable[[], bool]], Wrapper]:
    """Return what makes a traced twin of a function, of the same sort."""

    def make(original: Wrapper, is_on: Callable[[], bool]) -> Wrapper:
        parameters = inspect.signature(original).parameters
        names = tuple(parameters) if "model" in parameters else _POSITIONAL.get(api, ())

        @functools.wraps(original)
        def traced(*args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            if not is_on():
                return original(*args, **kwargs)
            outer = outer_call(kwargs)
            if outer is None and not any(kwargs.get(flag) is True for flag in _ASYNC):
                call = begin(api, names, args, kwargs, is_async=False)
                if call is not None:
                    return run(call, functools.partial(original, *args, **kwargs))
            try:
                return original(*args, **kwargs)
            except Exception as error:
                if outer is not None:
                    outer.note_failed(kwargs, error)
                raise

        @functools.wraps(original)
        async def atraced(*args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            if not is_on():
                return await original(*args, **kwargs)
            outer = outer_call(kwargs)
            if outer is None:
                call = begin(api, names, args, kwargs, is_async=True)
                if call is not None:
                    return await run_async(call, functools.partial(original, *args, **kwargs))
            try:
                return await original(*args, **kwargs)
            except Exception as error:
                if outer is not None:
                    outer.note_failed(kwargs, error)
                raise

        return atraced if inspect.iscoroutinefunction(original) else traced

    return make


def _carry(original: Wrapper, is_on: Callable[[], bool]) -> Wrapper:
    """``run_async_function``: inside a running loop it goes to a thread, without the caller's context."""

    @functools.wraps(original)
    def carrying(async_function: Any, *args: Any, **kwargs: Any) -> Any:
        call = active_call()
        if not is_on() or not isinstance(call, LiteCall):
            return original(async_function, *args, **kwargs)

        async def below(*args: Any, **kwargs: Any) -> Any:  # in a task, whose context is its own
            _set(call.span)
            _active.set(call)
            return await async_function(*args, **kwargs)

        return original(below, *args, **kwargs)

    return carrying


def _functions(api: Api, *names: str) -> list[Target]:
    """Return the targets of public functions, and of what these call (where it is not the same), as retries do."""
    public = [Target("", name, _wrap(api)) for name in names]
    return public + [Target("main", name, _wrap(api), is_optional=True) for name in names if api is not RESPONSES]


def _stream(owner: str, *methods: str) -> list[Target]:
    wraps = {"__next__": wrap_next, "__anext__": wrap_anext, "close": wrap_close, "aclose": wrap_aclose}
    return [Target(owner, name, wraps[name], is_optional="close" in name) for name in methods]


FUNCTIONS: Final = [
    *_functions(CHAT, "completion", "acompletion"),
    *_functions(COMPLETIONS, "text_completion", "atext_completion"),
    *_functions(RESPONSES, "responses", "aresponses"),
    *_functions(EMBEDDINGS, "embedding", "aembedding"),
]
#: Module → methods by which streams are read.
STREAMS: Final[dict[str, list[Target]]] = {
    "litellm.litellm_core_utils.streaming_handler": _stream(
        "CustomStreamWrapper", "__next__", "__anext__", "close", "aclose"
    ),
    "litellm.text_completions.streaming_iterator": _stream("TextCompletionStreamWrapper", "__next__", "__anext__"),
    "litellm.responses.streaming_iterator": [
        *_stream("ResponsesAPIStreamingIterator", "__anext__", "aclose"),
        *_stream("SyncResponsesAPIStreamingIterator", "__next__", "close"),
        *_stream("MockResponsesAPIStreamingIterator", "__next__", "__anext__"),
        *_stream("CachedResponsesAPIStreamingIterator", "__next__", "__anext__"),
    ],
    "litellm.responses.litellm_completion_transformation.streaming_iterator": _stream(
        "LiteLLMCompletionStreamingIterator", "__next__", "__anext__", "aclose"
    ),
}
#: The class behind ``Router`` that has its methods.
ROUTER: Final = [
    Target("RustCore", name, wrap_router(api), is_optional=True)
    for api, names in ((CHAT, ("completion", "acompletion")), (RESPONSES, ("aresponses",)))
    for name in names
]


def targets() -> dict[str, list[Target]]:
    """Return everything that is patched."""
    carried = {"litellm.litellm_core_utils.asyncify": [Target("", "run_async_function", _carry, is_optional=True)]}
    return {"litellm": FUNCTIONS, "litellm.router_rust.core": ROUTER, **STREAMS, **carried}
