"""LangChain and LangGraph: every run of a chain, model, tool, retriever, agent or graph is a span.

Decision (2026-11). A callback handler of ours is added to each callback manager that LangChain makes, which is how it
tells of its runs; the user's handlers stay as they are, and one handler seen twice is one. Parents come from the ids of
runs, so that they are right in LangChain's threads too. Callbacks cannot make a span current: async ones run in tasks
of their own, and those of a stream in the consumer's context. So that what happens inside a run stands below it, our
span follows LangChain's own context variable (``_set_config_context``), and is current around what models and
retrievers do, which set none. Runs that LangGraph tags as hidden are left out; what is below them stands one level up.

The call that a client makes for a model's run is seen, too, and counts in its place (``_stainless._calls.twin_of``).
"""

from __future__ import annotations

from .._registry import Integration
from ._targets import targets

__all__ = ["INTEGRATION"]

INTEGRATION = Integration(
    "langchain",
    package="langchain_core",
    tested="0.3.77 to 1.8",
    targets=targets,
)
