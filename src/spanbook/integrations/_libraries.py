"""Well-known libraries that make or wrap model calls, and what traces each: names of packages, nothing is imported."""

from __future__ import annotations

import re
import sys
from types import FrameType
from typing import Final, NamedTuple

from ..tracer import warn_once


class Library(NamedTuple):
    """A library that spanbook does not trace itself."""

    name: str  # what its instrumentors call it
    module: str
    package: str  # its distribution
    instrumentor: str = ""  # the package to install; empty: there is none
    advice: str = ""  # what to do instead
    is_general: bool = False  # most who import it call no model: it is only listed


def _openinference(name: str, module: str = "", package: str = "", instrumentor: str = "") -> Library:
    short = instrumentor or name.replace("_", "-")
    return Library(name, module or name, package or name, f"openinference-instrumentation-{short}")


#: Sources: the lists of packages of https://github.com/Arize-ai/openinference and
#: https://github.com/traceloop/openllmetry, read in November 2026.
LIBRARIES: Final = (
    _openinference("ag2", "autogen"),
    _openinference("agno"),
    _openinference("autogen_agentchat", package="autogen-agentchat"),
    _openinference("beeai", "beeai_framework", "beeai-framework"),
    _openinference("claude_agent_sdk", package="claude-agent-sdk"),
    _openinference("cohere"),
    _openinference("crewai"),
    _openinference("dspy"),
    _openinference("google_adk", "google.adk", "google-adk"),
    _openinference("google_genai", "google.genai", "google-genai"),
    _openinference("groq"),
    _openinference("guardrails", package="guardrails-ai"),
    _openinference("haystack", package="haystack-ai"),
    _openinference("instructor"),
    _openinference("mistralai"),
    _openinference("ollama"),
    _openinference("openai_agents", "agents", "openai-agents"),
    _openinference("pipecat", package="pipecat-ai"),
    _openinference("portkey", "portkey_ai", "portkey-ai"),
    _openinference("smolagents"),
    _openinference("strands_agents", "strands", "strands-agents"),
    _openinference("together"),
    _openinference("vertexai", package="google-cloud-aiplatform"),
    Library("bedrock", "boto3", "boto3", "openinference-instrumentation-bedrock", is_general=True),
    Library("chromadb", "chromadb", "chromadb", "opentelemetry-instrumentation-chromadb"),
    Library("google_generativeai", "google.generativeai", "google-generativeai",
            "opentelemetry-instrumentation-google-generativeai"),
    Library("replicate", "replicate", "replicate", "opentelemetry-instrumentation-replicate"),
    Library("watsonx", "ibm_watsonx_ai", "ibm-watsonx-ai", "opentelemetry-instrumentation-watsonx"),
    Library("writer", "writerai", "writer-sdk", "opentelemetry-instrumentation-writer"),
    Library("pydantic_ai", "pydantic_ai", "pydantic-ai", advice="call pydantic_ai.Agent.instrument_all()"),
    Library("guidance", "guidance", "guidance", advice="put @sb.trace on the functions that use it"),
)  # fmt: skip
#: Names of instrumentors' libraries (distributions) → the module to await, where it is not the name itself.
MODULES: Final = {library.package: library.module for library in LIBRARIES} | {
    "llama-index-core": "llama_index.core",
    "llama-index": "llama_index.core",
    "langchain-core": "langchain_core",
    "pyyaml": "yaml",
    "psycopg2-binary": "psycopg2",
}
_REQUIREMENT: Final = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)(.*)", re.DOTALL)


def library_of(requires: tuple[str, ...]) -> tuple[str, str]:
    """Return the distribution that an instrumentor is for, and its versions: the first of its extra ``instruments``."""
    for requirement in requires:
        found = _REQUIREMENT.match(requirement)
        if found is not None and re.search(r"extra\s*==\s*['\"]instruments", found[2]):
            return re.sub(r"[-_.]+", "-", found[1]).lower(), found[2].partition(";")[0].strip(" ()")
    return "", ""


def module_of(package: str, name: str) -> str:
    """Return the module to await for a distribution, or for an instrumentor that says none."""
    return MODULES.get(package) or (package or name).replace("-", "_")


def is_installed(library: Library) -> bool:
    """Tell whether it is what its module's name says, and not a file of the program's own (``agents.py``)."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return bool(version(library.package))
    except PackageNotFoundError:
        return False


def hint_for(library: Library) -> str:
    """Return how to have a library traced, in words."""
    if library.instrumentor:
        return f"install {library.instrumentor} to trace {library.name}"
    return f"to trace {library.name}, {library.advice}"


def say_hint(library: Library) -> None:
    """Say it once, when the program imports the library itself; what another library brings is only in the table."""
    if not library.is_general and _importer() == "__main__" and is_installed(library):
        text = hint_for(library)
        warn_once(f"untraced-{library.name}", f"{text[0].upper()}{text[1:]}; its calls of openai and anthropic are.")


def _importer() -> str:
    """Return the name of the module whose import statement runs."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name = str(frame.f_globals.get("__name__"))
        if not name.startswith(("importlib", "spanbook.")) and "importlib" not in frame.f_code.co_filename:
            return name
        frame = frame.f_back
    return ""
