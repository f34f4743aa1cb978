"""``request_code``: a traced call as Python that makes it again. Pure functions over a stored span.

Whatever a model or a user wrote ends up inside a ``repr``; names that are used as such come from lists in this file.
Keys are never stored and never written here: each client reads its own from the environment.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ..conventions._requests import ReadBlob, Writer, anthropic_request, chat_messages, responses_input
from ..model import Span

#: Provider → where its OpenAI-compatible interface is, and the variable that holds its key.
_HOSTS: Final = {
    "cerebras": ("https://api.cerebras.ai/v1", "CEREBRAS_API_KEY"),
    "deepseek": ("https://api.deepseek.com", "DEEPSEEK_API_KEY"),
    "fireworks": ("https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY"),
    "groq": ("https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    "mistral": ("https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
    "moonshotai": ("https://api.moonshot.ai/v1", "MOONSHOT_API_KEY"),
    "novita": ("https://api.novita.ai/openai", "NOVITA_API_KEY"),
    "openrouter": ("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    "perplexity": ("https://api.perplexity.ai", "PERPLEXITY_API_KEY"),
    "together": ("https://api.together.xyz/v1", "TOGETHER_API_KEY"),
    "x-ai": ("https://api.x.ai/v1", "XAI_API_KEY"),
    "zai": ("https://api.z.ai/api/paas/v4", "ZAI_API_KEY"),
}
#: Arguments of the clients' methods; what else a request had goes into ``extra_body``. Checked against the installed
#: clients by a test.
CHAT_ARGUMENTS: Final = frozenset(
    "audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens max_tokens metadata "
    "modalities n parallel_tool_calls prediction presence_penalty prompt_cache_key reasoning_effort response_format "
    "safety_identifier seed service_tier stop store temperature tool_choice top_logprobs top_p user verbosity "
    "web_search_options".split()
)
RESPONSES_ARGUMENTS: Final = frozenset(
    "background conversation include max_output_tokens max_tool_calls metadata parallel_tool_calls "
    "previous_response_id prompt_cache_key reasoning safety_identifier service_tier store temperature text "
    "tool_choice top_logprobs top_p truncation user".split()
)
EMBEDDINGS_ARGUMENTS: Final = frozenset("dimensions encoding_format user".split())
COMPLETIONS_ARGUMENTS: Final = frozenset(
    "best_of echo frequency_penalty logit_bias logprobs max_tokens n presence_penalty seed stop suffix temperature "
    "top_p user".split()
)
ANTHROPIC_ARGUMENTS: Final = frozenset(
    "max_tokens metadata service_tier stop_sequences temperature thinking tool_choice top_k top_p".split()
)
_STREAMING: Final = frozenset({"stream", "stream_options"})
_WIDTH: Final = 100

_FORMS: Final = {
    "chat": ("client.chat.completions.create", CHAT_ARGUMENTS, "response.choices[0].message"),
    "responses": ("client.responses.create", RESPONSES_ARGUMENTS, "response.output_text or response.output"),
    "embeddings": ("client.embeddings.create", EMBEDDINGS_ARGUMENTS, "[len(each.embedding) for each in response.data]"),
    "completions": ("client.completions.create", COMPLETIONS_ARGUMENTS, "response.choices[0].text"),
    "anthropic": ("client.messages.create", ANTHROPIC_ARGUMENTS, "response.content"),
}


def request_code(span: Span, read_blob: ReadBlob | None = None) -> dict[str, str | None]:
    """Return ``{code, messages, reason}``: a whole program, the messages alone, or why there is none.

    Args:
        span: An llm or embedding span.
        read_blob: Gives (MIME type, bytes) of a file by its digest; without it files are left out.
    """
    form = _form(span)
    if span.kind not in ("llm", "embedding"):
        return _none(f"This span is of kind {span.kind!r}; requests are made by llm and embedding spans.")
    writer = Writer(read_blob)
    try:
        given = _given(span, form, writer)
    except ValueError as problem:
        return _none(str(problem))
    method, names, shown = _FORMS[form]
    arguments: dict[str, Any] = {"model": _model(span, writer), **given}
    tools = [_tool(tool, form) for tool in span.tools or () if isinstance(tool, Mapping)]
    if tools:
        arguments["tools"] = tools
    extra: dict[str, Any] = {}
    for name, value in (span.model_parameters or {}).items():
        if name in _STREAMING:
            continue
        if _is_captured(value):
            writer.note(f"{name!r} was not captured and is left out.")
        elif name in arguments:
            continue
        else:
            (arguments if name in names else extra)[name] = value
    if form == "anthropic" and "max_tokens" not in arguments:
        writer.note("max_tokens was not recorded; the client asks for it.")
        arguments["max_tokens"] = 1024
    if extra:
        arguments["extra_body"] = extra
    if (span.model_parameters or {}).get("stream") is True:
        writer.note("The traced call streamed its answer; this one waits for the whole.")
    code = _program(span, form, method, arguments, shown, writer)
    messages = None
    if form != "embeddings":
        alone = Writer(read_blob)
        messages = f"messages = {literal(chat_messages(span.input, alone))}\n"
        messages = _comments(alone.notes) + messages
    return {"code": code, "messages": messages, "reason": None}


def _program(span: Span, form: str, method: str, arguments: Mapping[str, Any], shown: str, writer: Writer) -> str:
    lines = _client(span, form, writer)
    call = [f"response = {method}("]
    for name in ("messages", "input", "tools"):
        if isinstance(arguments.get(name), list):
            lines.append(f"{name} = {literal(arguments[name])}")
    for name, value in arguments.items():
        is_above = name in ("messages", "input", "tools") and isinstance(value, list)
        call.append(f"    {name}={name if is_above else literal(value, 1)},")
    lines += ["", *call, ")", f"print({shown})"]
    return _comments(writer.notes) + "\n".join(lines) + "\n"


def _comments(notes: Iterable[str]) -> str:
    """Notes as comments; a note is one line, whatever was quoted in it."""
    return "".join(f"# {' '.join(note.split())}\n" for note in notes)


def _client(span: Span, form: str, writer: Writer) -> list[str]:
    if form == "anthropic":
        return ["from anthropic import Anthropic", "", "client = Anthropic()", ""]
    if span.provider == "azure":
        writer.note("Azure: set OPENAI_API_VERSION, AZURE_OPENAI_ENDPOINT and AZURE_OPENAI_API_KEY.")
        return ["from openai import AzureOpenAI", "", "client = AzureOpenAI()", ""]
    url, variable = _HOSTS.get(span.provider or "", (None, None))
    if url is not None:
        made = f'client = OpenAI(base_url="{url}", api_key=os.environ["{variable}"])'
        return ["import os", "", "from openai import OpenAI", "", made, ""]
    host = span.attributes.get("server.address")
    if isinstance(host, str):
        writer.note(f"The traced call went to {host!r}; give OpenAI(base_url=…) or set OPENAI_BASE_URL to go there.")
    elif span.provider not in (None, "openai"):
        writer.note(f"The provider was {span.provider!r}; give OpenAI(base_url=…) if that is not OpenAI.")
    return ["from openai import OpenAI", "", "client = OpenAI()", ""]


def _form(span: Span) -> str:
    """Which interface the call used, by what the span has of it."""
    if span.kind == "embedding":
        return "embeddings"
    parameters = span.model_parameters or {}
    first = span.name.partition(" ")[0]
    operation = span.attributes.get("gen_ai.operation.name")
    if span.provider == "anthropic":
        return "anthropic"
    if "text_completion" in (first, operation):
        return "completions"
    is_response = (span.response_id or "").startswith("resp_") or "max_output_tokens" in parameters
    return "responses" if first == "responses" or is_response else "chat"


def _given(span: Span, form: str, writer: Writer) -> dict[str, Any]:
    """What the model was given, as arguments of the method.

    Raises:
        ValueError: it cannot be given again; the text says why.
    """
    if form == "embeddings":
        if span.input is None or _is_captured(span.input):
            raise ValueError("The texts of this call were not captured, so that it cannot be made again.")
        return {"input": span.input}
    if not isinstance(span.input, Sequence) or isinstance(span.input, str) or not span.input:
        raise ValueError("The input of this span is no list of messages, so that no request can be made of it.")
    if not all(isinstance(message, Mapping) and "role" in message for message in span.input):
        raise ValueError("The input of this span is no list of messages, so that no request can be made of it.")
    if form == "anthropic":
        return anthropic_request(span.input, writer)
    if form == "responses":
        return responses_input(span.input, writer)
    messages = chat_messages(span.input, writer)
    if form == "completions":
        prompts = [message["content"] for message in messages if isinstance(message.get("content"), str)]
        return {"prompt": prompts[0] if len(prompts) == 1 else prompts}
    return {"messages": messages}


def _model(span: Span, writer: Writer) -> str:
    asked = span.attributes.get("gen_ai.request.model")
    model = asked if isinstance(asked, str) and asked else span.model
    if not model:
        writer.note("The model was not recorded; put its name in.")
    return model or "MODEL"


def _tool(tool: Mapping[str, Any], form: str) -> dict[str, Any]:
    """A tool as the interface takes it; stored ones have their name at the top."""
    inner = tool.get("function")
    flat = {**inner, "type": "function"} if isinstance(inner, Mapping) else dict(tool)
    kind = flat.get("type", "function")
    if form == "chat" and kind in ("function", "custom"):
        return {"type": kind, kind: {name: value for name, value in flat.items() if name != "type"}}
    if form == "anthropic" and "input_schema" not in flat and kind == "function":
        schema = flat.get("parameters") or {"type": "object", "properties": {}}
        return {"name": flat.get("name"), "description": flat.get("description") or "", "input_schema": schema}
    return flat


def _is_captured(value: Any) -> bool:
    """Whether a value is described instead of kept."""
    return isinstance(value, Mapping) and "$type" in value


def _none(reason: str) -> dict[str, str | None]:
    return {"code": None, "messages": None, "reason": reason}


def literal(value: Any, depth: int = 0) -> str:
    """Return a JSON value as Python that gives it back; on several lines when it is long."""
    short = _inline(value)
    if short is not None and len(short) + 4 * depth <= _WIDTH:
        return short
    indent, end = "    " * (depth + 1), "    " * depth
    if isinstance(value, str):
        pieces = value.splitlines(keepends=True)
        if len(pieces) < 2:
            return repr(value)
        return "(\n" + "".join(f"{indent}{piece!r}\n" for piece in pieces) + f"{end})"
    if isinstance(value, Mapping):
        items = [f"{indent}{str(key)!r}: {literal(item, depth + 1)},\n" for key, item in value.items()]
        return "{\n" + "".join(items) + f"{end}}}"
    return "[\n" + "".join(f"{indent}{literal(item, depth + 1)},\n" for item in value) + f"{end}]"


def _inline(value: Any) -> str | None:
    """A value on one line; None when it is long."""
    if value is None or isinstance(value, bool | int):
        return repr(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else f'float("{value}")'
    if isinstance(value, str):
        return repr(value) if len(value) < _WIDTH and "\n" not in value[:-1] else None
    made: list[str] = []
    size = 0
    pairs: Iterable[tuple[str, Any]] = value.items() if isinstance(value, Mapping) else (("", item) for item in value)
    for key, item in pairs:
        text = _inline(item)
        if text is None:
            return None
        made.append(f"{str(key)!r}: {text}" if isinstance(value, Mapping) else text)
        size += len(made[-1]) + 2
        if size > _WIDTH:
            return None
    return f"{{{', '.join(made)}}}" if isinstance(value, Mapping) else f"[{', '.join(made)}]"
