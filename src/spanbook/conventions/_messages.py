"""Messages in whatever form → ours. Which form it is, is told from the keys of each message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ._foreign_parts import UNTYPED
from ._openai_chat import chat_message, content_parts
from ._openai_common import flat_tool
from ._openai_responses import item_messages
from ._parts import Message, Part, not_captured, parsed_json, text_parts, tool_response
from ._python_text import parsed_python

#: Roles of LangChain, Gemini, smolagents and Cohere → OpenAI's.
ROLES: Final = {"human": "user", "ai": "assistant", "model": "assistant", "function": "tool", "bot": "assistant",
                "tool-call": "assistant", "tool-response": "tool", "USER": "user", "CHATBOT": "assistant",
                "SYSTEM": "system", "TOOL": "tool"}  # fmt: skip
_LANGCHAIN_TYPES: Final = frozenset(
    ("human", "ai", "system", "tool", "function", "chat", "AIMessageChunk", "HumanMessageChunk", "remove")
)
#: What a message in our form that needs no change has, and whose it is.
_PLAIN: Final = frozenset(("role", "parts", "finish_reason"))
_PLAIN_ROLES: Final = ("user", "assistant", "system")
_STANDARD_ROLES: Final = frozenset((*_PLAIN_ROLES, "developer", "tool", "unknown"))
#: Types of a Responses item that carry no role.
_ITEM_TYPES: Final = frozenset(("function_call", "function_call_output", "reasoning", "message", "item_reference"))
#: Steps of Gemini's Interactions API → whose they are.
_STEPS: Final = {"user_input": "user", "model_output": "assistant", "function_call": "assistant",
                 "function_result": "tool", "thought": "assistant"}  # fmt: skip
#: Those of them that nothing else is named like.
_OWN_STEPS: Final = frozenset(_STEPS) - {"function_call"}
#: A message has one of these.
_SAID: Final = frozenset(("content", "parts", "tool_calls", "function_call", "blocks", "refusal"))
_LISTS: Final = ("messages", "contents", "input", "input_messages")
_SCHEMAS: Final = ("inputSchema", "input_schema", "parameters_json_schema")
#: What is beside the text of a result of Vercel's AI SDK.
_OF_A_RESULT: Final = frozenset(("toolCalls", "files", "warnings"))
#: Roles of those who instruct the model.
_SYSTEM: Final = ("system", "developer")
#: Names of instructions in a request.
INSTRUCTIONS: Final = ("system", "instructions", "system_instruction", "systemInstruction")


def find_messages(value: Any, role: str = "user") -> list[Message] | None:
    """Return the messages in a value; None when it is none: some other input or output.

    Args:
        value: A list of messages, one message, or a request or response that holds them. Of a list of lists
            (LangChain sends batches) the first is taken.
        role: Whose words a message without a role are.
    """
    if isinstance(value, dict):
        return _from_mapping(value, role)
    if not isinstance(value, (list, tuple)) or not value:
        return None
    if isinstance(value[0], (list, tuple)):
        return find_messages(value[0], role)
    if all(map(_is_plain, value)):
        return list(value)
    if not all(map(_is_message, value)):
        is_steps = any(isinstance(item, dict) and str(item.get("type")) in _OWN_STEPS for item in value)
        return [_step(item, role) for item in value] if is_steps else None
    if any(isinstance(item, dict) and item.get("type") in _ITEM_TYPES and "parts" not in item for item in value):
        return item_messages(value)
    return [to_message(item, role) for item in value]


def to_messages(value: Any, role: str) -> list[Message] | None:
    """Return the messages in a value, or the value as the words of ``role``; None for nothing."""
    if value is None or value == "" or value == [] or value == {}:
        return None
    found = find_messages(value, role)
    if found is not None:
        return found
    if isinstance(value, dict) and isinstance(value.get("tool_calls"), (list, tuple)):
        return [to_message(value, role)]  # a streamed one
    if isinstance(value, (list, tuple)) and any(isinstance(item, dict) and "type" in item for item in value):
        return [{"role": role, "parts": content_parts(value)}]  # one message's pieces
    if isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value):
        return [{"role": role, "parts": text_parts(item)} for item in value]
    return [{"role": role, "parts": text_parts(value)}]


def to_message(raw: Any, role: str = "user") -> Message:
    """Return one message; ``role`` is used when it names none."""
    if not isinstance(raw, dict):
        return {"role": role, "parts": text_parts(raw)}
    raw = _unwrapped(raw)
    content = raw.get("content")
    if isinstance(content, dict) and isinstance(content.get("parts"), (list, tuple)):  # Gemini
        raw = {**raw, **content, "role": content.get("role") or raw.get("role")}
    said = raw.get("role")
    name = said if isinstance(said, str) and said else role
    role = ROLES.get(name, name)
    parts = parsed_json(raw.get("parts"))
    if isinstance(parts, (list, tuple)):
        message: Message = {"role": role, "parts": _all_parts(parts, raw, role)}
        if raw.get("name"):
            message["name"] = str(raw["name"])
    else:
        message = chat_message({**raw, "role": role, "content": _content(raw)})
    if isinstance(raw.get("finish_reason"), str) and raw["finish_reason"]:
        message["finish_reason"] = raw["finish_reason"]
    return message


def instructions(value: Any) -> list[Message]:
    """Return the system's message: from text, a list of parts, or JSON text of one."""
    value = parsed_json(value)
    if isinstance(value, dict) and "parts" in value:
        value = value["parts"]
    parts = content_parts(value if isinstance(value, (list, tuple)) else value or None)
    return [{"role": "system", "parts": parts}] if parts else []


def with_instructions(system: Sequence[Message], messages: Sequence[Message]) -> list[Message]:
    """Return messages with the system's before them, without the parts that a system message among them says."""
    given = [part for message in messages if message["role"] in _SYSTEM for part in message["parts"]]
    said = {paragraph for part in given for paragraph in _paragraphs(part)}
    asked = [part for message in system for part in message["parts"]]
    parts = [part for part in asked if part["type"] != "text" or _paragraphs(part) - said]
    return [*([{"role": "system", "parts": parts}] if parts else []), *messages]


def _paragraphs(part: Part) -> set[str]:
    """Return what a text part says, by paragraphs: clients join several instructions by empty lines."""
    return set(str(part["content"]).strip().split("\n\n")) if part["type"] == "text" else set()


def flat_tools(value: Any) -> list[Any] | None:
    """Return tools offered to the model, each with name and parameters at the top; None when there are none."""
    value = parsed_json(value)
    if isinstance(value, dict):  # by name
        value = [{"name": name, **tool} for name, tool in value.items() if isinstance(tool, dict)]
    if not isinstance(value, (list, tuple)) or not value:
        return None
    return [_flat_tool(one) for tool in map(parsed_json, value) for one in _declared(tool)]


def _declared(tool: Any) -> Sequence[Any]:
    """Return the functions that a tool of Gemini's declares; another tool as it is."""
    names = ("function_declarations", "functionDeclarations")
    found = [tool[name] for name in names if isinstance(tool, dict) and isinstance(tool.get(name), list)]
    return found[0] if found else [tool]


def join_reasoning(messages: Sequence[Message]) -> list[Message]:
    """Return an answer with its reasoning, which some instrumentors send as a message before it, in one message."""
    out: list[Message] = []
    for message in messages:
        last = out[-1] if out else None
        alone = last is not None and last["parts"] and all(part["type"] == "reasoning" for part in last["parts"])
        if last is not None and alone and message["role"] == last["role"] == "assistant":
            out[-1] = {**message, "parts": [*last["parts"], *message["parts"]]}
        else:
            out.append(message)
    return out


def run_on(parts: Sequence[Part]) -> list[Part]:
    """Return parts with neighbours that are text, or reasoning, as one: the pieces of a stream."""
    out: list[Part] = []
    for part in parts:
        if out and part["type"] == out[-1]["type"] and part["type"] in ("text", "reasoning"):
            out[-1] = {**out[-1], "content": f"{out[-1]['content']}{part['content']}"}
        else:
            out.append(part)
    return out


def join_results(messages: Sequence[Message]) -> list[Message]:
    """Return messages with each tool's result a message of role ``tool`` that names the tool it came from.

    Anthropic and GenAI put results into the user's message; Langfuse's handler for LangChain in JavaScript writes the
    name of the tool as the role. A result told twice (Bedrock's events) is there once.
    """
    messages = _with_results(messages)
    if not any(part["type"] == "tool_call_response" for message in messages for part in message["parts"]):
        return list(messages)
    messages = _in_order(messages)
    names: dict[Any, str] = {}
    told: dict[str, Any] = {}
    out: list[Message] = []
    for message in messages:
        rest: list[Part] = []
        for part in message["parts"]:
            kind = part["type"]
            id = part.get("id")
            if kind == "tool_call" and isinstance(id, str):
                names[id] = str(part.get("name") or "")
            if kind != "tool_call_response":
                rest.append(part)
                continue
            if isinstance(id, str):
                if id in told and told[id] == part.get("response"):
                    continue
                told[id] = part.get("response")
            if not part.get("name") and isinstance(id, str) and names.get(id):
                part = {**part, "name": names[id]}
            if message["role"] in ("user", "tool"):
                out.append({"role": "tool", "parts": [part]})
            else:
                rest.append(part)
        if len(rest) == len(message["parts"]):
            out.append(message)
        elif rest and message["role"] == "tool" and out[-1]["role"] == "tool":
            out[-1]["parts"].extend(rest)  # pictures that belong to the result
        elif rest:
            out.append({**message, "parts": rest})
    return out


def _in_order(messages: Sequence[Message]) -> Sequence[Message]:
    """Return messages with calls and results joined by their order, or name, where their ids do not.

    OpenLLMetry sends for OpenAI's agents the id of the item that a call is; Ollama's calls have none.
    """
    called, answered = _ids(messages, "tool_call"), _ids(messages, "tool_call_response")
    if None not in answered and answered <= called:
        return messages
    out = [{**message, "parts": list(message["parts"])} for message in messages]
    waiting: list[tuple[list[Part], int]] = []  # parts of a message, and which of them is a call without a result
    for message in out:
        parts = message["parts"]
        if message["role"] == "user" and not any(part["type"] == "tool_call_response" for part in parts):
            waiting = []
        for at, part in enumerate(parts):
            id = _id(part)
            if part["type"] == "tool_call" and (id is None or id not in answered):
                waiting.append((parts, at))
            elif part["type"] == "tool_call_response" and (id is None or id not in called):
                _join(part, parts, at, waiting)
    return out


def _ids(messages: Sequence[Message], kind: str) -> set[str | None]:
    return {_id(part) for message in messages for part in message["parts"] if part["type"] == kind}


def _id(part: Part) -> str | None:
    """Return the id of a call or a result; what is no text joins nothing."""
    id = part.get("id")
    return id if isinstance(id, str) else None


def _join(result: Part, parts: list[Part], at: int, waiting: list[tuple[list[Part], int]]) -> None:
    """Join a result with the first call that waits for one, of the tool that it names if it names one."""
    for one in waiting:
        its_parts, its_at = one
        call = its_parts[its_at]
        name = call.get("name")
        if result.get("name", name) == name:
            id = call.get("id") if _id(result) is None else result["id"]
            its_parts[its_at] = {**call, "id": id}
            parts[at] = {**result, "id": id, "name": name}
            waiting.remove(one)
            return


def _with_results(messages: Sequence[Message]) -> Sequence[Message]:
    """Return messages whose role is the name of a tool that was called as results of that tool."""
    if all(message["role"] in _STANDARD_ROLES for message in messages):
        return messages
    called = {part.get("name") for message in messages for part in message["parts"] if part["type"] == "tool_call"}
    return [_result_of(message) if message["role"] in called - _STANDARD_ROLES else message for message in messages]


def _result_of(message: Message) -> Message:
    name = message["role"]
    parts = [
        tool_response(None, part["content"], name) if part["type"] == "text" else part for part in message["parts"]
    ]
    return {"role": "tool", "parts": parts}


def say_gaps(messages: Sequence[Message]) -> list[Message]:
    """Return a call's input with a note in each message of which the client kept no part."""
    gap = not_captured(1, "the client kept no part of this message")
    return [message if message["parts"] else {**message, "parts": [gap]} for message in messages]


def is_messages(value: Any) -> bool:
    """Tell whether a value is messages in our form."""
    return isinstance(value, list) and bool(value) and all(map(_is_ours, value))


def _is_ours(item: Any) -> bool:
    if not isinstance(item, dict) or not isinstance(item.get("role"), str) or not isinstance(item.get("parts"), list):
        return False
    for part in item["parts"]:  # noqa: SIM110 (of every message: a generator takes twice as long)
        if not isinstance(part, dict) or not isinstance(part.get("type"), str):
            return False
    return True


def _is_plain(item: Any) -> bool:
    """Tell whether a message is in our form to the letter: nothing but texts, as most are."""
    if type(item) is not dict or item.get("role") not in _PLAIN_ROLES or not item.keys() <= _PLAIN:
        return False
    parts, reason = item.get("parts"), item.get("finish_reason", "stop")
    if type(parts) is not list or not isinstance(reason, str) or not reason:
        return False
    for part in parts:
        if type(part) is not dict or len(part) != 2 or part.get("type") != "text":
            return False
        if type(part.get("content")) is not str or not part["content"]:
            return False
    return True


def _from_mapping(value: Mapping[str, Any], role: str) -> list[Message] | None:
    if _is_message(value):
        return find_messages([value], role)
    if _is_message(value.get("message")):  # LlamaIndex, Ollama
        return [to_message(value["message"], "assistant")]
    if isinstance(value.get("choices"), (list, tuple)):
        return [_choice(choice) for choice in value["choices"] if isinstance(choice, dict)]
    if isinstance(value.get("candidates"), (list, tuple)):  # Gemini
        return [to_message(one.get("content"), "assistant") for one in value["candidates"] if isinstance(one, dict)]
    if value.get("object") == "interaction":  # Gemini
        return to_messages(value.get("steps") or value.get("outputs"), "assistant")
    if isinstance(value.get("output"), (list, tuple)):  # Responses
        return item_messages(value["output"])
    if isinstance(value.get("generations"), (list, tuple)):  # LangChain
        return _generations(value["generations"])
    system = [message for name in INSTRUCTIONS for message in instructions(value.get(name))]
    for name in _LISTS:
        found = find_messages(value.get(name), role)
        if found is not None:
            return [*system, *found]
    for name in ("prompt", "input"):
        if isinstance(value.get(name), str) and (system or "model" in value or len(value) == 1):
            return [*system, {"role": role, "parts": text_parts(value[name])}]
    if isinstance(value.get("text"), str) and not _OF_A_RESULT.isdisjoint(value):
        return _result_of_sdk(value)
    return None


def _step(item: Any, role: str) -> Message:
    kind = item.get("type") if isinstance(item, dict) else None
    role = _STEPS.get(kind, role) if isinstance(kind, str) else role
    if kind in ("user_input", "model_output"):
        return to_message({"role": role, "content": item.get("content")})
    return {"role": role, "parts": content_parts([item])}


def _result_of_sdk(value: Mapping[str, Any]) -> list[Message]:
    """Return the answer in a result of Vercel's AI SDK, as Mastra's exporters send it."""
    calls = value.get("toolCalls")
    pieces = [{**one, "type": "tool-call"} for one in (calls if isinstance(calls, (list, tuple)) else ())
              if isinstance(one, Mapping)]  # fmt: skip
    return [{"role": "assistant", "parts": [*text_parts(value["text"]), *content_parts(pieces)]}]


def _choice(choice: Mapping[str, Any]) -> Message:
    message = to_message(choice.get("message", {"content": choice.get("text")}), "assistant")
    if isinstance(choice.get("finish_reason"), str):
        message["finish_reason"] = choice["finish_reason"]
    return message


def _generations(batches: Sequence[Any]) -> list[Message] | None:
    first = batches[0] if batches and isinstance(batches[0], (list, tuple)) else batches
    found = [one.get("message", {"content": one.get("text")}) for one in first if isinstance(one, dict)]
    return [to_message(one, "assistant") for one in found] or None


def _is_message(item: Any) -> bool:
    if not isinstance(item, dict):
        return False
    if isinstance(item.get("role"), str):
        return not _SAID.isdisjoint(item)
    kind = item.get("type")
    if item.get("lc") == 1 and isinstance(item.get("kwargs"), dict):
        return True
    if kind in _LANGCHAIN_TYPES:
        return "content" in item or isinstance(item.get("data"), dict)
    return kind in _ITEM_TYPES and bool({"call_id", "summary", "arguments", "output"} & item.keys())


def _unwrapped(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a LangChain message without its wrapping, and with a role."""
    kind = raw.get("type")
    if raw.get("lc") == 1 and isinstance(raw.get("kwargs"), dict):
        path = raw.get("id")
        name = str(path[-1]) if isinstance(path, (list, tuple)) and path else ""
        raw = raw["kwargs"]
        kind = raw.get("type") or name.removesuffix("Chunk").removesuffix("Message").lower()
    elif kind in _LANGCHAIN_TYPES and isinstance(raw.get("data"), dict):
        raw = raw["data"]
    if isinstance(raw.get("role"), str) or not isinstance(kind, str):
        return raw
    role = {"AIMessageChunk": "assistant", "HumanMessageChunk": "user"}.get(kind, kind)
    return {**raw, "role": ROLES.get(role, role)}


def _all_parts(pieces: Sequence[Any], raw: Mapping[str, Any], role: str) -> list[Part]:
    """Return the parts of a message whose calls, or the id of the call it answers, stand beside them (litellm)."""
    parts = content_parts(pieces)
    if raw.get("tool_call_id") and not any(part["type"] == "tool_call_response" for part in parts):
        said = chat_message({"role": "tool", "tool_call_id": raw["tool_call_id"], "content": pieces})
        return list(said["parts"])
    if raw.get("tool_calls") and not any(part["type"] == "tool_call" for part in parts):
        parts += chat_message({"role": role, "tool_calls": parsed_json(raw["tool_calls"])})["parts"]
    return parts


def _content(raw: Mapping[str, Any]) -> Any:
    """Return a message's content: text, pieces, or text of pieces (as JSON, or as Python writes them: litellm)."""
    content = raw.get("content", raw.get("blocks"))
    if isinstance(content, str) and content[:2] == "[{":
        pieces = parsed_python(content) if content[2:3] == "'" else parsed_json(content)
        if isinstance(pieces, list) and all(isinstance(one, dict) and "type" in one for one in pieces):
            return pieces
    if isinstance(content, dict) and raw.get("role") != "tool" and not UNTYPED.keys().isdisjoint(content):
        return [content]  # Gemini's, one piece alone
    return content


def _flat_tool(tool: Any) -> Any:
    if not isinstance(tool, dict):
        return {"type": "function", "name": tool} if isinstance(tool, str) else tool
    tool = flat_tool(tool)
    schema = next((tool[name] for name in _SCHEMAS if tool.get(name) is not None), None)
    if isinstance(schema, dict) and schema.keys() == {"json"}:  # Bedrock
        schema = schema["json"]
    if schema is None or "parameters" in tool:
        return tool
    rest = {name: value for name, value in tool.items() if name not in _SCHEMAS}
    return {**rest, "parameters": schema}
