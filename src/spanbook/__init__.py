"""spanbook: the LLM engineering platform that lives inside the notebook.

``%load_ext spanbook`` is the whole set-up; ``import spanbook as sb`` for the rest. Every LLM call, retrieval, tool and
agent step is traced into one SQLite file and shown under the cell that made it. No server, no account.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._version import __version__
from .api import _runtime as _runtime  # registers what the first span starts, and the hooks of fork and exit
from .model.errors import (
    ExportError,
    FilterError,
    ModelAnswerError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelContentError,
    ModelContextError,
    ModelError,
    ModelRateLimitError,
    ModelRequestError,
    ModelServerError,
    ModelTimeoutError,
    NewerStoreError,
    NotAStoreError,
    OtlpError,
    QueryError,
    SpanbookError,
    StoreError,
    TraceNotFoundError,
    UsageError,
)
from .tracer import Span, SpanbookWarning, bind, context, current, trace
from .tracer._span import Span as span

if TYPE_CHECKING:
    from . import integrations, models, offline
    from .api._compare import TraceComparison
    from .api._functions import (
        compare_traces,
        flush,
        get_trace,
        last_trace,
        score,
        scores_df,
        spans_df,
        sql,
        stats,
        traces,
        traces_df,
    )
    from .api._import import import_traces
    from .api._otlp_export import export_otlp
    from .api._otlp_live import export_live
    from .api._receive import receive
    from .api._store import Store, init
    from .api._store import open_store as open
    from .api._trace import Trace, Traces
    from .integrations import instrument, uninstrument, wrap
    from .magics import load_ipython_extension, unload_ipython_extension
    from .models import get_model, use_client
    from .store._filter_names import filter_names
    from .tracer._w3c import extract, inject

#: Public names that are imported when first asked for: ``import spanbook`` stays under 60 ms.
_LAZY = {
    "Store": "api._store",
    "Trace": "api._trace",
    "TraceComparison": "api._compare",
    "Traces": "api._trace",
    "compare_traces": "api._functions",
    "export_live": "api._otlp_live",
    "export_otlp": "api._otlp_export",
    "extract": "tracer._w3c",
    "filter_names": "store._filter_names",
    "flush": "api._functions",
    "get_model": "models",
    "get_trace": "api._functions",
    "import_traces": "api._import",
    "init": "api._store",
    "inject": "tracer._w3c",
    "instrument": "integrations",
    "integrations": "",
    "last_trace": "api._functions",
    "load_ipython_extension": "magics",
    "models": "",
    "offline": "",
    "open": "api._store:open_store",
    "receive": "api._receive",
    "score": "api._functions",
    "scores_df": "api._functions",
    "spans_df": "api._functions",
    "sql": "api._functions",
    "stats": "api._functions",
    "traces": "api._functions",
    "traces_df": "api._functions",
    "uninstrument": "integrations",
    "unload_ipython_extension": "magics",
    "use_client": "models",
    "wrap": "integrations",
}

__all__ = [
    "ExportError",
    "FilterError",
    "ModelAnswerError",
    "ModelAuthenticationError",
    "ModelConnectionError",
    "ModelContentError",
    "ModelContextError",
    "ModelError",
    "ModelRateLimitError",
    "ModelRequestError",
    "ModelServerError",
    "ModelTimeoutError",
    "NewerStoreError",
    "NotAStoreError",
    "OtlpError",
    "QueryError",
    "Span",
    "SpanbookError",
    "SpanbookWarning",
    "Store",
    "StoreError",
    "Trace",
    "TraceComparison",
    "TraceNotFoundError",
    "Traces",
    "UsageError",
    "__version__",
    "bind",
    "compare_traces",
    "context",
    "current",
    "export_live",
    "export_otlp",
    "extract",
    "filter_names",
    "flush",
    "get_model",
    "get_trace",
    "import_traces",
    "init",
    "inject",
    "instrument",
    "integrations",
    "last_trace",
    "load_ipython_extension",
    "models",
    "offline",
    "open",
    "receive",
    "score",
    "scores_df",
    "span",
    "spans_df",
    "sql",
    "stats",
    "trace",
    "traces",
    "traces_df",
    "uninstrument",
    "unload_ipython_extension",
    "use_client",
    "wrap",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    where, _, attribute = _LAZY[name].partition(":")
    if not where:
        return import_module(f".{name}", __name__)
    value = getattr(import_module(f".{where}", __name__), attribute or name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
