"""Which methods of LlamaIndex become spans, and of what kind.

LlamaIndex reports public methods and the private ones beneath; of two for the same thing on one object the outer is
kept. Methods that only pass on (``predict``, splitters, programs, an agent's own steps) are left out: what they call
stands below whoever called them. Classes are told by the names of their bases, so nothing is imported.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, NamedTuple


class Role(NamedTuple):
    """What a method does."""

    kind: str
    operation: str = ""  # first word of the name, where that is not class and method


_CHAIN: Final = Role("chain")
_CHAT: Final = Role("llm", "chat")
_COMPLETION: Final = Role("llm", "text_completion")
_EMBEDDING: Final = Role("embedding", "embeddings")


def _all(role: Role, *methods: str) -> dict[str, Role]:
    """Return the role of methods, of their async twins, and of the private ones beneath these."""
    return {prefix + method: role for method in methods for prefix in ("", "a", "_", "_a")}


_MODEL: Final = {
    **_all(_CHAT, "chat", "stream_chat"),
    **_all(_COMPLETION, "complete", "stream_complete"),
    **_all(_CHAIN, "structured_predict", "stream_structured_predict"),
}
#: Name of a base class → its methods; the first that fits holds.
_ROLES: Final[tuple[tuple[str, dict[str, Role]], ...]] = (
    ("BaseLLM", _MODEL),
    ("MultiModalLLM", _MODEL),
    ("BaseEmbedding", {}),
    ("BaseSparseEmbedding", {}),
    ("MultiModalEmbedding", {}),
    ("BaseRetriever", _all(Role("retriever"), "retrieve")),
    ("BaseNodePostprocessor", _all(_CHAIN, "postprocess_nodes")),
    ("BaseAgent", _all(Role("agent"), "chat", "stream_chat", "query")),
    ("BaseQueryEngine", _all(_CHAIN, "query")),
    ("BaseSynthesizer", _all(_CHAIN, "synthesize", "get_response")),
    ("BaseChatEngine", _all(_CHAIN, "chat", "stream_chat")),
    ("BaseTool", {"__call__": Role("tool"), "call": Role("tool"), "acall": Role("tool")}),
    ("BaseWorkflowAgent", {"run": Role("agent")}),
    ("AgentWorkflow", {"run": Role("agent")}),
    ("Workflow", {"run": _CHAIN}),
    ("BaseSelector", _all(_CHAIN, "select")),
    ("BaseEvaluator", _all(Role("evaluator"), "evaluate")),
    ("IngestionPipeline", {"run": _CHAIN, "arun": _CHAIN}),
)
_EMBEDDERS: Final = frozenset({"BaseEmbedding", "BaseSparseEmbedding", "MultiModalEmbedding"})
#: Steps of workflows that are LlamaIndex's own; an agent's models and tools tell what they do.
_OWN_STEPS: Final = ("BaseWorkflowAgent.", "AgentWorkflow.")
_STEP: Final = "llamaindex.step.input_event"  # a tag that every step has


def role_of(instance: Any, name: str, tags: Any) -> Role | None:
    """Return the role of a method of ``instance``, or of a function, given as ``Class.method``; None: leave it out."""
    if instance is None:
        is_step = isinstance(tags, dict) and _STEP in tags
        return _CHAIN if is_step and not name.startswith(_OWN_STEPS) else None
    kind: Any = type(instance)
    return _role(kind, name.rpartition(".")[2])


@lru_cache(maxsize=1024)
def _role(kind: type, method: str) -> Role | None:
    names = {base.__name__ for base in kind.__mro__}
    for base, methods in _ROLES:
        if base not in names:
            continue
        if base in _EMBEDDERS:
            return _EMBEDDING if "embedding" in method and "agg" not in method else None
        role = methods.get(method)
        if base == "BaseNodePostprocessor" and role is not None and "rerank" in kind.__name__.lower():
            return Role("reranker")
        return role
    return None


#: Package of a model or an embedding → provider, as the price table names it, where they differ.
_PROVIDERS: Final = {
    "azure_openai": "azure",
    "bedrock": "aws",
    "bedrock_converse": "aws",
    "sagemaker_endpoint": "aws",
    "gemini": "google",
    "google": "google",
    "google_genai": "google",
    "vertex": "google",
    "mistralai": "mistral",
    "openai_responses": "openai",
}
#: Packages that ask whichever provider they are told to.
_ANY: Final = frozenset({"litellm", "openai_like", "openai_compatible", "langchain", "custom", "mock"})


@lru_cache(maxsize=256)
def provider_of(kind: type) -> str | None:
    """Return the provider of a model's class or of the class it is made from; None where that tells nothing."""
    for base in kind.__mro__:
        package, _, rest = base.__module__.partition(".")
        group, _, name = rest.partition(".")
        name = name.partition(".")[0]
        if package == "llama_index" and group in ("llms", "embeddings", "multi_modal_llms") and name not in _ANY:
            return _PROVIDERS.get(name, name)
    return None
