"""The raw forms of traced clients, by the name that their integrations write into a span's ``format``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from ._anthropic import map_messages_input, map_messages_output
from ._langchain import map_model_input, map_model_output
from ._openai_chat import map_chat_input, map_chat_output, map_completion_input, map_completion_output
from ._openai_embeddings import map_embeddings_input, map_embeddings_output
from ._openai_responses import map_responses_input, map_responses_output


class Mapper(NamedTuple):
    """How one raw form becomes ours; each function changes the fields it is given and may raise."""

    input: Callable[[dict[str, Any]], None]
    output: Callable[[dict[str, Any]], None]


MAPPERS: Final[Mapping[str, Mapper]] = {
    "anthropic.messages": Mapper(map_messages_input, map_messages_output),
    "langchain.model": Mapper(map_model_input, map_model_output),
    "openai.chat": Mapper(map_chat_input, map_chat_output),
    "openai.responses": Mapper(map_responses_input, map_responses_output),
    "openai.embeddings": Mapper(map_embeddings_input, map_embeddings_output),
    "openai.completions": Mapper(map_completion_input, map_completion_output),
}
