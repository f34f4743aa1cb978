"""Google's Agent Development Kit before version 2: a call's request and response as JSON of Gemini's API.

From version 2 on it follows GenAI's conventions, and writes these only when it is asked to.
Source: ``google/adk/telemetry/tracing.py``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from ._draft import Draft
from ._messages import flat_tools, instructions, to_message
from ._parts import Message
from ._usage import usage_from

SCOPE: Final = "gcp.vertex.agent"
_REQUEST: Final = "gcp.vertex.agent.llm_request"
_RESPONSE: Final = "gcp.vertex.agent.llm_response"
#: Where the names of JavaScript's have a capital letter, those of Python have an underscore before it.
_HUMP: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
_NOT_PARAMETERS: Final = ("system_instruction", "tools")
#: What of a response is shown elsewhere; one that says more stays an attribute, too.
_SHOWN: Final = frozenset(
    ("content", "usage_metadata", "model_version", "finish_reason", "error_code", "error_message", "partial")
)


def map_google_adk(draft: Draft) -> None:
    """Set what its own attributes say."""
    name = draft.span.name
    draft.put("session_id", draft.text("gcp.vertex.agent.session_id"))
    if name == "call_llm":
        draft.put("kind", "llm")
        _put_call(draft)
    elif name.startswith("execute_tool"):
        draft.put("kind", "tool")
        for unused in (_REQUEST, _RESPONSE):
            if draft.left.get(unused) == "{}":
                del draft.left[unused]
        draft.put("input", draft.data("gcp.vertex.agent.tool_call_args"))
        draft.put("output", draft.data("gcp.vertex.agent.tool_response"))
    elif name.startswith("agent_run"):
        draft.put("kind", "agent")
    elif name == "invocation":
        draft.put("kind", "chain")
    elif name == "send_data":
        draft.put_messages("input", _messages(draft.items("gcp.vertex.agent.data")))


def _put_call(draft: Draft) -> None:
    """Set what a call was asked and answered; ``{}`` stands for contents that were not to be kept."""
    request, response = draft.mapping(_REQUEST), _as_python(draft.mapping(_RESPONSE))
    config = request.get("config")
    if isinstance(config, dict):
        config = _as_python(config)
        given = {
            name: value for name, value in config.items() if name not in _NOT_PARAMETERS and value not in ({}, None)
        }
        if "max_output_tokens" in given:
            given["max_tokens"] = given.pop("max_output_tokens")
        draft.add("model_parameters", given)
        draft.put("tools", flat_tools(config.get("tools")))
        system = instructions(config.get("system_instruction"))
    else:
        system = []
    draft.put_messages("input", [*system, *_messages(request.get("contents"))])
    if isinstance(response.get("content"), dict):
        draft.put_messages("output", [to_message(response["content"], "assistant")])
    version = response.get("model_version")
    draft.put("model", version if isinstance(version, str) else None)
    draft.put_usage(usage_from(response.get("usage_metadata")))
    reason = response.get("finish_reason")
    draft.put("finish_reason", reason if isinstance(reason, str) else None)
    if response.get("error_code"):
        draft.put("error", {"type": str(response["error_code"]), "message": str(response.get("error_message") or "")})
    if not response.keys() <= _SHOWN:
        draft.left[_RESPONSE] = draft.span.attributes[_RESPONSE]


def _as_python(given: Mapping[str, Any]) -> dict[str, Any]:
    return {_HUMP.sub("_", name).lower(): value for name, value in given.items()}


def _messages(contents: Any) -> list[Message]:
    return [to_message(one) for one in contents if isinstance(one, Mapping)] if isinstance(contents, list) else []
